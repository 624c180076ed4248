"""Figures of a block as percents of one whole, and what their sum says about how they belong together."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import Enum, auto

from troupe_batch.demography.figures import Figure, FigureKind
from troupe_batch.demography.outline import Leaf

WHOLE = Decimal(100)
_LEAST_HEADCOUNT = 1_000
_OF_ANOTHER_KIND = re.compile(r"\b(?:median|average|mean|year|since|density|income|wage|salary|gdp)\b", re.IGNORECASE)
_TOTALS = frozenset({"total", "all", "overall", "sum"})


@dataclass(frozen=True, slots=True)
class BlockPart:
    """A labelled share of a whole, in percent; or a number of people, where all parts of the block are."""

    label: str
    value: Decimal
    step: Decimal
    leaf: Leaf


@dataclass(frozen=True, slots=True)
class BlockParts:
    """The parts of one block. `total` is the block's own figure for all of them."""

    parts: tuple[BlockPart, ...]
    is_counts: bool = False
    total: BlockPart | None = None

    @property
    def leaves(self) -> list[Leaf]:
        """The values behind the parts."""
        return [part.leaf for part in self.parts]

    @property
    def sum(self) -> Decimal:
        """What the parts come to."""
        return sum((part.value for part in self.parts), Decimal(0))

    @property
    def slack(self) -> Decimal:
        """How far rounding alone moves the sum: three standard deviations of errors that are uniform within a step.

        Never more than half a step for each part, which is all that rounding can do.
        """
        most = sum((part.step for part in self.parts), Decimal(0)) / 2
        deviation = (sum((part.step**2 for part in self.parts), Decimal(0)) / 12).sqrt()
        return min(most, 3 * deviation)


class SumFit(Enum):
    """Fit of a sum of percents: exactly the whole, rounded, slightly over, short, overlapping, or side by side."""

    EXACT = auto()
    ROUNDED = auto()
    OVER = auto()
    SHORT = auto()
    OVERLAPPING = auto()
    SEPARATE = auto()


# Percent: up to here a sum above 100 is sloppy rounding; from there to the second number it is one answer given twice;
# beyond, everybody has several. Below the third, most people would have none of the categories.
SLIGHTLY_OVER, ONE_AND_A_HALF, HALF = Decimal(102), Decimal(150), Decimal(50)


def fit_of(parts: BlockParts) -> SumFit:
    """How the parts belong together, by their sum."""
    if parts.is_counts or parts.sum == WHOLE:
        return SumFit.EXACT
    if abs(parts.sum - WHOLE) < parts.slack:
        return SumFit.ROUNDED
    if parts.sum < HALF or parts.sum > ONE_AND_A_HALF:
        return SumFit.SEPARATE
    if parts.sum < WHOLE:
        return SumFit.SHORT
    return SumFit.OVER if parts.sum <= SLIGHTLY_OVER else SumFit.OVERLAPPING


def parts_of(leaves: Sequence[Leaf]) -> BlockParts | None:
    """The leaves that are shares of one whole, or headcounts; None where none of them is.

    Percents win over anything beside them, and headcounts over plain numbers; plain numbers beside them are of the same
    kind where that is what they say. Numbers without a unit are shares where they sum to about 1, percents where they
    sum to about 100, and people where they are whole and larger.
    """
    figures = [(leaf, leaf.figure) for leaf in leaves if leaf.figure is not None]
    for kind in (FigureKind.PERCENT, FigureKind.COUNT, FigureKind.NUMBER):
        chosen = [(leaf, figure) for leaf, figure in figures if figure.kind is kind]
        if any(figure.value < 0 for _, figure in chosen):
            return None
        if chosen:
            numbers = [(leaf, figure) for leaf, figure in figures if figure.kind is FigureKind.NUMBER]
            if kind is FigureKind.PERCENT:
                chosen = _with_percents(chosen, numbers)
            elif kind is FigureKind.COUNT:
                chosen = [*chosen, *((leaf, figure) for leaf, figure in numbers if _is_headcount(leaf, figure, leaves))]
            places = {id(leaf): place for place, leaf in enumerate(leaves)}
            return _block_parts(sorted(chosen, key=lambda pair: places[id(pair[0])]), kind)
    return None


def _with_percents(
    percents: list[tuple[Leaf, Figure]], numbers: list[tuple[Leaf, Figure]]
) -> list[tuple[Leaf, Figure]]:
    """The percents, and with them the plain numbers where only both together are a whole: "83%" beside "17" or 0.17."""
    for factor in (Decimal(1), Decimal(100)):
        read = [(leaf, replace(f, value=f.value * factor, step=f.step * factor)) for leaf, f in numbers if f.value >= 0]
        together = _block_parts([*percents, *read], FigureKind.PERCENT) if read else None
        if together is not None and fit_of(together) in (SumFit.EXACT, SumFit.ROUNDED):
            return [*percents, *read]
    return percents


def _is_headcount(leaf: Leaf, figure: Figure, leaves: Sequence[Leaf]) -> bool:
    """Whether a plain number beside headcounts is one: "900,000" beside "1.8 million".

    A small number may be of something else, unless all stand in one column.
    """
    is_column = len(leaves) > 1 and len({other.label for other in leaves}) == 1
    is_large = figure.value >= _LEAST_HEADCOUNT and not _OF_ANOTHER_KIND.search(leaf.label)
    return figure.value >= 0 and figure.value % 1 == 0 and (is_column or is_large)


def _block_parts(chosen: Sequence[tuple[Leaf, Figure]], kind: FigureKind) -> BlockParts | None:
    parts = [BlockPart(leaf.label, figure.value, figure.step, leaf) for leaf, figure in chosen]
    total = next((part for part in parts if _is_total(part) and len(parts) > (1 if part.value == WHOLE else 2)), None)
    parts = [part for part in parts if part is not total]
    if kind is FigureKind.PERCENT:
        return BlockParts(tuple(parts), total=total) if all(part.value <= WHOLE for part in parts) else None
    whole = sum((part.value for part in parts), Decimal(0))
    if kind is FigureKind.COUNT or (whole > 1_000 and all(part.value % 1 == 0 for part in parts)):
        return BlockParts(tuple(parts), is_counts=True, total=total) if len(parts) > 1 and whole > 0 else None
    if len(parts) > 1 and abs(whole - 1) <= Decimal("0.1") and all(part.value <= 1 for part in parts):
        return BlockParts(tuple(_scaled(part) for part in parts), total=total and _scaled(total))
    return BlockParts(tuple(parts), total=total) if len(parts) > 1 and abs(whole - WHOLE) <= 5 else None


def _is_total(part: BlockPart) -> bool:
    return part.label.casefold() in _TOTALS


def _scaled(part: BlockPart) -> BlockPart:
    return BlockPart(part.label, part.value * 100, part.step * 100, part.leaf)


def plain(value: Decimal) -> str:
    """The number in digits, without zeros at the end."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
