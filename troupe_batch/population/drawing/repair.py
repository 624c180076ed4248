"""Repair of drawn people: few move to other kinds, never to an impossible one, until margins and controls are met.

Systematic sampling leaves margins off by some people. Whoever is too many of a group moves to an option beside theirs
that is short of people: the likelier the new option and the unlikelier the old one, the sooner (the logarithm of their
ratio plus Gumbel noise, so that everybody has a chance). What a person may move to is given, so zeros stay zeros.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from troupe_batch.arrays import Bools, Floats, Ints
from troupe_batch.seeded import stream, uniforms

# Moves that are weighed at a time: so many, and so many more for each person too many or too few.
_PAIRS = 4_000
_PAIRS_PER_MISS = 60
_ROUNDS = 80
# Rounds of moves that help nothing by themselves, in a row, before what is left is left.
_SIDEWAYS = 6


@dataclass(frozen=True)
class OptionSets:
    """Options of people, in sets, numbered so that those of a set stand together; people stay in their set.

    `sets` has the set of each option, rising; `logs` the logarithm of its probability.
    """

    sets: Ints
    logs: Floats


@dataclass(frozen=True)
class Quota:
    """Quota of each group: how many people it may have at least and at most; `groups` has the group of each option.

    `weight` says how much a person too many or too few counts where not all quotas can hold.
    """

    groups: Ints
    low: Ints
    high: Ints
    weight: int = 1

    def counts(self, at: Ints) -> Ints:
        """The people of each group when they are at these options."""
        return np.bincount(self.groups[at], minlength=len(self.low))

    def misses(self, counts: Ints) -> int:
        """How many people are too many or too few in all, weighted."""
        return self.weight * int(np.maximum(counts - self.high, 0).sum() + np.maximum(self.low - counts, 0).sum())


def repaired(at: Ints, choices: OptionSets, quotas: Sequence[Quota], key: int) -> Ints:
    """The option of each person: `at`, but for as few moves as bring the groups within their quotas, or near them."""
    if not sum(quota.misses(quota.counts(at)) for quota in quotas):
        return at
    repair = _Repair(at.copy(), choices, quotas)
    step, idle = _Step.DIRECT, 0
    for number in range(_ROUNDS):
        before = repair.misses
        repair.round(step, stream(key, number))
        if not repair.misses:
            break
        if repair.misses < before:
            step, idle = _Step.DIRECT, 0
        elif step < _Step.SIDEWAYS:
            step = _Step(step + 1)
        else:
            step, idle = _Step.DIRECT, idle + 1
        if idle == _SIDEWAYS:
            break
    return repair.at


class _Step(IntEnum):
    """Which moves are tried.

    From where people are too many to where they are too few; any that help; any that harm nothing, as others may then
    help.
    """

    DIRECT = 0
    HELPFUL = 1
    SIDEWAYS = 2


class _Repair:
    """People on their way to their options, and how many there are of each group of each quota."""

    def __init__(self, at: Ints, choices: OptionSets, quotas: Sequence[Quota]) -> None:
        self.at = at
        self._choices = choices
        self._tallies = [_Tally(quota, at) for quota in quotas]
        numbers = np.arange(int(choices.sets[-1]) + 2)
        self._ends = np.searchsorted(choices.sets, numbers)

    @property
    def misses(self) -> int:
        """How many people are too many or too few in all, weighted."""
        return sum(tally.misses for tally in self._tallies)

    def round(self, step: _Step, key: int) -> None:
        """The best moves of one kind among those of some people, each person at most once."""
        people = self._movable(step, key)
        if not len(people):
            return
        first, end = (self._ends[self._choices.sets[self.at[people]] + side] for side in (0, 1))
        owner, target = end_to_end(first, end - first)
        mover = people[owner]
        gain, helps = self._gains(self.at[mover], target)
        good = np.flatnonzero(helps & (gain >= (step < _Step.SIDEWAYS)))
        mover, target = mover[good], target[good]
        # Off both ends, where the noise would be infinite and nothing else would count.
        u = np.clip(uniforms(stream(key, "noise"), good), 2.0**-54, 1 - 2.0**-53)
        score = self._choices.logs[target] - self._choices.logs[self.at[mover]] - np.log(-np.log(u))
        # More than are needed: each move that is made can take away what a later one would have gained.
        best = np.lexsort((-score, -gain[good]))[: 8 * self.misses + 64]
        self._move(mover[best], target[best], at_least=int(step < _Step.SIDEWAYS))

    def _gains(self, old: Ints, new: Ints) -> tuple[Ints, Bools]:
        """How many misses fewer each move would make alone, and whether it mends any quota."""
        gain = np.zeros(len(old), dtype=np.int64)
        helps = np.zeros(len(old), dtype=np.bool_)
        for tally in self._tallies:
            left, entered = tally.groups[old], tally.groups[new]
            leaving, entering = tally.leaving[left], tally.entering[entered]
            gain += np.where(left == entered, 0, leaving + entering)
            helps |= (left != entered) & ((leaving > 0) | (entering > 0))
        return gain, helps

    def _movable(self, step: _Step, key: int) -> Ints:
        """People whose move might help, as many by lot as have enough options together."""
        sets = self._choices.sets
        leaving = np.zeros(len(self.at), dtype=np.bool_)
        wanting = np.zeros(len(self._ends), dtype=np.bool_)
        for tally in self._tallies:
            leaving |= (tally.leaving > 0)[tally.groups[self.at]]
            wanting[sets[(tally.entering > 0)[tally.groups]]] = True
        wanted = wanting[sets[self.at]]
        people = np.flatnonzero(leaving & wanted if step is _Step.DIRECT else leaving | wanted)
        widths = (self._ends[1:] - self._ends[:-1])[sets[self.at[people]]]
        people, widths = people[widths > 1], widths[widths > 1]
        enough = _PAIRS + _PAIRS_PER_MISS * self.misses
        if widths.sum() > enough:
            people = _by_lot(people, widths, enough, stream(key, "people"))
        return people

    def _move(self, movers: Ints, targets: Ints, *, at_least: int) -> None:
        """Moves them one after the other, as far as each still gains as much as it must; sideways no more than help."""
        pairs = [(t, t.groups[self.at[movers]].tolist(), t.groups[targets].tolist()) for t in self._tallies]
        room = len(movers) if at_least else self.misses
        moved: set[int] = set()
        for place, (mover, target) in enumerate(zip(movers.tolist(), targets.tolist(), strict=True)):
            if mover in moved or len(moved) >= room:
                continue
            if sum(t.gain_of(old[place], new[place]) for t, old, new in pairs) < at_least:
                continue
            for tally, old, new in pairs:
                tally.move(old[place], new[place])
            self.at[mover] = target
            moved.add(mover)


def _by_lot(people: Ints, widths: Ints, enough: int, key: int) -> Ints:
    """As many of the people, in the order of their lots, as have enough options together, or nearly."""
    lots = uniforms(key, people)
    # The lowest lots are among these but for a freak of chance: sorting all lots of a block costs most of a repair.
    low = np.flatnonzero(lots < 2 * enough / widths.sum())
    if widths[low].sum() < enough:
        low = np.arange(len(people))
    order = low[np.argsort(lots[low], kind="stable")]
    return people[order[: max(1, int(np.searchsorted(np.cumsum(widths[order]), enough)))]]


class _Tally:
    """The people of each group of a quota."""

    def __init__(self, quota: Quota, at: Ints) -> None:
        self.groups = quota.groups
        self._weight = quota.weight
        self._low: list[int] = quota.low.tolist()
        self._high: list[int] = quota.high.tolist()
        self._counts: list[int] = quota.counts(at).tolist()

    @property
    def misses(self) -> int:
        rows = zip(self._low, self._counts, self._high, strict=True)
        return self._weight * sum(max(low - count, count - high, 0) for low, count, high in rows)

    @property
    def leaving(self) -> Ints:
        """What is gained when somebody leaves each group."""
        return np.array([self._gain_of_leaving(group) for group in range(len(self._counts))], dtype=np.int64)

    @property
    def entering(self) -> Ints:
        """What is gained when somebody enters each group."""
        return np.array([self._gain_of_entering(group) for group in range(len(self._counts))], dtype=np.int64)

    def gain_of(self, old: int, new: int) -> int:
        """How many misses fewer a move from one group to another makes now."""
        return 0 if old == new else self._gain_of_leaving(old) + self._gain_of_entering(new)

    def move(self, old: int, new: int) -> None:
        """Counts one person in another group."""
        self._counts[old] -= 1
        self._counts[new] += 1

    def _gain_of_leaving(self, group: int) -> int:
        count = self._counts[group]
        gain = 1 if count > self._high[group] else -1 if count <= self._low[group] else 0
        return self._weight * gain

    def _gain_of_entering(self, group: int) -> int:
        count = self._counts[group]
        gain = 1 if count < self._low[group] else -1 if count >= self._high[group] else 0
        return self._weight * gain


def end_to_end(firsts: npt.NDArray[np.integer], lengths: npt.NDArray[np.integer]) -> tuple[Ints, Ints]:
    """Which range each number comes from, and the numbers: firsts[0] ..., firsts[1] ..., each so many as `lengths`."""
    owner = np.repeat(np.arange(len(firsts)), lengths)
    before = np.cumsum(lengths) - lengths
    return owner, np.arange(len(owner)) + (firsts - before)[owner]
