"""Joint distribution that the factors of a component say, without what its rules forbid."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from troupe_batch.arrays import Bools, Ints
from troupe_batch.population.factors import Factor
from troupe_batch.population.joint.agreement import is_decided
from troupe_batch.population.joint.cells import Join
from troupe_batch.population.joint.constraints import Rule, truths
from troupe_batch.population.joint.domains import Domains
from troupe_batch.population.joint.factor_tables import parents_first
from troupe_batch.population.model import Records


@dataclass(frozen=True)
class Joined:
    """A join with what is known of how it came about.

    `removed` has the probability that each rule took away, `dropped` the numbers of the records of which it left
    nothing, `open` the constraints that some records leave open, and `emptied_by` the dimension after which nothing was
    left.
    """

    join: Join
    removed: list[float]
    dropped: list[Ints]
    open: set[int]
    emptied_by: str | None


@dataclass(frozen=True)
class Joiner:
    """Joins the factors of one component; `records` are given where the component has them."""

    members: Sequence[Factor]
    records: Records | None
    domains: Domains

    def joined(self, rules: Sequence[Rule], only: Mapping[str, int] | None = None) -> Joined:
        """All combinations that the rules allow, each as probable as the factors say; `only` those with these codes.

        TooManyCells where they are more than can be listed.
        """
        work = _Work(self, list(rules), dict(only or {}))
        work.run()
        return Joined(work.join, work.removed, work.dropped, work.open, work.emptied_by)


@dataclass
class _Work:
    joiner: Joiner
    rules: list[Rule]
    only: dict[str, int]
    join: Join = field(default_factory=Join)
    removed: list[float] = field(default_factory=list)
    dropped: list[Ints] = field(default_factory=list)
    open: set[int] = field(default_factory=set)
    emptied_by: str | None = None

    def run(self) -> None:
        self.removed = [0.0] * len(self.rules)
        self.dropped = [np.empty(0, dtype=np.int64) for _ in self.rules]
        self._waiting = list(range(len(self.rules)))
        self._decided = {factor.name for factor in self.joiner.members if factor.parents and is_decided(factor)}
        if self.joiner.records is not None:
            self.join = Join.of_records(self.joiner.records)
            self._sift("the records")
        left = [factor for factor in parents_first(self.joiner.members) if factor.name not in self.join.codes]
        while left and len(self.join):
            factor = self._next(left)
            left.remove(factor)
            self.join.add(factor)
            self._sift(factor.name)

    def _next(self, left: list[Factor]) -> Factor:
        """What parents decide comes as soon as it can: it adds nothing and lets rules work early."""
        ready = [factor for factor in left if all(parent in self.join.codes for parent in factor.parents)]
        return next((factor for factor in ready if factor.name in self._decided), ready[0])

    def _sift(self, name: str) -> None:
        for wanted in [wanted for wanted in self.only if wanted in self.join.codes]:
            self.join.keep(self.join.codes[wanted] == self.only.pop(wanted))
        for number in [n for n in self._waiting if set(self.rules[n].names) <= set(self.join.codes)]:
            self._waiting.remove(number)
            if len(self.join):
                self._apply(number)
        if not len(self.join) and self.emptied_by is None:
            self.emptied_by = name

    def _apply(self, number: int) -> None:
        rule = self.rules[number]
        before, records = float(self.join.probs.sum()), self.join.records
        self.join.keep(self._allowed(rule))
        self.removed[number] = before - float(self.join.probs.sum())
        if records is not None and self.join.records is not None:
            self.dropped[number] = np.setdiff1d(records, self.join.records)

    def _allowed(self, rule: Rule) -> Bools:
        if rule.allowed is not None:
            return rule.allowed[self.join.index(rule.names, rule.shape)]
        assert rule.bound is not None  # noqa: S101 # what no table decides, an expression does
        codes = {name: self.join.column(name) for name in rule.names}
        possible = self.joiner.domains.possible(rule.bound, codes, self.join.records)
        allowed, can_fail = truths(possible)
        if rule.constraint is not None and bool((allowed & can_fail).any()):
            self.open.add(rule.constraint)
        return allowed
