"""Content of a demography as a tree: groups of labelled values, each with its place and the figure that it is."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from troupe_batch.demography.figures import Figure, read_figure

MOST_LEVELS = 30
_SOURCE = re.compile(r"sources?|citation|references?", re.IGNORECASE)


@dataclass(frozen=True, eq=False)
class Leaf:
    """A value and the labels that lead to it. Two leaves are the same only if they are one object."""

    path: tuple[str, ...]
    value: object
    figure: Figure | None

    @property
    def label(self) -> str:
        """What stands before the value."""
        return self.path[-1]

    @property
    def place(self) -> str:
        """Where it stands in the file."""
        return place_of(self.path)

    @property
    def shown(self) -> str:
        """The value as it stands, cut where it is long."""
        text = ", ".join(map(str, self.value)) if isinstance(self.value, list | tuple) else str(self.value)
        text = one_line(text)
        return text if len(text) <= 120 else text[:117] + "..."


@dataclass(frozen=True, eq=False)
class Section:
    """Values and groups below one label; `order` is where it stands among all groups of the file."""

    path: tuple[str, ...]
    leaves: tuple[Leaf, ...]
    groups: tuple[Section, ...]
    order: int = 0
    source: Leaf | None = field(default=None)

    @property
    def title(self) -> str:
        """The label of the group; empty for the whole content."""
        return self.path[-1] if self.path else ""

    @property
    def place(self) -> str:
        """Where it stands in the file."""
        return place_of(self.path)

    @property
    def figures(self) -> tuple[Leaf, ...]:
        """The leaves that are figures."""
        return tuple(leaf for leaf in self.leaves if leaf.figure is not None)

    def walk(self) -> Iterator[Section]:
        """The group and all below it, in the order of the file."""
        yield self
        for group in self.groups:
            yield from group.walk()


def outline(content: Mapping[Any, Any]) -> Section:
    """The tree of `content`. What is nested deeper than 30 levels is one leaf that is no figure."""
    return _Outlining().group((), content)


def place_of(path: tuple[str, ...]) -> str:
    """Labels as a place: "Demographics > Age Distribution"."""
    return " > ".join(path) or "content"


def one_line(text: str) -> str:
    """The text on one line of visible characters."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


class _Outlining:
    def __init__(self) -> None:
        self._groups = 0

    def group(self, path: tuple[str, ...], content: Mapping[Any, Any]) -> Section:
        order, self._groups = self._groups, self._groups + 1
        leaves: list[Leaf] = []
        groups: list[Section] = []
        source: Leaf | None = None
        for label, value in _labelled(content):
            below = (*path, label)
            if isinstance(value, Mapping) and value and len(below) < MOST_LEVELS:
                groups.append(self.group(below, value))
                continue
            leaf = Leaf(below, value, read_figure(value))
            if _SOURCE.fullmatch(label) and isinstance(value, str) and one_line(value) and source is None:
                source = leaf
            else:
                leaves.append(leaf)
        return Section(path, tuple(leaves), tuple(groups), order, source)


def _labelled(content: Mapping[Any, Any]) -> list[tuple[str, object]]:
    """Labels on one line, none empty and none twice."""
    taken: dict[str, object] = {}
    for key, value in content.items():
        label = first = one_line(str(key)) or "(no label)"
        number = 2
        while label in taken:
            label, number = f"{first} ({number})", number + 1
        taken[label] = value
    return list(taken.items())
