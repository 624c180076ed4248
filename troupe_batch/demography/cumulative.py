"""Cumulative categories, "High School Graduate or Higher" 90 and "Bachelor's Degree or Higher" 35, as differences."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise

from troupe_batch.demography.distributions import number
from troupe_batch.demography.draft import Draft
from troupe_batch.demography.naming import singular, topic_of
from troupe_batch.demography.outline import Section
from troupe_batch.demography.parts import WHOLE, BlockPart, BlockParts, SumFit, fit_of, parts_of

# At the end of a label, or of what stands in its brackets: "High School or Higher", "High School (or Higher)".
_UP = re.compile(
    r"(.*?)(?:,? ?\b(?:or|and|&) (?:higher|more|above|over|older|better|greater|beyond|upwards?|up|further)"
    r"(?: (?:education|levels?|degrees?))?| ?\+| ?\(?(?:at least|minimum))",
    re.IGNORECASE,
)
_DOWN = re.compile(
    r"(.*?)(?:,? ?\b(?:or|and|&) (?:lower|less|fewer|below|under|younger)(?: (?:education|levels?|degrees?))?"
    r"| ?\(?(?:at most|maximum))",
    re.IGNORECASE,
)
_AT_LEAST = re.compile(r"(?:at least|minimum(?: of)?|completed at least|no less than) (.+)", re.IGNORECASE)
_AT_MOST = re.compile(r"(?:at most|up to|maximum(?: of)?|no more than) (.+)", re.IGNORECASE)
_LONGEST = 200
_REMARK = re.compile(r" ?[(\[][^()\[\]]*[)\]]$")


@dataclass(frozen=True, slots=True)
class _Step:
    """A category that includes all those above it, or below it, and the level at which it begins or ends."""

    level: str
    part: BlockPart


def cumulative(group: Section, draft: Draft) -> bool:
    """Makes one dimension of categories that all include the next; whether the block needs nothing else.

    Categories beside them are others of the same whole where they and the widest of the cumulative ones sum to it; if
    they do not, they stay open.
    """
    parts = parts_of(draft.open(group.figures))
    if parts is None or parts.is_counts or len(parts.parts) < 2:
        return False
    rising, falling = _steps(parts, _UP, _AT_LEAST), _steps(parts, _DOWN, _AT_MOST)
    steps, is_up = (rising, True) if len(rising) >= len(falling) else (falling, False)
    if len(steps) < 2:
        return False
    used = {id(step.part) for step in steps}
    others = [part for part in parts.parts if id(part) not in used]
    widest = max(step.part.value for step in steps)
    completes = bool(others) and fit_of(BlockParts((*others, max((s.part for s in steps), key=_part_value)))) in _WHOLES
    if completes:
        shares = {part.label: part.value for part in others} | _differences(steps, widest, is_up=is_up)
    else:
        shares = _differences(steps, WHOLE, is_up=is_up)
    values = {label: number(share) for label, share in shares.items() if share > 0}
    which = "above" if is_up else "below"
    said = (
        f"each category includes those {which} it; by differences: {', '.join(f'{k} {v}' for k, v in values.items())}"
    )
    fields = {"type": "categorical", "unit": "percent", "values": values}
    leaves = [part.leaf for part in parts.parts if completes or id(part) in used]
    if completes and sum(shares.values(), Decimal(0)) != WHOLE:
        fields["on_sum"] = "renormalize"
    draft.add(group, leaves, (singular(topic_of(group.path)), " ".join(group.path[-2:])), fields, said)
    return completes or not others


_WHOLES = (SumFit.EXACT, SumFit.ROUNDED)


def _differences(steps: list[_Step], whole: Decimal, *, is_up: bool) -> dict[str, Decimal]:
    """Shares of those who are in one category and not in the next; of `whole`, those in none of them."""
    widest_first = sorted(steps, key=lambda step: -step.part.value)
    beyond, inside = ("below", "below") if is_up else ("above", "above")
    shares = {f"{beyond} {widest_first[0].level}": whole - widest_first[0].part.value}
    for step, narrower in pairwise(widest_first):
        shares[f"{step.level}, {inside} {narrower.level}"] = step.part.value - narrower.part.value
    shares[widest_first[-1].part.label] = widest_first[-1].part.value
    return dict(shares.items() if is_up else reversed(shares.items()))


def _steps(parts: BlockParts, after: re.Pattern[str], before: re.Pattern[str]) -> list[_Step]:
    return [_Step(level, part) for part in parts.parts if (level := _level_in(part.label, after, before)) is not None]


def _level_in(label: str, after: re.Pattern[str], before: re.Pattern[str]) -> str | None:
    """What stands before "or higher", or after "at least"; with or without brackets around it, or a remark behind."""
    if len(label) > _LONGEST:
        return None
    for text in (_REMARK.sub("", label), label):
        core = text.rstrip(")] ")
        closed = text[len(core) :].strip()
        # "Bachelor's Degree (25+)" says of whom it is.
        if (match := after.fullmatch(core)) and not (closed and core.endswith("+")):
            level = match[1].rstrip(" ,")
            return (level.rstrip(" ([") if level.endswith(("(", "[")) else level + closed * ("(" in level)) or None
        if match := before.fullmatch(text):
            return match[1].strip()
    return None


def _part_value(part: BlockPart) -> Decimal:
    return part.value
