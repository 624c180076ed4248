"""Medians and totals of a demography: nothing is drawn from them, but what is drawn must agree with them."""

from __future__ import annotations

import re
from decimal import Decimal

from troupe_batch.demography.draft import Draft
from troupe_batch.demography.figures import Span, read_span
from troupe_batch.demography.naming import topic_of
from troupe_batch.demography.outline import Leaf, Section
from troupe_batch.demography.parts import BlockPart, parts_of, plain
from troupe_batch.demography.report import ValueOutcome

_MEDIAN = re.compile(r"median\b\s*(.*)", re.IGNORECASE)
_WORDS = re.compile(r"[^\W\d_]+")


def check_medians(root: Section, draft: Draft) -> None:
    """Compares every median with the ranges of a block about the same thing; each gets an entry."""
    blocks = [(group, ranges) for group in root.walk() if (ranges := _ranges(group))]
    for group in root.walk():
        for leaf in draft.open(group.figures):
            if match := _MEDIAN.fullmatch(leaf.label):
                _check_median(group, leaf, set(_WORDS.findall(match[1].casefold())), blocks, draft)


def _check_median(
    group: Section,
    leaf: Leaf,
    words: set[str],
    blocks: list[tuple[Section, list[tuple[Span, BlockPart]]]],
    draft: Draft,
) -> None:
    block = next(
        (b for b in blocks if words & set(_WORDS.findall(f"{topic_of(b[0].path)} {' '.join(b[0].path)}".casefold()))),
        None,
    )
    if block is None or leaf.figure is None:
        draft.record(
            ValueOutcome.LEFT_OUT, group, [leaf], "a median says nothing about how people differ, and checks no block"
        )
        return
    low, high, label = _middle(block[1])
    agrees = (low is None or low <= leaf.figure.value) and (high is None or leaf.figure.value < high)
    verdict = "agrees" if agrees else "does not agree"
    said = f"a check, which {verdict}: the middle of {block[0].place} lies in {label}"
    draft.record(ValueOutcome.USED, group, [leaf], said)
    if not agrees:
        problem = f"the median is {leaf.shown}, but the middle of {block[0].place} lies in {label}"
        draft.warn(leaf.place, problem, "one of the two is wrong, or they are of different people")


def _ranges(group: Section) -> list[tuple[Span, BlockPart]]:
    """The parts of a block whose labels are all ranges, lowest first; none where they are not."""
    parts = parts_of(group.figures)
    if parts is None or len(parts.parts) < 2:
        return []
    spans = [(span, part) for part in parts.parts if (span := read_span(part.label)) is not None]
    if len(spans) < len(parts.parts):
        return []
    return sorted(spans, key=lambda pair: pair[0].low if pair[0].low is not None else Decimal(-1))


def _middle(ranges: list[tuple[Span, BlockPart]]) -> tuple[Decimal | None, Decimal | None, str]:
    """The range that holds the middle: its lowest value, the first value above it, and its label."""
    half = sum((part.value for _, part in ranges), Decimal(0)) / 2
    below = Decimal(0)
    for span, part in ranges:
        below += part.value
        if below >= half:
            # Where exactly half lie below, the first value of the next range is the middle as well.
            last = None if span.high is None else span.high + 1 + (below == half)
            return span.low, last, f"{part.label} ({plain(part.value)})"
    raise AssertionError("the parts of a block sum to their sum")
