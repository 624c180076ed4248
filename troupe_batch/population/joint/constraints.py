"""Constraints: what categories (or records) decide becomes impossible before anything is drawn; the rest stays open."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from troupe_batch.arrays import Bools, Ints
from troupe_batch.expressions.expression import Bound, Expression
from troupe_batch.expressions.kinds import BadExpression, Kind, Possible
from troupe_batch.population.factors import Places
from troupe_batch.population.joint.cells import MAX_CELLS
from troupe_batch.population.joint.domains import Bases, Domains
from troupe_batch.population.margins import Level, PopulationFinding
from troupe_batch.population.model import Records
from troupe_batch.population.spec import PopulationSpec


@dataclass(frozen=True)
class Rule:
    """Something that makes combinations of categories impossible: a constraint, or the zeros of a control.

    `names` are the dimensions that it reads, with `allowed` for each of their combinations, row by row. Where a
    constraint reads numbers of records, `allowed` is None: `bound` decides each record, together with the dimensions.
    """

    said: str
    names: tuple[str, ...]
    shape: tuple[int, ...]
    allowed: Bools | None = None
    bound: Bound | None = None
    constraint: int | None = None


@dataclass
class Constraints:
    """The constraints of a population: `rules` say which combinations are impossible, `open` are left to the facts."""

    rules: list[Rule]
    open: set[int]
    findings: list[PopulationFinding]


def compile_constraints(
    spec: PopulationSpec, kinds: Mapping[str, Kind], domains: Domains, places: Places
) -> Constraints:
    """The constraints of `spec`, each decided as far as categories decide it; mistakes are noted in `places`."""
    found = Constraints([], set(), [])
    for number, text in enumerate(spec.constraints):
        try:
            bound = Expression.parse(text).bind_condition(kinds)
        except BadExpression as error:
            places.add(("constraints", number), str(error), error.cure)
            continue
        _decide(number, text, bound, domains, found, places)
    return found


def _decide(number: int, text: str, bound: Bound, domains: Domains, found: Constraints, places: Places) -> None:
    bases = domains.bases(bound.names)
    place = ("constraints", number)
    rule = Rule(f"`{text}` (constraints[{number}])", bases.factors, domains.shape(bases.factors), None, bound, number)
    if bases.records:
        found.rules.append(rule)
        return
    if domains.size(bases.factors) > MAX_CELLS:
        problem = f"{', '.join(bases.factors)} have {domains.size(bases.factors):,} combinations to decide it for"
        places.add(place, problem, f"write it over fewer dimensions or wider categories, below {MAX_CELLS:,}")
        return
    possible = domains.possible(bound, domains.every_combination(bases.factors))
    allowed, can_fail = truths(possible)
    if not allowed.any():
        places.add(place, f"{_subject(bases, bound)} can satisfy `{text}`", "check its names, labels and bounds")
    elif not (can_fail & allowed).any() and allowed.all():
        found.findings.append(never_bites(number, text))
    else:
        if not allowed.all():
            found.rules.append(replace(rule, allowed=allowed))
        if (can_fail & allowed).any():
            found.open.add(number)


def truths(possible: Possible) -> tuple[Bools, Bools]:
    """Where a condition can be true, and where it can fail."""
    assert possible.can_be_true is not None  # noqa: S101 # a condition is a truth
    assert possible.can_be_false is not None  # noqa: S101 # as above
    return possible.can_be_true, possible.can_be_false


def never_bites(number: int, text: str) -> PopulationFinding:
    """That a constraint rules nothing out."""
    problem = f"`{text}` never says no: whoever can occur satisfies it"
    return PopulationFinding(
        Level.WARNING, f"constraints[{number}]", problem, "remove it, or check its labels and bounds"
    )


def drops_records(number: int, text: str, dropped: Ints, records: Records) -> PopulationFinding:
    """That nobody is drawn from some records, whatever else they may get."""
    share = f"{records.weights[dropped].sum() * 100:.3g} % of the weight"
    problem = f"`{text}` drops {len(dropped):,} of {len(records.weights):,} records, which have {share}"
    cure = "nothing, if no such people are meant; else relax it, or correct the records"
    return PopulationFinding(Level.NOTE, f"constraints[{number}]", problem, cure)


def _subject(bases: Bases, bound: Bound) -> str:
    read = [*bases.factors, *bases.open] or sorted(bound.names)
    return f"no combination of {' and '.join(read)}" if len(read) > 1 else f"no {read[0] if read else 'person'}"
