"""Blocks of categories: one dimension where people are in exactly one of them, else a yes or no for each."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from itertools import chain, count
from typing import Any

from troupe_batch.demography.draft import Draft, Overlaps
from troupe_batch.demography.naming import item_prefix, singular, topic_of
from troupe_batch.demography.outline import Section
from troupe_batch.demography.parts import WHOLE, BlockPart, BlockParts, SumFit, fit_of, parts_of, plain
from troupe_batch.demography.report import ValueOutcome
from troupe_batch.population.margins import Level

NOT_STATED = "other or not stated"
MOST_ITEMS = 12
# Percent: a larger remainder may mean that the categories do not exclude each other.
MOST_REST = 10
# Blocks of which people have any number of items at once, whatever their figures sum to.
_SIDE_BY_SIDE = re.compile(
    r"\b(hobbies|interests|activities|leisure|habits|skills|devices|gadgets|platforms|brands|concerns|problems)\b"
)
_WHOLES = (SumFit.EXACT, SumFit.ROUNDED)
_RATE = re.compile(r"\brates?\b")
_UNEMPLOYMENT = re.compile(r"\bunemployment\b|\bjobless|labou?r force participation", re.IGNORECASE)


def distribution(group: Section, draft: Draft) -> None:
    """Makes dimensions of the figures of this block that are shares of people; the others stay open."""
    parts = parts_of(draft.open(group.figures))
    if parts is None:
        return
    if parts.total is not None:
        draft.record(ValueOutcome.USED, group, [parts.total.leaf], "the total of the others, which say it already")
    make_categories(group, draft, parts)


def make_categories(group: Section, draft: Draft, parts: BlockParts, before: str = "") -> None:
    """Makes one dimension of the parts, or one for each, or none: their sum and what they are about decide.

    Rates beside parts that are a whole are no parts of it. `before` says what was repaired on the way here.
    """
    others = [part for part in parts.parts if not _RATE.search(part.label.casefold())]
    if 1 < len(others) < len(parts.parts) and fit_of(rest := replace(parts, parts=tuple(others))) in _WHOLES:
        rates = tuple(part for part in parts.parts if part not in others)
        make_categories(group, draft, rest, before)
        items(group, draft, replace(parts, parts=rates))
        return
    if len(parts.parts) == 1 or (not parts.is_counts and _is_side_by_side(group, parts)):
        items(group, draft, parts)
        return
    fit = fit_of(parts)
    if fit is SumFit.OVERLAPPING:
        _overlapping(group, draft, parts)
    elif fit is SumFit.SEPARATE:
        items(group, draft, parts)
    else:
        _one_of(group, draft, parts, fit, before)


def items(group: Section, draft: Draft, parts: BlockParts) -> None:
    """A yes or no for each part, independent of the others."""
    chosen = [part for part in parts.parts if not parts.is_counts and not _is_unemployment(group, draft, part)]
    for part in chosen[MOST_ITEMS:]:
        problem = f"at most {MOST_ITEMS} yes-or-no dimensions are made of one block; name it in a block of its own"
        draft.record(ValueOutcome.LEFT_OUT, group, [part.leaf], problem)
    for part in chosen[:MOST_ITEMS]:
        names = (f"{item_prefix(group.path)} {part.label}", part.label)
        draft.add(group, [part.leaf], names, yes_no(part.value))
    if len(chosen) > 1:
        draft.warn(
            group.place,
            f"{min(len(chosen), MOST_ITEMS)} yes-or-no dimensions are drawn independently of each other",
            "where you know who has several of them, write a table with `given`",
            level=Level.NOTE,
        )


def yes_no(percent: Decimal) -> dict[str, Any]:
    """The fields of a dimension that is yes for this share of the people."""
    values = {"yes": number(percent), "no": number(WHOLE - percent)}
    return {"type": "categorical", "unit": "percent", "values": values}


def number(value: Decimal) -> float | int:
    """The value as YAML writes it best: whole where it is whole."""
    return int(value) if value == value.to_integral_value() else float(value)


def values_of(parts: Sequence[BlockPart]) -> dict[str, float | int]:
    """Labels and figures as a population file writes them."""
    return {part.label: number(part.value) for part in parts}


def _is_side_by_side(group: Section, parts: BlockParts) -> bool:
    if parts.sum == WHOLE:
        return False
    return bool(_SIDE_BY_SIDE.search(topic_of(group.path))) or any(
        _RATE.search(part.label.casefold()) for part in parts.parts
    )


def _is_unemployment(group: Section, draft: Draft, part: BlockPart) -> bool:
    if not _UNEMPLOYMENT.search(part.label):
        return False
    why = "a share of the labour force, and the file does not say how many are in it; give the participation rate too"
    draft.record(ValueOutcome.LEFT_OUT, group, [part.leaf], why)
    return True


def _one_of(group: Section, draft: Draft, parts: BlockParts, fit: SumFit, before: str) -> None:
    fields: dict[str, Any] = {"type": "categorical", "unit": "count" if parts.is_counts else "percent"}
    on_sum, said = _sum_rule(parts, fit)
    if on_sum is not None:
        fields["on_sum"] = on_sum
    fields["values"] = values_of(parts.parts)
    repairs = "; ".join(text for text in (before, said) if text)
    draft.add(group, parts.leaves, _group_names(group), fields, repairs)
    if fit is SumFit.OVER:
        problem = f"the figures sum to {plain(parts.sum)}, more than rounding explains"
        draft.warn(group.place, problem, "they are divided by their sum; see the source")
    elif fit is SumFit.SHORT and WHOLE - parts.sum > MOST_REST:
        problem = f"the figures sum to {plain(parts.sum)} and are taken as categories that exclude each other"
        draft.warn(group.place, problem, "if people can be in several at once, write a yes-or-no dimension for each")


def _sum_rule(parts: BlockParts, fit: SumFit) -> tuple[str | None, str]:
    """The `on_sum` of the dimension, and what it repairs."""
    total = plain(parts.sum)
    if fit is SumFit.ROUNDED:
        return "renormalize", f"they sum to {total}, which is rounding: divided by their sum"
    if fit is SumFit.OVER:
        return "renormalize", f"they sum to {total}: divided by their sum"
    if fit is SumFit.SHORT:
        rest = _rest_label(parts)
        return f"residual:{rest}", f"they sum to {total}: the other {plain(WHOLE - parts.sum)} percent are {rest!r}"
    return None, ""


def _group_names(group: Section) -> tuple[str, ...]:
    return singular(topic_of(group.path)), " ".join(group.path[-2:])


def _rest_label(parts: BlockParts) -> str:
    taken = {part.label.casefold() for part in parts.parts}
    numbered = (f"{NOT_STATED} ({number})" for number in count(2))
    return next(label for label in chain([NOT_STATED], numbered) if label not in taken)


def _overlapping(group: Section, draft: Draft, parts: BlockParts) -> None:
    told = f"they sum to {plain(parts.sum)}: the categories overlap, so they are no distribution"
    if draft.choices.overlaps is Overlaps.YES_NO:
        items(group, draft, parts)
    elif draft.choices.overlaps is Overlaps.NORMALIZE:
        fields = {"type": "categorical", "unit": "percent", "on_sum": "renormalize", "values": values_of(parts.parts)}
        draft.add(group, parts.leaves, _group_names(group), fields, f"{told}; divided by their sum, as was asked")
        draft.warn(group.place, told, "shares of people who are in one category only are better")
    else:
        cure = "write shares that exclude each other, or choose --overlaps normalize or yes-no"
        draft.record(ValueOutcome.LEFT_OUT, group, parts.leaves, f"{told}; {cure}")
