"""Joint distributions of dimensions, from the factors of a Bayesian network."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from troupe_batch.arrays import Floats
from troupe_batch.population.factors import Factor


def cell_count(factors: Sequence[Factor]) -> int:
    """How many cells the joint table has, impossible ones included."""
    return math.prod(len(factor.labels) for factor in factors)


def joint_table(factors: Sequence[Factor]) -> Floats:
    """P of every cell, one axis per factor in the order given, summing to 1; every parent must be among them."""
    axis = {factor.name: i for i, factor in enumerate(factors)}
    table = np.ones((1,) * len(factors))
    for factor in factors:
        own = [axis[name] for name in (*factor.parents, factor.name)]
        shape = [1] * len(factors)
        for position in own:
            shape[position] = len(factors[position].labels)
        # The axes of a factor stand in the order of its `given`, those of the table in the order of the file.
        table = table * np.transpose(factor.probs, np.argsort(own)).reshape(shape)
    return np.asarray(table / table.sum())


def marginal(factor: Factor, factors: Sequence[Factor]) -> Floats:
    """P of each category of one factor, shape (k,)."""
    family = ancestry(factor, factors)
    table = joint_table(family)
    others = tuple(i for i, member in enumerate(family) if member.name != factor.name)
    return np.asarray(table.sum(axis=others))


def ancestry(factor: Factor, factors: Sequence[Factor]) -> list[Factor]:
    """The factor and all that it depends on, in the order of the file."""
    by_name = {f.name: f for f in factors}
    wanted = reached([factor.name], lambda name: by_name[name].parents)
    return [f for f in factors if f.name in wanted]


def reached(names: Iterable[str], behind: Callable[[str], Iterable[str]]) -> frozenset[str]:
    """The names and everything that stands behind them, at any remove."""
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += behind(name)
    return frozenset(found)


def parents_first(factors: Sequence[Factor]) -> list[Factor]:
    """The factors in an order in which each follows its parents."""
    order: list[Factor] = []
    left = list(factors)
    while left:
        waiting = {factor.name for factor in left}
        ready = next(factor for factor in left if waiting.isdisjoint(factor.parents))
        order.append(ready)
        left.remove(ready)
    return order
