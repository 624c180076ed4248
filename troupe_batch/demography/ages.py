"""Ages of a demography as bins of whole years, cut to the ages that are kept."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from troupe_batch.demography.distributions import number
from troupe_batch.demography.draft import Draft
from troupe_batch.demography.figures import Span, read_span
from troupe_batch.demography.naming import topic_of
from troupe_batch.demography.outline import Section
from troupe_batch.demography.parts import WHOLE, BlockParts, parts_of, plain
from troupe_batch.demography.report import ValueOutcome

OLDEST = 99
_MOST_YEARS = 130
_VERY_OLD = 85
_ABOUT_AGE = re.compile(r"\bages?\b|\baged\b")
_DIGITS = Decimal("0.000001")


@dataclass(frozen=True, slots=True)
class AgeBin:
    """The share of those from `low` to `high` years, both included, in percent or in people."""

    low: int
    high: int
    value: Decimal
    is_open: bool = False

    @property
    def years(self) -> int:
        """How many years it holds."""
        return self.high - self.low + 1


def age_bins(group: Section, parts: BlockParts | None, oldest: int = OLDEST) -> list[AgeBin] | None:
    """The bins of a block about age, youngest first; None where it is none. "65+" ends at `oldest`."""
    if parts is None or len(parts.parts) < 2 or not _ABOUT_AGE.search(topic_of(group.path)):
        return None
    spans = [read_span(part.label) for part in parts.parts]
    if any(span is None or (span.low is None and span.high is None) for span in spans):
        return None
    bins = [_bin(span, part.value, oldest) for span, part in zip(spans, parts.parts, strict=True) if span is not None]
    bins.sort(key=lambda b: (b.low, b.high))
    return bins if all(b.low <= b.high <= max(_MOST_YEARS, oldest) for b in bins) else None


def _bin(span: Span, value: Decimal, oldest: int) -> AgeBin:
    low = int(span.low) if span.low is not None else 0
    high = int(span.high) if span.high is not None else max(oldest, low)
    return AgeBin(low, high, value, is_open=span.high is None)


def ages(group: Section, draft: Draft) -> bool:
    """Makes the dimension of ages, if the block is about age; whether it was."""
    parts = parts_of(draft.open(group.figures))
    youngest, oldest = draft.choices.ages
    found = age_bins(group, parts, max(OLDEST, oldest))
    if parts is None or found is None:
        return False
    if parts.total is not None:
        draft.record(ValueOutcome.USED, group, [parts.total.leaf], "the total of the others, which say it already")
    bins, said = _without_shared_ends(found)
    if bins is None:
        draft.record(ValueOutcome.LEFT_OUT, group, parts.leaves, f"{said}: write bins that exclude each other")
        return True
    cuts = [_bin_cut(b, youngest, oldest) for b in bins]
    kept = [cut for cut in cuts if cut is not None]
    if not any(b.value for b in kept):
        draft.record(ValueOutcome.LEFT_OUT, group, parts.leaves, f"nobody is from {youngest} to {oldest} years old")
        return True
    repairs = [said, _opened(bins), _cut_text(bins, cuts, youngest, oldest), _tapered(kept[-1]), _sum(parts)]
    # What is left after a cut is no percentage of anybody: like headcounts, it is divided by its sum.
    is_whole = not parts.is_counts and kept == bins
    fields: dict[str, Any] = {"type": "numeric", "integer": True, "unit": "percent" if is_whole else "count"}
    fields |= {"on_sum": "renormalize"} if is_whole and parts.sum != WHOLE else {}
    fields |= {"within": "tapered"} if kept[-1].is_open else {}
    fields["bins"] = {f"{b.low}-{b.high}": number(b.value) for b in kept}
    draft.add(group, parts.leaves, ("age", topic_of(group.path)), fields, "; ".join(r for r in repairs if r))
    return True


def _without_shared_ends(bins: list[AgeBin]) -> tuple[list[AgeBin] | None, str]:
    """Bins of which none begins where another ends; None where they overlap by more than that one year."""
    result: list[AgeBin] = []
    shifted = []
    for b in bins:
        if result and b.low == result[-1].high and b.years > 1:
            shifted.append(f"{b.low}-{b.high}")
            result.append(replace(b, low=b.low + 1))
        elif result and b.low <= result[-1].high:
            return None, f"the ages {result[-1].low}-{result[-1].high} and {b.low}-{b.high} overlap"
        else:
            result.append(b)
    return result, f"{', '.join(shifted)} begin a year later: bins do not share years" if shifted else ""


def _bin_cut(b: AgeBin, youngest: int, oldest: int) -> AgeBin | None:
    """The part of a bin within the ages kept, with its share of the people."""
    low, high = max(b.low, youngest), min(b.high, oldest)
    if low > high:
        return None
    if (low, high) == (b.low, b.high):
        return b
    value = b.value * (_from_age(b, low) - _from_age(b, high + 1))
    return AgeBin(low, high, value.quantize(_DIGITS, ROUND_HALF_EVEN), is_open=b.is_open)


def _from_age(b: AgeBin, age: int) -> Decimal:
    """The share of the people of a bin who are `age` years old or older, which is one of its years or the one after.

    A closed bin has as many people in each year. In an open one they become fewer linearly up to its end, as they are
    drawn: `within: tapered`.
    """
    rest = Decimal(b.high + 1 - age) / b.years
    return rest * rest if b.is_open else rest


def _tapered(last: AgeBin) -> str:
    """What is assumed within the open bin at the top, with the figure by which it can be judged."""
    if not last.is_open:
        return ""
    said = f"{last.low}-{last.high} holds fewer people the older they are (`within: tapered`)"
    if last.low < _VERY_OLD <= last.high:
        said += f": {100 * _from_age(last, _VERY_OLD):.1f} percent of them are {_VERY_OLD} or older"
    return said


def _opened(bins: list[AgeBin]) -> str:
    return "; ".join(f"{b.low}+ is taken to end at {b.high}" for b in bins if b.is_open)


def _cut_text(bins: list[AgeBin], cuts: list[AgeBin | None], youngest: int, oldest: int) -> str:
    """What the cut to the ages kept did, in words; empty where all are kept."""
    lost = [f"{b.low}-{b.high}" for b, cut in zip(bins, cuts, strict=True) if cut is None]
    changed = [
        f"{b.low}-{b.high} ({plain(b.value)}) becomes {cut.low}-{cut.high} ({plain(cut.value)})"
        for b, cut in zip(bins, cuts, strict=True)
        if cut is not None and cut != b
    ]
    texts = [f"only the ages {youngest} to {oldest} are kept"] if lost or changed else []
    texts += [f"left out: {', '.join(lost)}"] if lost else []
    texts += [f"{', '.join(changed)}, in proportion to the {_measure(bins, cuts)}"] if changed else []
    return ", ".join(texts)


def _measure(bins: list[AgeBin], cuts: list[AgeBin | None]) -> str:
    has_open = any(b.is_open and cut is not None and cut != b for b, cut in zip(bins, cuts, strict=True))
    return "years, of an open group to its people of these years" if has_open else "years"


def _sum(parts: BlockParts) -> str:
    if parts.is_counts or parts.sum == WHOLE:
        return ""
    return f"the file's ages sum to {plain(parts.sum)}: divided by their sum"
