"""Groups within a block that are parts of one whole: Religion > Christian > Protestant."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from decimal import ROUND_HALF_EVEN, Decimal
from itertools import chain, count

from troupe_batch.population.demography.distributions import make_categories
from troupe_batch.population.demography.draft import Draft
from troupe_batch.population.demography.outline import Group
from troupe_batch.population.demography.parts import SLIGHTLY_OVER, Part, Parts, parts_of, plain
from troupe_batch.population.demography.report import Outcome

_LEAST = Decimal(85)
_DIGITS = Decimal("0.0001")
_ELSEWHERE = frozenset({"other", "others", "another", "unspecified", "unknown", "none", "not stated"})


@dataclass(frozen=True, slots=True)
class _Branch:
    group: Group
    parts: Parts

    @property
    def whole(self) -> Decimal:
        """What the branch comes to: its own total, where it states one."""
        return self.parts.total.value if self.parts.total is not None else self.parts.sum


def nested(group: Group, draft: Draft) -> bool:
    """Makes one dimension of a block and the groups in it, if together they are about a whole; whether they are.

    A stated total binds its parts: where they sum to something else they are scaled to it.
    """
    branches = _branches(group, draft)
    own = parts_of(draft.open(group.figures))
    if not branches or (own is not None and (own.is_counts or own.total is not None)):
        return False
    whole = sum((branch.whole for branch in branches), Decimal(0)) + (own.sum if own is not None else 0)
    if not _LEAST <= whole <= SLIGHTLY_OVER:
        return False
    parts: list[Part] = []
    repairs: list[str] = []
    for branch in branches:
        parts += _of_branch(branch, draft, repairs)
    parts += own.parts if own is not None else ()
    make_categories(group, draft, Parts(tuple(_told_apart(group, parts))), "; ".join(repairs))
    return True


def _branches(group: Group, draft: Draft) -> list[_Branch]:
    """The groups with their parts; none where one of them is no group of parts, or a whole by itself."""
    branches = []
    for below in group.groups:
        parts = parts_of(draft.open(below.figures))
        is_part = parts is not None and not parts.is_counts and not below.groups and not draft.is_unwanted(below)
        if parts is None or not is_part or len(parts.parts) < 2 or parts.sum >= _LEAST:
            return []
        branches.append(_Branch(below, parts))
    return branches


def _of_branch(branch: _Branch, draft: Draft, repairs: list[str]) -> list[Part]:
    """The parts of a group, scaled to its total where they miss it."""
    total, parts = branch.parts.total, branch.parts
    if total is None:
        return list(parts.parts)
    if total.value == parts.sum or not parts.sum:
        draft.record(Outcome.USED, branch.group, [total.leaf], "a check: the parts sum to it")
        return list(parts.parts)
    said = f"the parts of {branch.group.title} sum to {plain(parts.sum)}, not to its total of {plain(total.value)}"
    draft.record(Outcome.USED, branch.group, [total.leaf], f"{said}: they are scaled to the total")
    draft.warn(branch.group.place, said, "they are scaled to the total; see the source for which of the two is right")
    repairs.append(f"{said}: scaled to it")
    return _scaled(parts, total.value)


def _scaled(parts: Parts, total: Decimal) -> list[Part]:
    """The parts times one factor, to four decimals; what rounding leaves goes to the largest."""
    values = [(part.value * total / parts.sum).quantize(_DIGITS, ROUND_HALF_EVEN) for part in parts.parts]
    largest = values.index(max(values))
    values[largest] += total - sum(values, Decimal(0))
    return [replace(part, value=value) for part, value in zip(parts.parts, values, strict=True)]


def _told_apart(group: Group, parts: list[Part]) -> list[Part]:
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
