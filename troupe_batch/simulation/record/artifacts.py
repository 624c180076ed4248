"""Artifacts that people have made, as files: Markdown, plain text, Word or JSON."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path
from typing import Any, Literal, TypeAlias, get_args

import orjson

from troupe_batch.errors import FixTheInput
from troupe_batch.simulation.record.word_files import TooLargeError, word_of_markdown

ArtifactFormat: TypeAlias = Literal["md", "txt", "docx", "json"]

_LONGEST_NAME_BYTES = 120
_UNSAFE = re.compile(r"[^\w .,()&+-]")
# Windows keeps these for its devices, whatever the ending.
_RESERVED = re.compile(r"(?:con|prn|aux|nul|com\d|lpt\d)(?:\..*)?", re.IGNORECASE)


class ArtifactExporter:
    """Writes files into one folder, which is made when the first is written. Never writes outside of it."""

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)

    def export(self, name: str, content: Any, file_format: ArtifactFormat, *, overwrites: bool = False) -> Path:
        """The file that now holds `content`: a text, or for `json` anything that JSON can say.

        `name` needs no ending, and what no file name may hold becomes `_`. The same content once more changes nothing;
        FixTheInput where the file holds something else, unless it `overwrites`.
        """
        data = _bytes_of(name, content, file_format)
        path = self.folder / f"{safe_name(name)}.{file_format}"
        if path.exists() and not overwrites:
            if path.read_bytes() == data:
                return path
            raise FixTheInput(f"{path}: the file exists and holds something else; choose another name or overwrite it")
        self.folder.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return path


def safe_name(name: str) -> str:
    """A file name, without ending, that every system takes; FixTheInput where nothing of `name` is left."""
    plain = _UNSAFE.sub("_", unicodedata.normalize("NFC", name)).strip(" .")
    cut = plain.encode()[:_LONGEST_NAME_BYTES].decode(errors="ignore").strip(" .")
    if not cut.strip("_"):
        raise FixTheInput(f"{name!r} cannot be the name of a file; use letters or digits")
    return f"_{cut}" if _RESERVED.fullmatch(cut) else cut


def _bytes_of(name: str, content: Any, file_format: str) -> bytes:
    if file_format not in get_args(ArtifactFormat):
        known = ", ".join(get_args(ArtifactFormat))
        raise FixTheInput(f"{name!r}: cannot write the format {file_format!r}; known here: {known}")
    if file_format == "json":
        return _json_of(name, content)
    if not isinstance(content, str):
        raise FixTheInput(f"{name!r}: {file_format} holds text, not {type(content).__name__}; write it as json")
    if file_format != "docx":
        return f"{content.rstrip()}\n".encode()
    try:
        return word_of_markdown(content)
    except TooLargeError as error:
        raise FixTheInput(f"{name!r} cannot be written as docx: {error}; cut it, or write it as md") from error


def _json_of(name: str, content: Any) -> bytes:
    try:
        return orjson.dumps(content, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    except TypeError as error:
        raise FixTheInput(f"{name!r} cannot be written as JSON: {error}") from error
