"""Agreement of targets that speak of the same people, and what is done where they differ a little."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from troupe_batch.arrays import Floats, Ints
from troupe_batch.population.factors import Factor, Places
from troupe_batch.population.joint.cells import flat_index
from troupe_batch.population.joint.controls import Target
from troupe_batch.population.joint.fitting import fit, totals
from troupe_batch.population.margins import Level, PopulationFinding

# Differences below this come from rounding in the arithmetic or in the seventh digit of a share: nobody is told.
_UNSAID = 1e-6


@dataclass(frozen=True)
class _Known:
    """A target, and the code of each of its cells in all that it speaks of."""

    target: Target
    codes: Mapping[str, Ints]


@dataclass(frozen=True)
class _Shared:
    """What two targets both speak of: `groups` has the shared cell of each cell of the later one."""

    first: Target
    names: tuple[str, ...]
    labels: tuple[tuple[str, ...], ...]
    groups: Ints
    wanted: Floats

    def said(self, cell: int) -> str:
        """A shared cell, such as sex=female."""
        codes = np.unravel_index(cell, tuple(len(labels) for labels in self.labels))
        return ", ".join(f"{n}={names[c]}" for n, names, c in zip(self.names, self.labels, codes, strict=True))


def agreeing(
    targets: Sequence[Target], factors: Mapping[str, Factor], tolerance: float, places: Places
) -> tuple[list[Target], list[PopulationFinding]]:
    """The targets with the same margins wherever they share dimensions: later ones are rescaled to the first.

    A margin that differs by more than `tolerance` (a share) is a mistake with both numbers. A derived field is shared
    with whatever decides it: bins of age speak of age_band too.
    """
    decided = {name: factor for name, factor in factors.items() if factor.parents and is_decided(factor)}
    agreed: list[_Known] = []
    findings: list[PopulationFinding] = []
    for target in targets:
        known = _Known(target, _implied(target, decided))
        shared = [s for first in agreed if (s := _shared(first, known, factors)) is not None]
        before = len(places.mistakes)
        for one in shared:
            _compare(one, target, tolerance, places, findings)
        if len(places.mistakes) == before:
            known = replace(known, target=_rescaled(target, shared, places))
        agreed.append(known)
    return [known.target for known in agreed], findings


def _compare(
    shared: _Shared, target: Target, tolerance: float, places: Places, findings: list[PopulationFinding]
) -> None:
    found = totals(shared.groups, target.shares.ravel(), len(shared.wanted))
    gaps = np.abs(found - shared.wanted)
    # The first of those that differ most: rounding must not choose between two categories.
    cell = int(np.argmax(gaps > gaps.max() - 1e-9))
    here, there = _percent_text(found[cell]), _percent_text(shared.wanted[cell])
    problem = f"{shared.said(cell)} comes to {here} here, but {shared.first.said} says {there}"
    # One of the two rounds to nothing: scaling makes no people out of none.
    empty = np.flatnonzero((found == 0) & (shared.wanted > 0))
    if gaps[cell] > tolerance:
        cure = "let both say the same; a small difference is evened out up to `sampling.tolerance_pp`, now"
        places.add(target.place, problem, f"{cure} {tolerance * 100:g}")
    elif empty.size:
        said, there = shared.said(int(empty[0])), _percent_text(shared.wanted[int(empty[0])])
        problem = f"all cells of {said} are 0, but {shared.first.said} says {there}"
        places.add(target.place, problem, "let both say the same")
    elif gaps[cell] > _UNSAID:
        cure = f"nothing, if {shared.first.said} is the better source; else correct it, or let both say the same"
        findings.append(PopulationFinding(Level.NOTE, target.said, f"{problem}; rescaled to that", cure))


def _rescaled(target: Target, shared: Sequence[_Shared], places: Places) -> Target:
    if not shared:
        return target
    flat = target.shares.ravel()
    found = fit(flat, [one.groups for one in shared], [one.wanted for one in shared])
    # What was not proven is left to the fit of all targets together.
    if found.impossible and found.gap > _UNSAID:
        one = shared[found.margin]
        problem = (
            f"its zeros leave {one.said(found.cell)} at {_percent_text(found.realised)} where {one.first.said} says "
            f"{_percent_text(one.wanted[found.cell])}, when rescaled to all that stands before it"
        )
        places.add(target.place, problem, "let all of them say the same")
        return target
    return replace(target, shares=(found.probs / found.probs.sum()).reshape(target.shares.shape))


def _shared(first: _Known, second: _Known, factors: Mapping[str, Factor]) -> _Shared | None:
    names = [name for name in first.codes if name in second.codes]
    # What the rest already decides adds nothing.
    names = [name for name in names if not factors[name].parents or not set(factors[name].parents) <= set(names)]
    if not names:
        return None
    shape = tuple(len(factors[name].labels) for name in names)
    cells = flat_index([first.codes[name] for name in names], shape)
    wanted = totals(cells, first.target.shares.ravel(), math.prod(shape))
    groups = flat_index([second.codes[name] for name in names], shape)
    return _Shared(first.target, tuple(names), tuple(factors[name].labels for name in names), groups, wanted)


def _implied(target: Target, decided: Mapping[str, Factor]) -> dict[str, Ints]:
    """The code of each cell in the dimensions of a target, and in the derived fields that these decide."""
    codes = dict(zip(target.dims, np.indices(target.shares.shape).reshape(target.shares.ndim, -1), strict=True))
    for name, factor in decided.items():
        if name not in codes and set(factor.parents) <= set(codes):
            row = flat_index([codes[parent] for parent in factor.parents], factor.probs.shape[:-1])
            codes[name] = factor.probs.reshape(-1, len(factor.labels)).argmax(axis=1)[row]
    return codes


def is_decided(factor: Factor) -> bool:
    """Whether the parents leave exactly one category each time."""
    return bool(np.all(np.max(factor.probs, axis=-1) == 1.0))


def _percent_text(share: float) -> str:
    return f"{share * 100:.4g} %"
