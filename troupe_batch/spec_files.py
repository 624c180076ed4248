"""Reads a YAML or JSON file into a pydantic model; every mistake becomes a SpecError with file, line and cure."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from troupe_batch.errors import Mistake, SpecError
from troupe_batch.spec_messages import Place, did_you_mean, explained

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
_MAX_NODES = 2_000_000
_MAX_DEPTH = 200
# Python turns no longer texts into integers, and a longer number in a spec is a slip anyway.
_MAX_DIGITS = 400
_WORDS = ("tag:yaml.org,2002:bool", "tag:yaml.org,2002:null")
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
        return self.errors([self.mistake(place, f"{error.file}: {one.problem}", one.cure) for one in error.mistakes])

    def errors(self, mistakes: list[Mistake]) -> SpecError:
        """A SpecError with these mistakes."""
        return SpecError(self.name, mistakes)

    def parse(self, model: type[_Model]) -> _Model:
        """The file as a `model`; SpecError lists all of its mistakes, each with its line and its cure."""
        try:
            return model.model_validate(self.data)
        except ValidationError as error:
            found = explained(model, self.data, error.errors(include_url=False), self._unquoted)
            raise self.errors([self.mistake(*one) for one in found]) from error


def read_spec_file(path: Path) -> SpecFile:
    """The YAML or JSON file at `path`; SpecError where it cannot be read, decoded or parsed."""
    return read_spec_text(str(path), read_text_file(path))


def read_text_file(path: Path) -> str:
    """The UTF-8 text of the file at `path`; SpecError where it cannot be had."""
    with reading(path):
        if path.stat().st_size > MAX_FILE_BYTES:
            raise SpecError(str(path), [Mistake("the file is larger than 64 MiB", "split it, or name a Parquet table")])
        return path.read_text(encoding="utf-8-sig")


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


def dotted(place: tuple[str | int, ...]) -> str:
    """("questions", 2, "labels") as `questions[2].labels`."""
    text = ""
    for step in place:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else str(step)
    return text


def _read_json(name: str, text: str) -> SpecFile:
    try:
        data = json.loads(
            text, parse_constant=_no_constant, parse_int=_bounded_int, object_pairs_hook=_without_duplicates
        )
    except RecursionError as error:
        raise SpecError(name, [Mistake("nested too deeply to be read")]) from error
    except json.JSONDecodeError as error:
        raise SpecError(name, [Mistake(f"not valid JSON: {error.msg}", line=error.lineno)]) from error
    except ValueError as error:
        raise SpecError(name, [Mistake(f"not valid JSON: {error}")]) from error
    return SpecFile(name, data, {}, json_text=text)


def _read_yaml(name: str, text: str) -> SpecFile:
    lines: dict[Place, int] = {}
    unquoted: dict[Place, list[str]] = {}
    try:
        loader = _loader(text)
        node = loader.get_single_node()
        if node is None:
            raise SpecError(name, [Mistake("the file is empty")])
        _index_lines(name, node, (), lines, unquoted)
        data = loader.construct_document(node)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else None
        raise SpecError(name, [Mistake(f"not valid YAML: {error.problem or error.context}", line=line)]) from error
    except RecursionError as error:
        raise SpecError(name, [Mistake("nested too deeply to be read")]) from error
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        raise SpecError(name, [Mistake(f"not valid YAML: {error}")]) from error
    except (AttributeError, TypeError, KeyError, IndexError) as error:
        # What PyYAML's constructors let through on tags and values that do not fit, such as `!!int []`.
        raise SpecError(name, [Mistake(f"a value does not fit its YAML tag: {error}")]) from error
    return SpecFile(name, data, lines, unquoted=unquoted)


def _loader(text: str) -> yaml.SafeLoader | yaml.CSafeLoader:
    return yaml.CSafeLoader(text) if hasattr(yaml, "CSafeLoader") else yaml.SafeLoader(text)


def _lines_of_json(text: str) -> Mapping[tuple[str | int, ...], int]:
    lines: dict[tuple[str | int, ...], int] = {}
    try:
        if (node := _loader(text).get_single_node()) is not None:
            _index_lines("", node, (), lines, {})
    except (yaml.YAMLError, ValueError, RecursionError, SpecError):
        # A few JSON texts are no YAML; their mistakes go without lines.
        return {}
    return lines


def _index_lines(
    name: str, node: yaml.Node, place: Place, lines: dict[Place, int], unquoted: dict[Place, list[str]]
) -> None:
    """Lines of all places; refuses duplicate keys, which YAML readers drop without a word, and alias bombs.

    `unquoted` gathers the words that are read as a truth value or as nothing: a value at its own place, a key at that
    of its group.
    """
    if len(lines) > _MAX_NODES:
        raise SpecError(name, [Mistake("more than 2,000,000 values (or aliases that expand to as many)")])
    line = node.start_mark.line + 1
    if len(place) > _MAX_DEPTH:
        raise SpecError(name, [Mistake("nested too deeply to be read (or an alias that contains itself)", line=line)])
    lines[place] = line
    if isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            _index_lines(name, item, (*place, index), lines, unquoted)
    elif isinstance(node, yaml.MappingNode):
        _index_mapping(name, node, place, lines, unquoted)
    elif node.tag in _WORDS:
        unquoted.setdefault(place, []).append(str(node.value))
    elif isinstance(node, yaml.ScalarNode) and len(node.value) > _MAX_DIGITS and node.tag.endswith(":int"):
        raise SpecError(name, [Mistake(f"a number of more than {_MAX_DIGITS} digits", "shorten it", line=line)])


def _index_mapping(
    name: str, node: yaml.MappingNode, place: Place, lines: dict[Place, int], unquoted: dict[Place, list[str]]
) -> None:
    for key, value in node.value:
        step = _key_text(name, key)
        if (*place, step) in lines and step != "<<":
            at = Mistake(f"`{step}` stands twice", "remove one", dotted(place), key.start_mark.line + 1)
            raise SpecError(name, [at])
        if key.tag in _WORDS:
            unquoted.setdefault(place, []).append(step)
        _index_lines(name, value, (*place, step), lines, unquoted)
        lines[(*place, step)] = key.start_mark.line + 1


def _key_text(name: str, key: yaml.Node) -> str:
    if isinstance(key, yaml.ScalarNode):
        return str(key.value)
    at = Mistake("a list or a group of keys stands where a key belongs", "use text", line=key.start_mark.line + 1)
    raise SpecError(name, [at])


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    data = dict(pairs)
    if len(data) < len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value] # the idiom
        raise ValueError(f"the key {twice!r} stands twice in one object; remove one")
    return data


def _bounded_int(digits: str) -> int:
    if len(digits) > _MAX_DIGITS:
        raise ValueError(f"a number of more than {_MAX_DIGITS} digits")
    return int(digits)


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
