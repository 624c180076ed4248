"""Word files: the text of one, and one made of Markdown. Both take time in proportion to the text."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterable, Iterator
from html import escape
from io import BytesIO
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from docx.document import Document as WordDocument
    from docx.oxml.table import CT_Tbl, CT_Tc

MOST_CHARACTERS = 1_000_000
"""The longest text that becomes a Word file."""
MOST_CHARACTERS_READ = 10_000_000
"""The longest text that is read from one."""
_MOST_UNPACKED_BYTES = 256 * 2**20
_HEADING_STYLE = re.compile(r"Heading (\d)")
_HEADING = re.compile(r"(#{1,6})\s+(.*)")
_BULLET = re.compile(r"[-*+]\s+(.*)")
_NUMBERED = re.compile(r"\d{1,3}[.)]\s+(.*)")
_QUOTE = re.compile(r">\s?(.*)")
_EMPHASIS = re.compile(r"\*\*(?P<bold>[^*]+)\*\*|\*(?P<italic>[^*\s][^*]*)\*")
# What XML 1.0 cannot hold.
_NOT_IN_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
# The first moment that a zip archive can state: equal texts make equal files, whenever they are written.
_NO_TIME = (1980, 1, 1, 0, 0, 0)


class TooLargeError(ValueError):
    """It holds more than is read or written."""


def text_of_word(data: bytes) -> str:
    """The text of a .docx file: headings as in Markdown, one line per row of a table.

    TooLargeError where it unpacks to more than 256 MiB, or has more than 10,000,000 characters.
    """
    from docx import Document  # noqa: PLC0415 -- slow to import, and few runs have such files

    with zipfile.ZipFile(BytesIO(data)) as archive:
        # What an entry unpacks to beyond its stated size is never read.
        if sum(entry.file_size for entry in archive.infolist()) > _MOST_UNPACKED_BYTES:
            raise TooLargeError(f"unpacks to more than {_MOST_UNPACKED_BYTES // 2**20} MiB")
    document = Document(BytesIO(data))
    return "\n\n".join(text for text in bounded(_block_texts(document)) if text)


def word_of_markdown(markdown: str) -> bytes:
    """A .docx file with the headings, lists, quotes, paragraphs and emphasis of the text; all else as it stands.

    TooLargeError where the text has more than 1,000,000 characters.
    """
    from docx import Document  # noqa: PLC0415 -- as above

    if len(markdown) > MOST_CHARACTERS:
        raise TooLargeError(f"{len(markdown):,} characters, and a Word file holds {MOST_CHARACTERS:,} at most")
    document = Document()
    blocks = list(_blocks(_NOT_IN_XML.sub("", markdown)))
    style_ids = {style: _style_id(document, style) for style in dict.fromkeys(style for style, _ in blocks)}
    empty = BytesIO()
    document.save(empty)
    return _with_body(empty.getvalue(), "".join(_paragraph(style_ids[style], text) for style, text in blocks))


def bounded(texts: Iterable[str]) -> Iterator[str]:
    """The texts one by one; TooLargeError once they have more than 10,000,000 characters together."""
    length = 0
    for text in texts:
        length += len(text)
        if length > MOST_CHARACTERS_READ:
            raise TooLargeError(f"holds more than {MOST_CHARACTERS_READ:,} characters")
        yield text


def _block_texts(document: WordDocument) -> Iterator[str]:
    from docx.oxml.table import CT_Tbl  # noqa: PLC0415 -- as above

    headings = {
        style.style_id: int(found[1])
        for style in document.styles
        if (found := _HEADING_STYLE.fullmatch(style.name or ""))
    }
    for block in document.element.body.inner_content_elements:
        if isinstance(block, CT_Tbl):
            yield "\n".join(bounded(_row_texts(block)))
        else:
            text, level = block.text.strip(), headings.get(block.style or "")
            yield f"{'#' * level} {text}" if text and level else text


def _row_texts(table: CT_Tbl) -> Iterator[str]:
    """A line per row. A cell that spans columns is said once, one that spans rows in each of them."""
    above: dict[int, str] = {}
    for row in table.tr_lst:
        column, texts = 0, {}
        for cell in row.tc_lst:
            texts[column] = above.get(column, "") if cell.vMerge == "continue" else _cell_text(cell)
            column += max(1, cell.grid_span)
        above = texts
        yield " | ".join(texts.values())


def _cell_text(cell: CT_Tc) -> str:
    return "\n".join(paragraph.text for paragraph in cell.p_lst).strip()


def _style_id(document: WordDocument, name: str) -> str | None:
    from docx.enum.style import WD_STYLE_TYPE  # noqa: PLC0415 -- as above

    found: str | None = document.styles.get_style_id(name, WD_STYLE_TYPE.PARAGRAPH)
    return found


def _paragraph(style_id: str | None, text: str) -> str:
    style = f'<w:pPr><w:pStyle w:val="{style_id}"/></w:pPr>' if style_id else ""
    return f"<w:p>{style}{''.join(_run_xml(*one) for one in _runs(text))}</w:p>"


def _run_xml(text: str, is_bold: bool, is_italic: bool) -> str:
    look = f"<w:rPr>{'<w:b/>' if is_bold else '<w:i/>'}</w:rPr>" if is_bold or is_italic else ""
    said = escape(text, quote=False).replace("\t", '</w:t><w:tab/><w:t xml:space="preserve">')
    return f'<w:r>{look}<w:t xml:space="preserve">{said}</w:t></w:r>'


def _blocks(markdown: str) -> Iterator[tuple[str, str]]:
    """(style, text) of each block; lines of one paragraph are joined."""
    paragraph: list[str] = []
    for line in [*markdown.splitlines(), ""]:
        stripped = line.strip()
        block = _block_of(stripped)
        if (block is not None or not stripped) and paragraph:
            yield "Normal", " ".join(paragraph)
            paragraph = []
        if block is not None:
            yield block
        elif stripped:
            paragraph.append(stripped)


def _block_of(line: str) -> tuple[str, str] | None:
    """The block that a line is by itself; None for a line of a paragraph."""
    if found := _HEADING.fullmatch(line):
        return f"Heading {len(found[1])}", found[2].rstrip("# ")
    for pattern, style in ((_BULLET, "List Bullet"), (_NUMBERED, "List Number"), (_QUOTE, "Quote")):
        if found := pattern.fullmatch(line):
            return style, found[1]
    return None


def _runs(text: str) -> Iterator[tuple[str, bool, bool]]:
    """(text, is bold, is italic), in order."""
    end = 0
    for found in _EMPHASIS.finditer(text):
        if found.start() > end:
            yield text[end : found.start()], False, False
        bold = found["bold"]
        yield bold or found["italic"], bold is not None, bold is None
        end = found.end()
    if end < len(text):
        yield text[end:], False, False


def _with_body(data: bytes, paragraphs: str) -> bytes:
    """An empty .docx file with these paragraphs, and without the times of writing.

    They are put in as text: the library looks for the end of the body, and of each paragraph, with every addition.
    """
    written = BytesIO()
    with zipfile.ZipFile(BytesIO(data)) as old, zipfile.ZipFile(written, "w") as new:
        for entry in old.infolist():
            content = old.read(entry)
            if entry.filename == "word/document.xml":
                end = content.rindex(b"<w:sectPr")
                content = content[:end] + paragraphs.encode() + content[end:]
            new.writestr(zipfile.ZipInfo(entry.filename, _NO_TIME), content, zipfile.ZIP_DEFLATED)
    return written.getvalue()
