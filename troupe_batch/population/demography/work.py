"""Work: participation and unemployment rates as one dimension, and occupations counted in workers."""

from __future__ import annotations

import re
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from troupe_batch.population.demography.ages import age_bins
from troupe_batch.population.demography.distributions import number, values_of
from troupe_batch.population.demography.draft import Draft
from troupe_batch.population.demography.figures import FigureKind
from troupe_batch.population.demography.naming import singular, topic_of
from troupe_batch.population.demography.outline import Group, Leaf
from troupe_batch.population.demography.parts import WHOLE, Part, Parts, parts_of, plain
from troupe_batch.population.demography.report import Outcome

EMPLOYMENT = "employment_status"
EMPLOYED, UNEMPLOYED, OUTSIDE = "employed", "unemployed", "not in the labor force"
NO_OCCUPATION, OTHER_OCCUPATION = "none", "other occupation"
_PARTICIPATION = re.compile(r"(labou?r force )?participation( rate)?|in (the )?labou?r force", re.IGNORECASE)
_UNEMPLOYMENT = re.compile(r"unemployment( rate)?", re.IGNORECASE)
_WORKERS = re.compile(r"employment|employed|workers?|jobs?|headcount|number|people|share|percent(age)?", re.IGNORECASE)
_ABOUT_WORK = re.compile(r"occupation|profession|\bjobs?\b|employment|industr|sector")
# ILO: the working-age population is 15 and over.
_WORKING_AGE = 15
_COVERED = Decimal("0.95")


def employment(group: Group, draft: Draft) -> bool:
    """Makes one dimension of a participation rate and an unemployment rate; whether both are here."""
    shares = [leaf for leaf in draft.open(group.figures) if leaf.figure and leaf.figure.kind is FigureKind.PERCENT]
    taking_part = _percent_of(shares, _PARTICIPATION)
    out_of_work = _percent_of(shares, _UNEMPLOYMENT)
    if taking_part is None or out_of_work is None:
        return False
    (first, participation), (second, unemployment) = taking_part, out_of_work
    unemployed = participation * unemployment / WHOLE
    values = {EMPLOYED: participation - unemployed, UNEMPLOYED: unemployed, OUTSIDE: WHOLE - participation}
    fields = {"type": "categorical", "unit": "percent", "values": {k: number(v) for k, v in values.items()}}
    said = (
        f"the unemployment rate is of the labor force: {plain(participation)} x {plain(unemployment)} percent are "
        "unemployed, the others of the labor force employed; the rates are taken as those of the ages kept"
    )
    draft.add(group, [first, second], (EMPLOYMENT, " ".join(group.path[-2:])), fields, said)
    return True


def _percent_of(leaves: list[Leaf], pattern: re.Pattern[str]) -> tuple[Leaf, Decimal] | None:
    for leaf in leaves:
        if leaf.figure is not None and pattern.fullmatch(leaf.label) and 0 <= leaf.figure.value <= WHOLE:
            return leaf, leaf.figure.value
    return None


def workers_of(group: Group, draft: Draft) -> Parts | None:
    """The groups of a block as parts, where each has the same figure of people in it: occupations and their workers."""
    if len(group.groups) < 2:
        return None
    common = set.intersection(*({leaf.label for leaf in below.figures} for below in group.groups))
    label = next((leaf.label for leaf in group.groups[0].figures if _is_column(leaf, common)), None)
    if label is None or any(below.groups for below in group.groups):
        return None
    leaves = [leaf for below in group.groups for leaf in draft.open(below.leaves) if leaf.label == label]
    parts = parts_of(leaves)
    if parts is None or len(parts.parts) < len(group.groups):
        return None
    return Parts(tuple(Part(p.leaf.path[-2], p.value, p.step, p.leaf) for p in parts.parts), parts.is_counts)


def _is_column(leaf: Leaf, common: set[str]) -> bool:
    return leaf.label in common and _WORKERS.fullmatch(leaf.label) is not None


def is_about_work(group: Group) -> bool:
    """Whether the block is about what people work as."""
    return bool(_ABOUT_WORK.search(topic_of(group.path)))


def occupations(group: Group, draft: Draft, parts: Parts, root: Group) -> None:
    """A dimension of occupations: of the employed, where the file says how many are; and of everybody else none.

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
    if EMPLOYMENT in draft.made:
        nothing = {NO_OCCUPATION: 100}
        fields |= {"given": EMPLOYMENT, "table": {EMPLOYED: values, UNEMPLOYED: nothing, OUTSIDE: nothing}}
        said.append("for the employed only")
    else:
        fields["values"] = values
    draft.add(group, parts.leaves, (singular(topic_of(group.path)), " ".join(group.path[-2:])), fields, "; ".join(said))
    others = draft.open(leaf for below in group.groups for leaf in below.leaves)
    draft.record(Outcome.LEFT_OUT, group, others, "about those who are in each group, and no share of people")


def _missing(root: Group, draft: Draft, listed: Decimal) -> Decimal | None:
    """How many employed people the list lacks; None where the file does not say, or where these are few."""
    people = population_size(root)
    shares = draft.made.get(EMPLOYMENT)
    adults = next((share for group in root.walk() if (share := _working_age(group)) is not None), None)
    if people is None or shares is None or adults is None:
        return None
    employed = people * adults * Decimal(str(shares.fields["values"][EMPLOYED])) / WHOLE
    missing = (employed - listed).quantize(Decimal(1), ROUND_HALF_EVEN)
    return missing if listed < employed * _COVERED else None


def _working_age(group: Group) -> Decimal | None:
    """The share of those of 15 and over in a block about age, 0 to 1."""
    parts = parts_of(group.figures)
    bins = age_bins(group, parts)
    if parts is None or bins is None or not parts.sum:
        return None
    older = sum((b.value * max(0, b.high - max(b.low, _WORKING_AGE) + 1) / b.years for b in bins), Decimal(0))
    return older / parts.sum


def population_size(root: Group) -> Decimal | None:
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
