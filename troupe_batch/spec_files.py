"""Spec files, YAML or JSON, and specs built in Python: mistakes become a SpecError with their place and their cure."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic._internal._model_construction import ModelMetaclass

from troupe_batch.errors import MOST_MISTAKES, Mistake, SpecError
from troupe_batch.plain_files import read_plain
from troupe_batch.scalars import broken_number, whole_number
from troupe_batch.spec_messages import Place, did_you_mean, dotted, explained
from troupe_batch.spec_yaml import MAX_DEPTH, TOO_DEEP, read_yaml

__all__ = [
    "MAX_FILE_BYTES",
    "SpecFile",
    "did_you_mean",
    "dotted",
    "read_spec_file",
    "read_spec_text",
    "read_text_file",
    "reading",
]

_Model = TypeVar("_Model", bound=BaseModel)

MAX_FILE_BYTES = 64 * 2**20
# Of what pydantic found, several details may be one mistake.
_MOST_DETAILS = 4 * MOST_MISTAKES
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]|\\U0000[dD][89a-fA-F]")


class SpecFile:
    """A file that was read but not yet understood: its data, and on which line each place stands."""

    def __init__(
        self,
        name: str,
        data: Any,
        lines: Mapping[Place, int],
        *,
        json_text: str | None = None,
        unquoted: Mapping[Place, list[str]] | None = None,
    ) -> None:
        self.name = name
        self.data = data
        self._lines = lines
        self._json_text = json_text
        # What was written there without quotes and read as a truth value or as nothing: the value, or the keys below.
        self._unquoted = unquoted or {}

    def line_of(self, place: tuple[str | int, ...]) -> int | None:
        """The line of the place, or of the nearest place around it; None where the file has no lines."""
        if self._json_text is not None:
            # JSON readers count no lines, YAML readers do and read JSON: asked only once something is wrong.
            self._lines, self._json_text = _lines_of_json(self._json_text), None
        for length in range(len(place), -1, -1):
            if (line := self._lines.get(place[:length])) is not None:
                return line
        return None

    def part(self, *place: str | int) -> SpecFile:
        """What stands at a place of the file, as a file of its own that keeps the name and the lines."""
        data = self.data
        for step in place:
            data = data[step]
        self.line_of(())
        below = {p[len(place) :]: line for p, line in self._lines.items() if p[: len(place)] == place}
        unquoted = {p[len(place) :]: words for p, words in self._unquoted.items() if p[: len(place)] == place}
        return SpecFile(self.name, data, below, unquoted=unquoted)

    def mistake(self, place: tuple[str | int, ...], problem: str, cure: str = "") -> Mistake:
        """A mistake at a place such as ("study", "questions", 2, "labels")."""
        return Mistake(problem, cure, dotted(place), self.line_of(place))

    def error(self, place: tuple[str | int, ...], problem: str, cure: str = "") -> SpecError:
        """A SpecError with this one mistake."""
        return self.errors([self.mistake(place, problem, cure)])

    def naming(self, place: tuple[str | int, ...], error: SpecError) -> SpecError:
        """The error about another file that is named at this place; as it is where that file has lines itself."""
        if error.file == self.name or any(mistake.line is not None for mistake in error.mistakes):
            return error
        told = [self.mistake(place, f"{error.file}: {one.problem}", one.cure) for one in error.mistakes]
        return self.errors(told, left_out=error.left_out)

    def errors(self, mistakes: Sequence[Mistake], *, left_out: int = 0) -> SpecError:
        """A SpecError with these mistakes."""
        return SpecError(self.name, mistakes, left_out=left_out)

    def parse(self, model: type[_Model]) -> _Model:
        """The file as a `model`; SpecError lists all of its mistakes, each with its line and its cure."""
        try:
            return model.model_validate(self.data)
        except ValidationError as error:
            details = error.errors(include_url=False)
            told = details[:_MOST_DETAILS]
            found = explained(model, self.data, told, self._unquoted)
            mistakes = [self.mistake(*one) for one in found]
            raise SpecError(self.name, mistakes, left_out=len(details) - len(told)) from error


def read_spec_file(path: Path) -> SpecFile:
    """The YAML or JSON file at `path`; SpecError where it cannot be read, decoded or parsed."""
    return read_spec_text(str(path), read_text_file(path))


def read_text_file(path: Path) -> str:
    """The UTF-8 text of the file at `path`; SpecError where it cannot be had."""
    with reading(path):
        return _text_of(read_plain(path, most_bytes=MAX_FILE_BYTES, cure="split it, or name a Parquet table"))


def _text_of(data: bytes) -> str:
    # Line ends as a file that is opened as text has them.
    return data.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """SpecError with the cure for whatever keeps the file at `path` from being read."""
    name = str(path)
    try:
        yield
    except FileNotFoundError as error:
        raise SpecError(name, [Mistake("no such file", _similar_file(path))]) from error
    except IsADirectoryError as error:
        raise SpecError(name, [Mistake("this is a folder", "name a file in it")]) from error
    except UnicodeDecodeError as error:
        raise SpecError(name, [Mistake(f"not UTF-8 text (byte {error.start})", "save it as UTF-8")]) from error
    except (OSError, ValueError) as error:
        raise SpecError(name, [Mistake(f"cannot be read: {error}")]) from error


def read_spec_text(name: str, text: str) -> SpecFile:
    """As `read_spec_file`, from text at hand; a name that ends in .json is read as JSON, any other as YAML."""
    file = _read_json(name, text) if name.endswith(".json") else _read_yaml(name, text)
    if _SURROGATE.search(text):
        _refuse_half_characters(file, file.data, ())
    return file


def _read_json(name: str, text: str) -> SpecFile:
    try:
        data = json.loads(
            text,
            parse_constant=_no_constant,
            parse_int=whole_number,
            parse_float=broken_number,
            object_pairs_hook=_without_duplicates,
        )
    except RecursionError as error:
        raise _too_deep(name) from error
    except json.JSONDecodeError as error:
        raise SpecError(name, [Mistake(f"not valid JSON: {error.msg}", line=error.lineno)]) from error
    except ValueError as error:
        raise SpecError(name, [Mistake(f"not valid JSON: {error}")]) from error
    if _is_deeper_than(MAX_DEPTH, data):
        raise _too_deep(name)
    return SpecFile(name, data, {}, json_text=text)


def _read_yaml(name: str, text: str) -> SpecFile:
    found = read_yaml(name, text)
    return SpecFile(name, found.data, found.lines, unquoted=found.unquoted)


def _too_deep(name: str) -> SpecError:
    return SpecError(name, [Mistake(TOO_DEEP, "flatten it")])


def _is_deeper_than(most: int, data: Any) -> bool:
    level = [data]
    for _ in range(most + 1):
        groups = [one.values() if isinstance(one, dict) else one for one in level if isinstance(one, dict | list)]
        if not (level := [item for group in groups for item in group]):
            return False
    return True


def _lines_of_json(text: str) -> Mapping[Place, int]:
    try:
        return read_yaml("", text).lines
    except SpecError:
        # A few JSON texts are no YAML; their mistakes go without lines.
        return {}


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    data = dict(pairs)
    if len(data) < len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value] # the idiom
        raise ValueError(f"the key {twice!r} stands twice in one object; remove one")
    return data


def _refuse_half_characters(file: SpecFile, value: Any, place: tuple[str | int, ...]) -> None:
    """SpecError where half of a surrogate pair stands alone: no UTF-8 file, prompt or database can hold it."""
    if isinstance(value, dict):
        for key, item in value.items():
            _refuse_half_characters(file, key, place)
            _refuse_half_characters(file, item, (*place, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            _refuse_half_characters(file, item, (*place, index))
    elif isinstance(value, str) and any("\ud800" <= c <= "\udfff" for c in value):
        # The place may hold such a character too, and a message must stay printable.
        safe = tuple(
            step.encode("ascii", "backslashreplace").decode() if isinstance(step, str) else step for step in place
        )
        raise file.error(safe, "half of a UTF-16 pair is no character", "write the character itself")


def _similar_file(path: Path) -> str:
    if not path.parent.is_dir():
        return f"there is no folder {path.parent} either"
    near = difflib.get_close_matches(path.name, [p.name for p in path.parent.iterdir()], n=1)
    return f"did you mean {path.parent / near[0]}?" if near else "check the path"


def _no_constant(constant: str) -> float:
    raise ValueError(f"{constant} is no JSON number")


class _ToldInWords(ModelMetaclass):
    """Calls of the class raise SpecError; `model_validate`, by which files are read, goes other ways."""

    if not TYPE_CHECKING:  # a type checker would lose the fields that the class takes

        def __call__(self, *args: Any, **fields: Any) -> Any:
            try:
                return super().__call__(*args, **fields)
            except ValidationError as error:
                found = explained(self, _plain_value(fields), error.errors(include_url=False))
                mistakes = [Mistake(problem, cure, dotted(place)) for place, problem, cure in found]
                raise SpecError(_name(self, fields), mistakes) from error


class BuiltSpec(BaseModel, metaclass=_ToldInWords):
    """A part of a job, or of a population, that users build in Python as well as write in files."""


def _name(cls: type, fields: Mapping[str, Any]) -> str:
    """`Rating 'likely'`: the class, and which one where it has an id."""
    own = fields.get("id")
    return f"{cls.__name__} {own!r}" if isinstance(own, str) and len(own) <= 80 else cls.__name__


def _plain_value(value: Any) -> Any:
    """The values as a file would hold them: pydantic's places are found in lists and dicts."""
    if isinstance(value, BaseModel):
        return {name: _plain_value(getattr(value, name)) for name in type(value).model_fields}
    if isinstance(value, Mapping):
        return {name: _plain_value(item) for name, item in value.items()}
    return [_plain_value(item) for item in value] if isinstance(value, list | tuple) else value
