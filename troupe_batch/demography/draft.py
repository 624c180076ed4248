"""Population file in the making: the dimensions made so far, what was said of each value, and the file as text."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from enum import StrEnum
from typing import Any

import yaml

from troupe_batch.demography.naming import dimension_name, slug
from troupe_batch.demography.outline import Leaf, Section, one_line, place_of
from troupe_batch.demography.report import Entry, ValueOutcome
from troupe_batch.population.margins import Level, PopulationFinding

FILE_SOURCE = "demography"
MOST_DIMENSIONS = 64
NOTHING = "none"
_WHOLE = Decimal(100)
_WIDTH = 110


class Overlaps(StrEnum):
    """Treatment of figures that sum to more than the whole, but to no more than one and a half of it."""

    LEAVE_OUT = "leave-out"
    NORMALIZE = "normalize"
    YES_NO = "yes-no"


@dataclass(frozen=True, slots=True)
class Choices:
    """Choices of whoever compiles: ages to keep (both ends included), overlaps, blocks to leave out.

    `without` are labels of blocks, or places such as "Demographics > Religion". `name` becomes the id.
    """

    ages: tuple[int, int] = (18, 99)
    overlaps: Overlaps = Overlaps.LEAVE_OUT
    without: tuple[str, ...] = ()
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Made:
    """A dimension, what it was made from, and where it stood in the file."""

    fields: dict[str, Any]
    place: str
    found: str
    said: str
    order: int


@dataclass
class Draft:
    """Collects dimensions, sources, entries of the report, and findings.

    `among`: for whom the dimensions hold that are made now; None for everybody.
    """

    choices: Choices
    made: dict[str, Made] = field(default_factory=dict)
    sources: dict[str, str] = field(default_factory=dict)
    findings: list[PopulationFinding] = field(default_factory=list)
    universe: dict[str, str] = field(default_factory=dict)
    numbered: list[tuple[int, Entry]] = field(default_factory=list)
    among: Among | None = None
    _said: set[int] = field(default_factory=set)
    _cited: dict[str, list[Section]] = field(default_factory=dict)

    def add(
        self, group: Section, leaves: Sequence[Leaf], names: Sequence[str], fields: Mapping[str, Any], said: str = ""
    ) -> str | None:
        """A new dimension made from these values; None, with an entry, where nobody has any or there is no room for it.

        `said` is what was repaired, empty where the values are taken as they stand.
        """
        if not any(fields.get("values", {"": 1}).values()):
            self.record(ValueOutcome.LEFT_OUT, group, leaves, "nobody is in any of these categories")
            return None
        if len(self.made) >= MOST_DIMENSIONS:
            self.record(ValueOutcome.LEFT_OUT, group, leaves, f"a population has at most {MOST_DIMENSIONS} dimensions")
            return None
        name = dimension_name(*names, taken=self.made)
        repairs = [leaf.figure.repair for leaf in leaves if leaf.figure is not None and leaf.figure.repair]
        only = [] if self.among is None else [self.among.said]
        said = "; ".join([*([said] if said else []), *only, *repairs])
        # Lines of a note and of a list of categories stay readable in the file.
        held = dict(fields) if self.among is None else self.among.fields(fields)
        dimension = held | {"source": self._sources_of(group)}
        if said:
            dimension["note"] = said[:3_900]
        self.made[name] = Made(dimension, group.place, shown(leaves), said, group.order)
        self.record(ValueOutcome.REPAIRED if said else ValueOutcome.TAKEN, group, leaves, said, name)
        return name

    def only(self, among: Among | None) -> Draft:
        """The same draft, to make dimensions in that hold for these people only."""
        return replace(self, among=among)

    def record(
        self, outcome: ValueOutcome, group: Section, leaves: Sequence[Leaf], said: str, dimension: str | None = None
    ) -> None:
        """An entry of the report about these values; a value is spoken of once."""
        leaves = [leaf for leaf in leaves if id(leaf) not in self._said]
        if not leaves:
            return
        self._said.update(id(leaf) for leaf in leaves)
        place = place_of(_shared_path(leaves))
        entry = Entry(outcome, place, tuple(leaf.place for leaf in leaves), shown(leaves), said, dimension)
        self.numbered.append((group.order, entry))

    def warn(self, place: str, problem: str, cure: str = "", *, level: Level = Level.WARNING) -> None:
        """Something that should be known about the result; each thing is said once."""
        finding = PopulationFinding(level, place, problem, cure)
        if finding not in self.findings:
            self.findings.append(finding)

    def record_sources(self) -> None:
        """An entry for each source that blocks name."""
        for name, groups in self._cited.items():
            leaves = [group.source for group in groups if group.source is not None]
            self.record(ValueOutcome.USED, groups[0], leaves, f"the source `{name}` of these blocks")

    def is_said(self, leaf: Leaf) -> bool:
        """Whether the report speaks of this value already."""
        return id(leaf) in self._said

    def open(self, leaves: Iterable[Leaf]) -> list[Leaf]:
        """Those of the values of which the report does not speak yet."""
        return [leaf for leaf in leaves if not self.is_said(leaf)]

    def is_unwanted(self, group: Section) -> bool:
        """Whether the block was named in `without`, by its label or its place."""
        unwanted = {one_line(name).casefold() for name in self.choices.without}
        return bool(group.path) and not unwanted.isdisjoint({group.title.casefold(), group.place.casefold()})

    def _sources_of(self, group: Section) -> str | list[str]:
        """The source of the file, and before it the one that the block names."""
        if group.source is None:
            return FILE_SOURCE
        citation = one_line(str(group.source.value))[:1_900]
        known = {text: name for name, text in self.sources.items()}
        name = known.get(citation) or dimension_name(
            slug(citation)[:60].rstrip("_"), taken={*self.sources, FILE_SOURCE}
        )
        self.sources[name] = citation
        if group not in self._cited.setdefault(name, []):
            self._cited[name].append(group)
        return [name, FILE_SOURCE]


def shown(leaves: Sequence[Leaf]) -> str:
    """Values with their labels, as they stand; the labels of the groups between them where these differ."""
    if len(leaves) == 1:
        return leaves[0].shown
    depth = len(_shared_path(leaves))
    texts = [f"{place_of(leaf.path[depth:])}: {leaf.shown}" for leaf in leaves]
    more = f", and {len(texts) - 20} more" if len(texts) > 20 else ""
    return ", ".join(texts[:20]) + more


def _shared_path(leaves: Sequence[Leaf]) -> tuple[str, ...]:
    """The labels that lead to all of the values; to the value itself where there is only one."""
    if len(leaves) == 1:
        return leaves[0].path
    depth = min((len(leaf.path) for leaf in leaves), default=1) - 1
    while depth and len({leaf.path[:depth] for leaf in leaves}) > 1:
        depth -= 1
    return leaves[0].path[:depth] if leaves else ()


@dataclass(frozen=True, slots=True)
class Among:
    """The categories of another dimension whose people have a fact, and those whose people have none of it."""

    parent: str
    holders: tuple[str, ...]
    others: tuple[str, ...]

    def fields(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        """The fields of a dimension of plain categories, given the other one; any other dimension as it is."""
        values = fields.get("values")
        if fields.get("type") != "categorical" or not isinstance(values, dict):
            return dict(fields)
        kept = {name: value for name, value in fields.items() if name != "values"}
        on_sum = str(kept.get("on_sum", ""))
        if on_sum.startswith("residual:"):
            del kept["on_sum"]
            rest = _WHOLE - sum((Decimal(str(value)) for value in values.values()), Decimal(0))
            values = {**values, on_sum.removeprefix("residual:"): int(rest) if rest % 1 == 0 else float(rest)}
        nothing = {"no": 100} if set(values) == {"yes", "no"} else {_nothing_among(values): 100}
        table = dict.fromkeys(self.holders, values) | dict.fromkeys(self.others, nothing)
        return kept | {"given": self.parent, "table": table}

    @property
    def said(self) -> str:
        """For whom the fact holds, in words."""
        return f"of those whose {self.parent} is {' or '.join(self.holders)}; everybody else has none"


def _nothing_among(values: Mapping[str, Any]) -> str:
    """The category of those who have nothing, as the block itself writes it where it has one."""
    return next((label for label in values if label.casefold() == NOTHING), NOTHING)


def spec_text(spec: Mapping[str, Any], head: str, comments: Mapping[str, str]) -> str:
    """The file: `head` as a comment on top, then every field; `comments` stand above the dimensions that they name."""
    lines = [_comment(head, "")]
    for part, value in spec.items():
        if part != "dimensions":
            lines.append(_yaml({part: value}, ""))
            continue
        lines.append("dimensions:\n")
        for name, dimension in value.items():
            if comment := comments.get(name):
                lines.append(_comment(comment, "  "))
            lines.append(_yaml({name: dimension}, "  ") + "\n")
    return "".join(lines).rstrip("\n") + "\n"


def _yaml(value: Mapping[str, Any], indent: str) -> str:
    text = yaml.dump(dict(value), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=_WIDTH)
    return textwrap.indent(text, indent)


def _comment(text: str, indent: str) -> str:
    lines = [part for line in text.splitlines() for part in textwrap.wrap(line, _WIDTH) or [""]]
    return "".join(f"{indent}# {line}".rstrip() + "\n" for line in lines)


class _Dumper(yaml.SafeDumper):
    """Writes equal parts out in full instead of pointing from one to the other."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 -- yaml's signature
        return True
