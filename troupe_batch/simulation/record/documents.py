"""Documents that people can look into: the files they are read from, and the passages they are cut into."""

from __future__ import annotations

import codecs
import logging
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from io import BytesIO
from pathlib import Path

from troupe_batch.errors import Mistake, SpecError
from troupe_batch.plain_files import named_file, read_plain
from troupe_batch.simulation.record.word_files import TooLargeError, bounded, text_of_word

PASSAGE_LENGTH = 1_000
"""How many characters a passage has at most."""

_PARAGRAPH_END = re.compile(r"\n[ \t]*\n\s*")
# Ends of sentences; those of Chinese and Japanese have no blank behind them.
_SENTENCES = re.compile(r".*(?:[\u3002\uff01\uff1f](?=.)|[.!?\u2026][\"'\u201d\u2019)\]]*(?=\s))", re.DOTALL)
_WORDS = re.compile(r".*\S(?=\s)", re.DOTALL)


@dataclass(frozen=True)
class Document:
    """A named text. Plain data, so that a plan can hold it; two with the same name and text are equal."""

    name: str
    text: str

    @cached_property
    def passages(self) -> tuple[str, ...]:
        """The text in order, cut where paragraphs end; only paragraphs that are too long are cut inside."""
        return tuple(cut_into_passages(self.text))


def cut_into_passages(text: str, *, longest: int = PASSAGE_LENGTH) -> Iterator[str]:
    """Passages of at most `longest` characters, each with as many whole paragraphs as it can take."""
    passage = ""
    for paragraph in _paragraphs(text, longest):
        if passage and len(passage) + 2 + len(paragraph) > longest:
            yield passage
            passage = ""
        passage = f"{passage}\n\n{paragraph}" if passage else paragraph
    if passage:
        yield passage


def _paragraphs(text: str, longest: int) -> Iterator[str]:
    for paragraph in _PARAGRAPH_END.split(text.replace("\r\n", "\n").strip()):
        rest = paragraph.strip()
        while len(rest) > longest:
            end = _break_in(rest, longest)
            yield rest[:end].rstrip()
            rest = rest[end:].lstrip()
        if rest:
            yield rest


def _break_in(text: str, longest: int) -> int:
    """Where to cut a paragraph: behind its last sentence that fits, else behind a word, else in the middle of one."""
    for pattern in (_SENTENCES, _WORDS):
        if (found := pattern.match(text, 0, longest + 1)) is not None:
            return found.end()
    return longest


_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
# What Office wraps around a file with a password; the files of before 2007 begin alike.
_OLE = b"\xd0\xcf\x11\xe0"
_MOST_BYTES = 64 * 2**20
_CURE_OF_TOO_LARGE = "keep the pages that are needed, or split it into several documents"


def read_documents(source: str | Path | Iterable[str | Path]) -> tuple[Document, ...]:
    """The documents of a folder (with all folders in it), of one file, or of several files and folders.

    A document is named by its file, or by its path inside the folder. Files whose names begin with a dot are left out;
    SpecError for any other that cannot be read, and where two would have the same name.
    """
    sources = [source] if isinstance(source, str | Path) else list(source)
    documents: dict[str, Document] = {}
    for path, name in (found for one in sources for found in _files_of(Path(one))):
        if name.casefold() in documents:
            raise _file_error(path, f"there are two documents named {name!r}", "give the file another name")
        documents[name.casefold()] = Document(name, read_text(path))
    return tuple(documents.values())


def read_text(path: Path) -> str:
    """The text of one file; SpecError where it cannot be read or holds none."""
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        cure = f"convert it to one of {', '.join(sorted(_READERS))}, or take it out"
        raise _file_error(path, f"cannot read {path.suffix or 'files without an ending'}", cure)
    try:
        data = read_plain(path, most_bytes=_MOST_BYTES, cure=_CURE_OF_TOO_LARGE)
    except OSError as error:
        raise _file_error(
            path, f"cannot be read: {error.strerror or error}", "check its name and permissions"
        ) from error
    # Some PDFs spell out halves of characters, which no request could carry.
    text = reader(path, data).replace("\x00", "").encode("utf-8", "replace").decode().strip()
    if not text:
        raise _file_error(path, "holds no text", "if it is a scan, run text recognition (OCR) on it; else take it out")
    return text


def _files_of(source: Path) -> Iterator[tuple[Path, str]]:
    if not source.is_dir():
        yield source, source.name
        return
    for path in sorted(source.rglob("*")):
        inside = path.relative_to(source)
        if path.is_file() and not any(part.startswith(".") for part in inside.parts):
            yield named_file(source, inside), inside.as_posix()


def _decoded_text(path: Path, data: bytes) -> str:
    try:
        return data.decode("utf-16" if data.startswith(_UTF_16) else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise _file_error(path, f"is not UTF-8 text (byte {error.start})", "save it as UTF-8") from error


def _pdf(path: Path, data: bytes) -> str:
    from pypdf import PdfReader  # noqa: PLC0415 -- slow to import, and few runs have such files
    from pypdf.errors import DependencyError, FileNotDecryptedError  # noqa: PLC0415 -- as above

    parser_log = logging.getLogger("pypdf")
    if parser_log.level == logging.NOTSET:
        # What ails a file is in the error; pypdf would print it too, and much about files that it reads well.
        parser_log.setLevel(logging.CRITICAL)
    try:
        reader = PdfReader(BytesIO(data))
        # Many files are encrypted only against changes, and open without a password.
        if reader.is_encrypted:
            reader.decrypt("")
        return "\n\n".join(bounded(page.extract_text() for page in reader.pages))
    except TooLargeError as error:
        raise _file_error(path, str(error), _CURE_OF_TOO_LARGE) from error
    except (FileNotDecryptedError, DependencyError) as error:
        raise _file_error(path, "is encrypted", "save it without a password") from error
    except Exception as error:
        # A damaged PDF can fail anywhere in the parser, with any exception.
        raise _file_error(
            path, f"is damaged, or no PDF: {error}", "open it in a PDF reader and save it anew"
        ) from error


def _word(path: Path, data: bytes) -> str:
    if data.startswith(_OLE):
        raise _file_error(path, "is encrypted, or in the format of before 2007", "save it as .docx without a password")
    try:
        return text_of_word(data)
    except TooLargeError as error:
        raise _file_error(path, str(error), _CURE_OF_TOO_LARGE) from error
    except Exception as error:
        # As for PDF.
        raise _file_error(
            path, f"is damaged, or no Word file: {error}", "open it in Word and save it as .docx"
        ) from error


_READERS: Mapping[str, Callable[[Path, bytes], str]] = {
    ".txt": _decoded_text,
    ".md": _decoded_text,
    ".markdown": _decoded_text,
    ".pdf": _pdf,
    ".docx": _word,
}


def _file_error(path: Path, problem: str, cure: str) -> SpecError:
    return SpecError(str(path), [Mistake(problem, cure)])
