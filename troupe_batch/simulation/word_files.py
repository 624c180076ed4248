"""Word files: the text of one, and one made of Markdown."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from io import BytesIO
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from docx.table import Table
    from docx.text.paragraph import Paragraph

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


def text_of_word(data: bytes) -> str:
    """The text of a .docx file: headings as in Markdown, one line per row of a table."""
    from docx import Document  # noqa: PLC0415 -- slow to import, and few runs have such files
    from docx.text.paragraph import Paragraph  # noqa: PLC0415 -- as above

    blocks = Document(BytesIO(data)).iter_inner_content()
    texts = (_paragraph_text(block) if isinstance(block, Paragraph) else _table_text(block) for block in blocks)
    return "\n\n".join(text for text in texts if text)


def word_of_markdown(markdown: str) -> bytes:
    """A .docx file with the headings, lists, quotes, paragraphs and emphasis of the text; all else as it stands."""
    from docx import Document  # noqa: PLC0415 -- as above

    document = Document()
    for style, text in _blocks(_NOT_IN_XML.sub("", markdown)):
        paragraph = document.add_paragraph(style=style)
        for run, is_bold, is_italic in _runs(text):
            added = paragraph.add_run(run)
            added.bold, added.italic = is_bold or None, is_italic or None
    written = BytesIO()
    document.save(written)
    return _without_times(written.getvalue())


def _paragraph_text(paragraph: Paragraph) -> str:
    text = paragraph.text.strip()
    style = paragraph.style.name if paragraph.style is not None else None
    heading = _HEADING_STYLE.fullmatch(style or "")
    return f"{'#' * int(heading[1])} {text}" if text and heading else text


def _table_text(table: Table) -> str:
    return "\n".join(" | ".join(cell.text.strip() for cell in row.cells) for row in table.rows)


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


def _without_times(data: bytes) -> bytes:
    written = BytesIO()
    with zipfile.ZipFile(BytesIO(data)) as old, zipfile.ZipFile(written, "w") as new:
        for entry in old.infolist():
            new.writestr(zipfile.ZipInfo(entry.filename, _NO_TIME), old.read(entry), zipfile.ZIP_DEFLATED)
    return written.getvalue()
