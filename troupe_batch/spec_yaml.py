"""YAML read into plain data in one pass: bounded in depth and size before anything is built, with lines for places.

The parser's events are read rather than its trees: building a tree recurses in C, where 25 kB of `[` end the process.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import yaml

from troupe_batch.errors import Mistake, SpecError
from troupe_batch.scalars import NumberTooLong, scalar_of
from troupe_batch.spec_messages import Place, dotted

MAX_DEPTH = 100
TOO_DEEP = "nested too deeply to be read"
_MAX_VALUES = 2_000_000
# What aliases and merges add to what stands in the file: far more than shared scales and texts need.
_MAX_REPEATED = 50_000
_TAG = "tag:yaml.org,2002:"
_KINDS: dict[str, tuple[type, ...]] = {
    "null": (type(None),),
    "bool": (bool,),
    "int": (int,),
    "float": (int, float),
}
_MERGE = "<<"
# What an event holds depends on its class, and the stubs do not say it.
_Event: TypeAlias = Any


@dataclass
class YamlData:
    """Data of a YAML text, the line of each place, and the words there that are no label.

    `unquoted` has by place what was written without quotes and read as a truth value or as nothing.
    """

    data: Any = None
    lines: dict[Place, int] = field(default_factory=dict)
    unquoted: dict[Place, list[str]] = field(default_factory=dict)


def read_yaml(name: str, text: str) -> YamlData:
    """The data in a YAML text; SpecError names the line and what is wrong there."""
    reader = _Reader(name, text)
    try:
        reader.read()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else None
        raise SpecError(name, [Mistake(f"not valid YAML: {error.problem or error.context}", line=line)]) from error
    except (yaml.YAMLError, ValueError) as error:
        raise SpecError(name, [Mistake(f"not valid YAML: {error}")]) from error
    return reader.found


class _Reader:
    """Builds data from the parser's events; what an anchor names is kept as events and read again at each alias."""

    def __init__(self, name: str, text: str) -> None:
        self.found = YamlData()
        self._name = name
        self._parser = yaml.CSafeLoader(text) if hasattr(yaml, "CSafeLoader") else yaml.SafeLoader(text)
        self._replayed: list[Iterator[_Event]] = []
        # What stands under anchors, one event after the other, and from where to where each anchor's part goes.
        self._kept: list[_Event] = []
        self._open_anchors = 0
        self._anchors: dict[str, tuple[int, int] | None] = {}
        self._values = 0
        self._repeated = 0

    def read(self) -> None:
        self._next()  # the stream's start
        if isinstance(self._next(), yaml.StreamEndEvent):
            raise SpecError(self._name, [Mistake("the file is empty")])
        self.found.data = self._value(self._next(), ())
        self._next()  # the document's end
        if not isinstance(event := self._next(), yaml.StreamEndEvent):
            raise self._error(event, "a second document begins here", "keep one document in a file")

    def _next(self) -> _Event:
        event = None
        while event is None and self._replayed:
            if (event := next(self._replayed[-1], None)) is None:
                self._replayed.pop()
        if event is None:
            event = self._parser.get_event()
        # Aliases are kept as what they stand for, which follows.
        if self._open_anchors and not isinstance(event, yaml.AliasEvent):
            self._kept.append(event)
        return event

    def _value(self, event: _Event, place: Place) -> Any:
        self._count(event, place)
        if isinstance(event, yaml.AliasEvent):
            return self._value(self._replay(event), place)
        if event.anchor is None or self._replayed:
            return self._unnamed(event, place)
        begin = self._begin(event)
        value = self._unnamed(event, place)
        self._end(event, begin)
        return value

    def _begin(self, event: _Event) -> int:
        """Where what the anchor of this event names begins, which is kept from now on."""
        if not self._open_anchors:
            self._kept.append(event)
        self._open_anchors += 1
        self._anchors[event.anchor] = None
        return len(self._kept) - 1

    def _end(self, event: _Event, begin: int) -> None:
        self._open_anchors -= 1
        self._anchors[event.anchor] = (begin, len(self._kept))

    def _count(self, event: _Event, place: Place) -> None:
        if len(place) > MAX_DEPTH:
            raise self._error(event, TOO_DEEP, "flatten it")
        self._values += 1
        self._repeated += bool(self._replayed)
        if self._values > _MAX_VALUES:
            raise SpecError(self._name, [Mistake(f"more than {_MAX_VALUES:,} values", "split the file")])
        if self._repeated > _MAX_REPEATED:
            raise self._too_many_repeated(event)

    def _replay(self, event: _Event) -> _Event:
        """The first event of what an alias names; the others follow it."""
        anchor = event.anchor
        if anchor not in self._anchors:
            raise self._error(event, f"there is no anchor `&{anchor}` above", "name one that is, or remove the alias")
        if (kept := self._anchors[anchor]) is None:
            raise self._error(event, f"the alias `*{anchor}` contains itself", "write out what it names")
        begin, end = kept
        # A value is one event, or two with what it holds in between: refused before it is read again.
        if self._repeated + (end - begin) // 2 > _MAX_REPEATED:
            raise self._too_many_repeated(event)
        self._replayed.append(iter(self._kept[begin:end]))
        return self._next()

    def _unnamed(self, event: _Event, place: Place) -> Any:
        self.found.lines.setdefault(place, event.start_mark.line + 1)
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event, place)
        is_list = isinstance(event, yaml.SequenceStartEvent)
        if event.tag not in (None, "!", _TAG + ("seq" if is_list else "map")):
            raise self._unknown_tag(event)
        return self._list(place) if is_list else self._group(place)

    def _scalar(self, event: _Event, place: Place) -> Any:
        if event.tag in ("!", f"{_TAG}str") or (event.tag is None and not event.implicit[0]):
            return event.value
        try:
            value = scalar_of(event.value)
        except NumberTooLong as error:
            raise self._error(event, str(error), "shorten it, or put it in quotes") from error
        if event.tag is None:
            if value is None or isinstance(value, bool):
                self.found.unquoted.setdefault(place, []).append(event.value)
            return value
        kind = event.tag.removeprefix(_TAG)
        if kind not in _KINDS:
            raise self._unknown_tag(event)
        if (type(value) is bool and kind != "bool") or not isinstance(value, _KINDS[kind]):
            raise self._error(event, f"{event.value[:40]!r} does not fit its YAML tag `!!{kind}`", "remove the tag")
        return float(value) if kind == "float" and isinstance(value, int) else value

    def _list(self, place: Place) -> list[Any]:
        items: list[Any] = []
        while not isinstance(event := self._next(), yaml.SequenceEndEvent):
            items.append(self._value(event, (*place, len(items))))
        return items

    def _group(self, place: Place) -> dict[str, Any]:
        """A group by the texts of its keys; what `<<` merges stands before, and yields to what is written here."""
        own: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        while not isinstance(event := self._next(), yaml.MappingEndEvent):
            line = event.start_mark.line + 1
            key, is_merge = self._key(event)
            if is_merge:
                for one in self._merged(event, place):
                    merged = {**one, **merged}
                continue
            if key in own:
                raise SpecError(self._name, [Mistake(f"`{key}` stands twice", "remove one", dotted(place), line)])
            self.found.lines[*place, key] = line
            own[key] = self._value(self._next(), (*place, key))
        return {**merged, **own}

    def _key(self, event: _Event) -> tuple[str, bool]:
        """A key as it is written, and whether it merges another group into this one."""
        if isinstance(event, yaml.AliasEvent):
            event = self._replay(event)
        if not isinstance(event, yaml.ScalarEvent):
            raise self._error(event, "a list or a group of keys stands where a key belongs", "use text")
        if event.anchor is not None and not self._replayed:
            self._end(event, self._begin(event))
        return event.value, event.value == _MERGE and event.implicit[0]

    def _merged(self, event: _Event, place: Place) -> list[dict[str, Any]]:
        value = self._value(self._next(), (*place, _MERGE))
        groups = value if isinstance(value, list) else [value]
        if not all(isinstance(one, dict) for one in groups):
            raise self._error(event, "`<<` merges groups of keys, and something else stands here", "name groups only")
        return groups

    def _unknown_tag(self, event: _Event) -> SpecError:
        tag = event.tag.replace(_TAG, "!!", 1)
        return self._error(event, f"not valid YAML: the tag `{tag[:80]}` has no meaning here", "remove it")

    def _too_many_repeated(self, event: _Event) -> SpecError:
        problem = f"aliases that expand to more than {_MAX_REPEATED:,} values"
        return self._error(event, problem, "use fewer of them, or write out what they name")

    def _error(self, event: _Event, problem: str, cure: str) -> SpecError:
        return SpecError(self._name, [Mistake(problem, cure, line=event.start_mark.line + 1)])
