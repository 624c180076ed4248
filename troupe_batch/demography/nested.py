"""Groups within a block that are parts of one whole: Religion > Christian > Protestant."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import ROUND_HALF_EVEN, Decimal
from itertools import chain, count

from troupe_batch.demography.distributions import make_categories
from troupe_batch.demography.draft import Draft
from troupe_batch.demography.outline import Leaf, Section
from troupe_batch.demography.parts import SLIGHTLY_OVER, WHOLE, BlockPart, BlockParts, SumFit, fit_of, parts_of, plain
from troupe_batch.demography.report import ValueOutcome

# Percent: groups that come to less are no whole. A group that comes to this much alone is a part only of a whole that
# fits it closely, and so is one with a single share.
_LEAST = Decimal(85)
_CLOSE = Decimal(98)
_DIGITS = Decimal("0.0001")
_ELSEWHERE = frozenset({"other", "others", "another", "unspecified", "unknown", "none", "not stated"})


@dataclass(frozen=True, slots=True)
class _Branch:
    """A group that may be a part of a whole: its own shares, its own figure for all of it, and the groups in it."""

    group: Section
    own: tuple[BlockPart, ...]
    total: BlockPart | None
    below: tuple[_Branch, ...]

    @property
    def sum(self) -> Decimal:
        """What its parts come to."""
        return sum((part.value for part in self.own), Decimal(0)) + sum((b.whole for b in self.below), Decimal(0))

    @property
    def whole(self) -> Decimal:
        """What the branch comes to: its own total, where it states one."""
        return self.total.value if self.total is not None else self.sum

    @property
    def members(self) -> int:
        """How many shares and groups stand in it."""
        return len(self.own) + len(self.below)

    def fit(self) -> SumFit:
        """How its parts belong together, by their sum."""
        groups = tuple(
            BlockPart(b.group.title, b.whole, min(p.step for p in b.shares()), b.own_leaf) for b in self.below
        )
        return fit_of(BlockParts((*self.own, *groups)))

    def shares(self) -> Iterator[BlockPart]:
        """All shares in it, its total among them."""
        yield from self.own
        if self.total is not None:
            yield self.total
        for branch in self.below:
            yield from branch.shares()

    @property
    def own_leaf(self) -> Leaf:
        """One of its values."""
        return next(self.shares()).leaf


def nested(group: Section, draft: Draft) -> bool:
    """Makes one dimension of a block and the groups in it, if together they are about a whole; whether they are.

    A stated total binds its parts: where they sum to something else they are scaled to it.
    """
    tree = _branch(group, draft)
    if tree is None or not tree.below or not _is_whole(tree):
        return False
    repairs: list[str] = []
    if tree.total is not None:
        draft.record(ValueOutcome.USED, group, [tree.total.leaf], "the total of the others, which say it already")
    parts = _parts_of_branch(replace(tree, total=None), draft, repairs)
    make_categories(group, draft, BlockParts(tuple(_told_apart(group, parts))), "; ".join(repairs))
    return True


def is_nested(group: Section, draft: Draft) -> bool:
    """Whether the block and the groups in it are together about a whole."""
    tree = _branch(group, draft)
    return tree is not None and bool(tree.below) and _is_whole(tree)


def whole_of(group: Section, draft: Draft) -> Decimal | None:
    """What the shares of the block and of the groups in it come to, in percent; None where they are no shares."""
    tree = _branch(group, draft)
    return None if tree is None else tree.sum


def _is_whole(tree: _Branch) -> bool:
    """Whether the groups and shares are parts of one whole, none of the groups being a whole by itself.

    One large group is no hindrance: 86 percent Christian, of two churches, and 14 of others and of no religion.
    """
    if tree.members < 2 or not _LEAST <= tree.sum <= SLIGHTLY_OVER or (tree.total and tree.total.value != WHOLE):
        return False
    fit = tree.fit()
    is_close = fit in (SumFit.EXACT, SumFit.ROUNDED) or tree.sum >= _CLOSE
    for branch in tree.below:
        if branch.total is None and branch.fit() is SumFit.EXACT:
            return False
        if branch.total is None and branch.fit() is SumFit.ROUNDED and fit is not SumFit.EXACT:
            return False
        if (branch.whole >= _LEAST or branch.members < 2) and not is_close:
            return False
    return any(branch.members > 1 or branch.total is not None for branch in tree.below)


def _branch(group: Section, draft: Draft) -> _Branch | None:
    """The group with its shares and the groups in it; None where one of them holds no shares of people.

    A group without any figure, such as a list of words, is passed by.
    """
    figures = draft.open(group.figures)
    own = parts_of(figures)
    if draft.is_unwanted(group) or (own is None and figures) or (own is not None and own.is_counts):
        return None
    below = []
    for inner in group.groups:
        branch = _branch(inner, draft)
        if branch is not None:
            below.append(branch)
        elif any(leaf.figure is not None for found in inner.walk() for leaf in found.leaves):
            return None
    if own is None and not below:
        return None
    return _Branch(group, own.parts if own else (), own.total if own else None, tuple(below))


def _parts_of_branch(branch: _Branch, draft: Draft, repairs: list[str]) -> list[BlockPart]:
    """All shares in a group, scaled to its total where they miss it."""
    parts = [*(part for below in branch.below for part in _parts_of_branch(below, draft, repairs)), *branch.own]
    total, whole = branch.total, sum((part.value for part in parts), Decimal(0))
    if total is None:
        return parts
    if total.value == whole or not whole:
        draft.record(ValueOutcome.USED, branch.group, [total.leaf], "a check: the parts sum to it")
        return parts
    said = f"the parts of {branch.group.title} sum to {plain(whole)}, not to its total of {plain(total.value)}"
    draft.record(ValueOutcome.USED, branch.group, [total.leaf], f"{said}: they are scaled to the total")
    draft.warn(branch.group.place, said, "they are scaled to the total; see the source for which of the two is right")
    repairs.append(f"{said}: scaled to it")
    return _scaled(parts, total.value)


def _scaled(parts: list[BlockPart], total: Decimal) -> list[BlockPart]:
    """The parts times one factor, to four decimals; what rounding leaves goes to the largest."""
    whole = sum((part.value for part in parts), Decimal(0))
    values = [(part.value * total / whole).quantize(_DIGITS, ROUND_HALF_EVEN) for part in parts]
    largest = values.index(max(values))
    values[largest] += total - sum(values, Decimal(0))
    return [replace(part, value=value) for part, value in zip(parts, values, strict=True)]


def _told_apart(group: Section, parts: list[BlockPart]) -> list[BlockPart]:
    """`Other` of Non-Christian is `Other (Non-Christian)`, and so is every label that stands twice."""
    labels = Counter(part.label for part in parts)
    taken: set[str] = set()
    result = []
    for part in parts:
        is_below = len(part.leaf.path) > len(group.path) + 1
        label = part.label
        if is_below and (labels[label] > 1 or label.casefold() in _ELSEWHERE):
            label = f"{label} ({part.leaf.path[-2]})"
        label = next(text for text in chain([label], (f"{label} [{n}]" for n in count(2))) if text not in taken)
        taken.add(label)
        result.append(replace(part, label=label))
    return result
