"""Allotment of people of several kinds to rules, when kinds fit several of them: exact, by augmenting paths.

A kind is a set of people who fit the same rules. Ford & Fulkerson (1956) on the graph of kinds and rules, which is
small however many people there are; begun greedily with the scarcest rule and the least versatile kind.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence


class Shortage(Exception):
    """The rules in `rules` together need more people than fit any of them."""

    def __init__(self, rules: Sequence[int]) -> None:
        self.rules = tuple(sorted(rules))
        super().__init__(f"too few people for the rules {self.rules}")


class Allotment:
    """`given[kind][rule]` people of a kind go to a rule, so that each rule has its demand; Shortage where none does."""

    def __init__(self, supply: Sequence[int], fits: Sequence[Sequence[int]], demand: Sequence[int]) -> None:
        """`supply` counts the people of each kind, `fits` names the rules that they fit."""
        self.given: list[dict[int, int]] = [dict.fromkeys(rules, 0) for rules in fits]
        self._free = list(supply)
        self._missing = list(demand)
        self._kinds_of: list[list[int]] = [[] for _ in demand]
        for kind in sorted(range(len(fits)), key=lambda kind: len(fits[kind])):
            for rule in fits[kind]:
                self._kinds_of[rule].append(kind)
        fitting = [sum(supply[kind] for kind in kinds) for kinds in self._kinds_of]
        scarcest_first = sorted(range(len(demand)), key=lambda rule: fitting[rule] / max(demand[rule], 1))
        for rule in scarcest_first:
            self._take_free(rule)
        for rule in scarcest_first:
            while self._missing[rule]:
                self._take_from_others(rule)

    def _take_free(self, rule: int) -> None:
        for kind in self._kinds_of[rule]:
            taken = min(self._free[kind], self._missing[rule])
            self._move(kind, None, rule, taken)
            self._missing[rule] -= taken

    def _take_from_others(self, rule: int) -> None:
        """Fill the rule along a path on which each rule gives people to the one before and takes others instead."""
        source: dict[int, tuple[int, int]] = {}  # rule -> (the rule that takes from it, the kind that is taken)
        queue = deque([rule])
        seen = {rule}
        while queue:
            taker = queue.popleft()
            for kind in self._kinds_of[taker]:
                if self._free[kind]:
                    self._pull(rule, taker, kind, source)
                    return
                for giver, count in self.given[kind].items():
                    if count and giver not in seen:
                        seen.add(giver)
                        source[giver] = (taker, kind)
                        queue.append(giver)
        raise Shortage(sorted(seen))

    def _pull(self, rule: int, last: int, free_kind: int, source: dict[int, tuple[int, int]]) -> None:
        amount = min(self._missing[rule], self._free[free_kind])
        steps: list[tuple[int, int | None, int]] = [(free_kind, None, last)]
        while last != rule:
            taker, kind = source[last]
            amount = min(amount, self.given[kind][last])
            steps.append((kind, last, taker))
            last = taker
        for kind, giver, taker in steps:
            self._move(kind, giver, taker, amount)
        self._missing[rule] -= amount

    def _move(self, kind: int, giver: int | None, taker: int, count: int) -> None:
        if giver is None:
            self._free[kind] -= count
        else:
            self.given[kind][giver] -= count
        self.given[kind][taker] += count
