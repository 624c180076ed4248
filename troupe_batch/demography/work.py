"""Work that people do: facts of those who work, and occupations counted in workers."""

from __future__ import annotations

import re
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from troupe_batch.demography.ages import age_bins
from troupe_batch.demography.cumulative import cumulative
from troupe_batch.demography.distributions import distribution, number, values_of
from troupe_batch.demography.draft import Among, Draft
from troupe_batch.demography.figures import FigureKind
from troupe_batch.demography.naming import singular, topic_of
from troupe_batch.demography.nested import nested
from troupe_batch.demography.outline import Leaf, Section
from troupe_batch.demography.parts import WHOLE, BlockPart, BlockParts, parts_of, plain
from troupe_batch.demography.report import ValueOutcome
from troupe_batch.demography.status import EMPLOYED

OTHER_OCCUPATION = "other occupation"
_WORKERS = re.compile(r"employment|employed|workers?|jobs?|headcount|number|people|share|percent(age)?", re.IGNORECASE)
# ILO: the working-age population is 15 and over.
_WORKING_AGE = 15
_COVERED = Decimal("0.95")


def of_those_who_work(group: Section, draft: Draft, root: Section, among: Among | None) -> None:
    """Makes the dimensions of a block about work: for those who work, where the file says who they are."""
    held, before = draft.only(among), len(draft.made)
    parts = workers_of(group, draft)
    flat = None if parts is not None else parts_of(draft.open(group.figures))
    if parts is not None:
        occupations(group, held, parts, root)
    elif flat is not None and flat.is_counts:
        occupations(group, held, flat, root)
    elif not any(rule(group, held) for rule in (cumulative, nested)):
        distribution(group, held)
    if among is None and len(draft.made) > before:
        problem = "everybody has a fact about work, because the file does not say who works"
        cure = "give a labor force participation rate and an unemployment rate, or shares of an employment status"
        draft.warn(group.place, problem, cure)


def workers_of(group: Section, draft: Draft) -> BlockParts | None:
    """The groups of a block as parts, where each has the same figure of people in it: occupations and their workers."""
    if len(group.groups) < 2:
        return None
    common = set.intersection(*({leaf.label for leaf in below.figures} for below in group.groups))
    label = next((leaf.label for leaf in group.groups[0].figures if _is_column(leaf, common)), None)
    if label is None or any(below.groups for below in group.groups):
        return None
    leaves = [leaf for below in group.groups for leaf in draft.open(below.leaves) if leaf.label == label]
    parts = parts_of(leaves)
    if parts is None or len(parts.parts) < len(group.groups) or not parts.sum:
        return None
    return BlockParts(tuple(BlockPart(p.leaf.path[-2], p.value, p.step, p.leaf) for p in parts.parts), parts.is_counts)


def _is_column(leaf: Leaf, common: set[str]) -> bool:
    return leaf.label in common and _WORKERS.fullmatch(leaf.label) is not None


def occupations(group: Section, draft: Draft, parts: BlockParts, root: Section) -> None:
    """A dimension of occupations, each with how many or which share work in it.

    Where the workers listed are clearly fewer than the employed people of the file, the others have another occupation.
    """
    said = []
    values = values_of(parts.parts)
    if parts.is_counts and (missing := _missing(root, draft, parts.sum)) is not None:
        values[OTHER_OCCUPATION] = number(missing)
        said.append(
            f"{parts.sum:,.0f} workers are listed of about {parts.sum + missing:,.0f} employed (population x share "
            f"of 15 and over x participation x employed): the others are {OTHER_OCCUPATION!r}"
        )
        draft.warn(group.place, said[-1], "list all occupations for a better estimate")
    fields: dict[str, Any] = {"type": "categorical", "unit": "count" if parts.is_counts else "percent"}
    if not parts.is_counts:
        fields["on_sum"] = "renormalize"
        said += [f"they sum to {plain(parts.sum)}: divided by their sum"] if parts.sum != WHOLE else []
    fields["values"] = values
    draft.add(group, parts.leaves, (singular(topic_of(group.path)), " ".join(group.path[-2:])), fields, "; ".join(said))
    others = draft.open(leaf for below in group.groups for leaf in below.leaves)
    draft.record(ValueOutcome.LEFT_OUT, group, others, "about those who are in each group, and no share of people")


def _missing(root: Section, draft: Draft, listed: Decimal) -> Decimal | None:
    """How many employed people the list lacks; None where the file does not say, or where these are few."""
    people = population_size(root)
    at_work = _share_at_work(draft)
    adults = next((share for group in root.walk() if (share := _working_age(group)) is not None), None)
    if people is None or at_work is None or adults is None:
        return None
    employed = people * adults * at_work / WHOLE
    missing = (employed - listed).quantize(Decimal(1), ROUND_HALF_EVEN)
    return missing if listed < employed * _COVERED else None


def _share_at_work(draft: Draft) -> Decimal | None:
    """The percent of people who work, of the dimension that says who does."""
    if draft.among is None:
        return None
    fields = draft.made[draft.among.parent].fields
    if fields["unit"] != "percent" or EMPLOYED not in draft.among.holders:
        return None
    return sum((Decimal(str(fields["values"][label])) for label in draft.among.holders), Decimal(0))


def _working_age(group: Section) -> Decimal | None:
    """The share of those of 15 and over in a block about age, 0 to 1."""
    parts = parts_of(group.figures)
    bins = age_bins(group, parts)
    if parts is None or bins is None or not parts.sum:
        return None
    older = sum((b.value * max(0, b.high - max(b.low, _WORKING_AGE) + 1) / b.years for b in bins), Decimal(0))
    return older / parts.sum


def population_size(root: Section) -> Decimal | None:
    """How many people the file is about; None where it does not say."""
    for group in root.walk():
        for leaf in group.figures:
            if is_population_size(leaf) and leaf.figure is not None:
                return leaf.figure.value
    return None


def is_population_size(leaf: Leaf) -> bool:
    """Whether the value says how many people the file is about."""
    named = leaf.label.casefold() in ("population", "population size", "total population")
    return named and leaf.figure is not None and leaf.figure.kind in (FigureKind.COUNT, FigureKind.NUMBER)
