"""Texts of a pool that nobody can get, because no combination of categories meets their condition."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import product

import numpy as np

from troupe_batch.arrays import Floats, Ints
from troupe_batch.expressions.expression import Bound, Expression
from troupe_batch.expressions.kinds import BadExpression, Domain, Kind
from troupe_batch.population.curves import BadBin, read_bins
from troupe_batch.population.dimensions import Dimension, NumericDimension, TextPool
from troupe_batch.population.lint.shares import categories_of, without_share
from troupe_batch.population.margins import Level, PopulationFinding
from troupe_batch.population.spec import PopulationSpec

_MOST_COMBINATIONS = 20_000


def texts_for_nobody(spec: PopulationSpec) -> Iterator[PopulationFinding]:
    """A finding for each text whose condition is false for every category that has a share and every number of a bin.

    Conditions over derived fields and records are passed over: what those can be is known once they are compiled.
    """
    known = {name: found for name, d in spec.dimensions.items() if (found := _possible_values(d)) is not None}
    kinds = {name: kind for name, (kind, _) in known.items()}
    cells = {name: domain for name, (_, domain) in known.items()}
    for name, dimension in spec.dimensions.items():
        for index, text in enumerate(dimension.values if isinstance(dimension, TextPool) else ()):
            if text.when is not None and _is_impossible(text.when, kinds, cells):
                place = f"dimensions.{name}.values[{index}]"
                problem = f"nobody can get this text: `{text.when}` is never true of these dimensions"
                yield PopulationFinding(Level.WARNING, place, problem, "correct `when`, or remove the text")


def _is_impossible(condition: str, kinds: Mapping[str, Kind], cells: Mapping[str, Domain]) -> bool:
    try:
        bound = Expression.parse(condition).bind(kinds)
    except BadExpression:
        return False
    domains = _every_combination(bound, kinds, cells)
    if domains is None:
        return False
    can_be_true = bound.possible(domains).can_be_true
    return can_be_true is not None and not bool(can_be_true.any())


def _every_combination(
    bound: Bound, kinds: Mapping[str, Kind], cells: Mapping[str, Domain]
) -> Mapping[str, Domain] | None:
    """The cells of all the names that an expression reads, crossed; None where they are too many."""
    splits = bound.splits()
    own = {name: _split(cells[name], splits.get(name, ()), kinds[name]) for name in sorted(bound.names)}
    sizes = [len(next(a for a in (domain.codes, domain.low) if a is not None)) for domain in own.values()]
    if math.prod(sizes) > _MOST_COMBINATIONS:
        return None
    rows = np.array(list(product(*map(range, sizes))), dtype=np.int64).reshape(-1, len(sizes))
    return {name: _at(domain, rows[:, i]) for i, (name, domain) in enumerate(own.items())}


def _split(domain: Domain, points: Sequence[float], kind: Kind) -> Domain:
    """Bins cut where the expression tells numbers apart, so that `age > 60 and age < 30` is settled in each."""
    if domain.low is None or domain.high is None:
        return domain
    parts = list(zip(domain.low.tolist(), domain.high.tolist(), strict=True))
    for point in points:
        below = point - 1 if kind.integer else math.nextafter(point, -math.inf)
        cut = [[(low, below), (point, high)] if low < point <= high else [(low, high)] for low, high in parts]
        parts = [part for pieces in cut for part in pieces]
    return Domain(low=np.array([low for low, _ in parts]), high=np.array([high for _, high in parts]))


def _at(domain: Domain, rows: Ints) -> Domain:
    if domain.low is None or domain.high is None:
        return Domain(codes=None if domain.codes is None else domain.codes[rows])
    return Domain(low=domain.low[rows], high=domain.high[rows])


def _possible_values(dimension: Dimension) -> tuple[Kind, Domain] | None:
    """Its kind, and a cell for each category or bin that has a share."""
    if dimension.type == "categorical":
        labels, empty = categories_of(dimension), set(without_share(dimension))
        codes = [code for code, label in enumerate(labels) if label not in empty]
        return Kind("category", tuple(labels)), Domain(codes=np.array(codes, dtype=np.int64))
    if not isinstance(dimension, NumericDimension):
        return None
    low, high = _ends(dimension)
    kind = Kind("number", integer=dimension.integer, low=float(low.min()), high=float(high.max()))
    return kind, Domain(low=low, high=high)


def _ends(dimension: NumericDimension) -> tuple[Floats, Floats]:
    """The lowest and highest value of each bin that has a share; of a distribution, where it is truncated."""
    if dimension.dist is not None:
        low, high = dimension.truncate or (-math.inf, math.inf)
        return np.array([low]), np.array([high])
    empty = set(without_share(dimension))
    try:
        bins = read_bins(categories_of(dimension), integer=dimension.integer)
    except BadBin:
        return np.array([-math.inf]), np.array([math.inf])
    own = [one for one in bins if one.label not in empty]
    top = 1.0 if dimension.integer else 0.0
    return np.array([one.low for one in own]), np.array([one.high - top for one in own])
