"""Diagnosis of targets that cannot be met: what left no combination for a cell, which cells two targets squeeze."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations

import numpy as np
import numpy.typing as npt

from troupe_batch.arrays import Bools, Floats, Ints
from troupe_batch.population.factors import Factor, Places
from troupe_batch.population.joint.cells import TooManyCells, flat_index
from troupe_batch.population.joint.constraints import Rule
from troupe_batch.population.joint.controls import Target
from troupe_batch.population.joint.fitting import Fit, totals
from troupe_batch.population.joint.joining import Joiner
from troupe_batch.population.joint.possibility import NEAR, Nearest, nearest
from troupe_batch.population.margins import Level, PopulationFinding
from troupe_batch.population.model import Cells
from troupe_batch.population.spec import PopulationSpec

_SHOWN = 3
_MOST_PAIRS = 4_000_000
_MOST_SETS = 200


def name_contradiction(joiner: Joiner, rules: Sequence[Rule], places: Places) -> None:
    """Notes the few rules that together leave no combination at all."""
    guilty = _fewest(rules, lambda some: _is_empty(joiner, some, {}))
    last = max(guilty, key=lambda rule: -1 if rule.constraint is None else rule.constraint)
    place: tuple[str | int, ...] = ("constraints",) if last.constraint is None else ("constraints", last.constraint)
    read = [sorted(rule.bound.names) if rule.bound is not None else rule.names for rule in guilty]
    names = " and ".join(dict.fromkeys(name for names in read for name in names))
    others = " and ".join(rule.said for rule in guilty if rule is not last)
    together = f"together with {others} " if others else ""
    places.add(place, f"{together}{last.said} leaves no combination of {names}", "relax one of them")


def name_empty_cells(
    joiner: Joiner, rules: Sequence[Rule], targets: Sequence[Target], sums: Sequence[Floats], places: Places
) -> None:
    """Notes each target that wants people where no combination is possible, with what made it so."""
    for target, found in zip(targets, sums, strict=True):
        empty = np.flatnonzero((found == 0) & (target.shares.ravel() > 0))
        if not empty.size:
            continue
        cell = int(empty[0])
        codes = dict(zip(target.dims, map(int, np.unravel_index(cell, target.shares.shape)), strict=True))
        share = target.shares.ravel()[cell]
        more = f" (nor {empty.size - 1:,} more of its cells)" if empty.size > 1 else ""
        why, cure = _why_empty(joiner, rules, codes)
        problem = f"{target.cell(cell)} is {share * 100:.4g} %, but no combination may have it{more}: {why}"
        here = target.place if target.control is not None else (*target.place, target.labels[0][codes[target.dims[0]]])
        places.add(here, problem, f"write 0 for it, or {cure}")


def name_lost_categories(
    joiner: Joiner,
    rules: Sequence[Rule],
    factors: Sequence[Factor],
    present: Mapping[str, npt.NDArray[np.integer]],
    places: Places,
) -> None:
    """Notes categories to which a table gives a share, and which the rules leave to nobody."""
    for factor in factors:
        stated = np.flatnonzero(factor.probs.reshape(-1, len(factor.labels)).max(axis=0) > 0)
        lost = np.setdiff1d(stated, present[factor.name])
        if not lost.size or _is_empty(joiner, [], {factor.name: int(lost[0])}):
            continue  # the shares of its parents leave nobody for it, which is no contradiction
        why, cure = _why_empty(joiner, rules, {factor.name: int(lost[0])})
        problem = (
            f"the table gives {factor.name}={factor.labels[lost[0]]} a share, but no combination may have it: {why}"
        )
        places.add(("dimensions", factor.name, "table"), problem, f"take it out of the table, or {cure}")


def name_misfit(targets: Sequence[Target], groups: Sequence[Ints], found: Fit, places: Places) -> None:
    """Notes why a fit did not reach its targets: cells squeezed between two of them, else those that are worst off."""
    if (squeezed := next(_squeezed(targets, groups), None)) is not None:
        target, problem = squeezed
        places.add(target.place, problem, "lower it, raise those, or relax what keeps it from the others")
        return
    if found.impossible:
        shares = [target.shares.ravel() for target in targets]
        best = nearest(np.ones(len(groups[0])), groups, shares)
        target, problem = _no_table(targets, best) if best is not None and best.proven else _far_off(targets, found)
        places.add(target.place, problem, "change it to that, or change one of the others")
        return
    target = targets[found.margin]
    wanted = target.shares.ravel()[found.cell]
    problem = (
        f"{target.cell(found.cell)} should be {_percent_text(wanted)}, but is at {_percent_text(found.realised)} after "
        f"{found.rounds:,} rounds: the fit does not settle"
    )
    places.add(target.place, problem, "tie fewer dimensions together, merge categories, or relax a control")


def _no_table(targets: Sequence[Target], best: Nearest) -> tuple[Target, str]:
    """The cells of the target that is farthest off, with what they can have while all others are as near as can be."""
    # Rounding must not choose between cells that are off alike.
    gaps = [np.round(margin - target.shares.ravel(), 9) for target, margin in zip(targets, best.margins, strict=True)]
    worst = max(range(len(targets)), key=lambda number: float(np.abs(gaps[number]).max()))
    target, gap, possible = targets[worst], gaps[worst], best.margins[worst]
    wanted = target.shares.ravel()
    cells = [int(c) for c in np.lexsort((gap > 0, -np.abs(gap)))[:_SHOWN] if abs(gap[c]) > np.abs(gap).max() / 10]
    more = [f"{target.cell(c)}: {_percent_text(possible[c])} instead of {_percent_text(wanted[c])}" for c in cells[1:]]
    problem = (
        f"{target.cell(cells[0])} should be {_percent_text(wanted[cells[0]])}, but together with "
        f"{_others(targets, target)} the nearest that is possible is {_percent_text(possible[cells[0]])}"
    )
    return target, problem + (f" ({'; '.join(more)})" if more else "")


def _far_off(targets: Sequence[Target], found: Fit) -> tuple[Target, str]:
    """The cell that the fit left farthest off, where there are too many to look for what is nearest."""
    target = targets[found.margin]
    problem = (
        f"{target.cell(found.cell)} should be {_percent_text(target.shares.ravel()[found.cell])}, but the fit comes to "
        f"{_percent_text(found.realised)}: what is possible does not allow it together with {_others(targets, target)}"
    )
    return target, problem


def _others(targets: Sequence[Target], target: Target) -> str:
    return ", ".join(other.said for other in targets if other is not target)


def _percent_text(share: float) -> str:
    return f"{share * 100:.6g} %"


def moved_tables(cells: Cells, factors: Sequence[Factor], spec: PopulationSpec) -> Iterator[PopulationFinding]:
    """Notes the conditional tables that the fit had to leave by more than is tolerated, and where it is most."""
    sizes = {factor.name: len(factor.labels) for factor in factors}
    for factor in factors:
        if not factor.parents or factor.name not in spec.dimensions:
            continue
        names = (*factor.parents, factor.name)
        index = flat_index([cells.codes[:, cells.names.index(n)] for n in names], [sizes[n] for n in names])
        fitted = totals(index, cells.probs, factor.probs.size).reshape(-1, sizes[factor.name])
        people = fitted.sum(axis=1, keepdims=True)
        table = factor.probs.reshape(fitted.shape)
        fitted = np.divide(fitted, people, out=table.copy(), where=people > 0)
        gaps = np.abs(fitted - table)
        row, code = (int(i) for i in np.unravel_index(gaps.argmax(), gaps.shape))
        if gaps[row, code] > spec.sampling.tolerance_pp / 100:
            codes = np.unravel_index(row, factor.probs.shape[:-1])
            labels = {f.name: f.labels for f in factors}
            given = ", ".join(f"{p}={labels[p][c]}" for p, c in zip(factor.parents, codes, strict=True))
            problem = (
                f"given {given}, the table says {table[row, code] * 100:.4g} % {factor.labels[code]}; controls, "
                f"constraints and stated shares make it {fitted[row, code] * 100:.4g} %"
            )
            cure = "nothing, if those are the better sources; else check which of them it contradicts"
            yield PopulationFinding(Level.NOTE, f"dimensions.{factor.name}.table", problem, cure)


def nobody_left(targets: Sequence[Target], groups: Sequence[Ints]) -> Bools:
    """The cells that targets leave nobody for, though nothing forbids them, as far as pairs of targets tell.

    Where cells of one target may only be in cells of another that hold just as many, nobody else can be there.
    """
    out = np.zeros(len(groups[0]), dtype=np.bool_)
    for one, other in permutations(range(len(targets)), 2):
        for members, room in _confined(targets[one], targets[other], groups[one][~out], groups[other][~out]):
            if abs(members.share - room.share) < NEAR:
                out |= room.has[groups[other]] & ~members.has[groups[one]]
    return out


@dataclass(frozen=True)
class _Some:
    """Some cells of a target, and what they sum to."""

    target: Target
    has: Bools

    @property
    def share(self) -> float:
        return float(self.target.shares.ravel()[self.has].sum())

    def said(self, word: str) -> str:
        """The first few of them, such as `work=pilot or work=clerk`."""
        cells = np.flatnonzero(self.has)
        many = len(cells) > 1 and len(self.target.dims) > 1
        shown = [f"({self.target.cell(int(c))})" if many else self.target.cell(int(c)) for c in cells[:_SHOWN]]
        more = [f"{len(cells) - _SHOWN:,} more"] if len(cells) > _SHOWN else []
        return f" {word} ".join([*shown, *more])


def _confined(one: Target, other: Target, own: Ints, theirs: Ints) -> Iterator[tuple[_Some, _Some]]:
    """Cells of one target that can only be in some cells of another, for every such set that a cell has (Hall 1935)."""
    shape = one.shares.size, other.shares.size
    if math.prod(shape) > _MOST_PAIRS:
        return
    together = np.zeros(shape, dtype=np.bool_)
    together[own, theirs] = True
    wanted = one.shares.ravel() > 0
    for room in np.unique(together[wanted], axis=0)[:_MOST_SETS]:
        inside = wanted & ~together[:, ~room].any(axis=1)
        yield _Some(one, inside), _Some(other, room)


def _squeezed(targets: Sequence[Target], groups: Sequence[Ints]) -> Iterator[tuple[Target, str]]:
    """Cells whose people may only be in cells of another target that are too few for them."""
    for one, other in permutations(range(len(targets)), 2):
        for members, room in _confined(targets[one], targets[other], groups[one], groups[other]):
            if members.share > room.share + NEAR:
                few = "is" if np.count_nonzero(members.has) == 1 else "are"
                problem = (
                    f"{members.said('and')} {few} {members.share * 100:.4g} %, but may only occur with "
                    f"{room.said('or')}, to which {targets[other].said} gives {room.share * 100:.4g} %"
                )
                yield targets[one], problem


def _why_empty(joiner: Joiner, rules: Sequence[Rule], codes: Mapping[str, int]) -> tuple[str, str]:
    """What makes a combination of categories impossible, and how to make it possible."""
    try:
        bare = joiner.joined([], codes)
        if not len(bare.join):
            if bare.emptied_by in (None, "the records"):
                return "no record has it", "take records that have it"
            return f"the shares of {bare.emptied_by} leave nobody for it", f"give it a share in {bare.emptied_by}"
        alone = [rule for rule in rules if _is_empty(joiner, [rule], codes)]
        guilty = alone[:1] or _fewest(rules, lambda some: _is_empty(joiner, some, codes))
    except TooManyCells:
        return "constraints and zeros rule it out", "relax them"
    said = " and ".join(rule.said for rule in guilty)
    return (f"{said} rules it out", "relax it") if len(guilty) == 1 else (f"{said} rule it out", "relax one of them")


def _is_empty(joiner: Joiner, rules: Sequence[Rule], codes: Mapping[str, int]) -> bool:
    return not len(joiner.joined(rules, codes).join)


def _fewest(rules: Sequence[Rule], fails: Callable[[Sequence[Rule]], bool]) -> list[Rule]:
    """A few of the rules that fail together, none of which could be left out."""
    kept = list(rules)
    for rule in rules:
        without = [other for other in kept if other is not rule]
        if fails(without):
            kept = without
    return kept
