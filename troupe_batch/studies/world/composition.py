"""Composition of worlds: who sits in which, a pure function of the people's facts, the rules and the seed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from troupe_batch.arrays import Ints
from troupe_batch.errors import Mistake, SpecError
from troupe_batch.seeded import stream, uniforms
from troupe_batch.spec_files import dotted
from troupe_batch.studies.cases import BALANCED, RANDOM, Alike, Composition
from troupe_batch.studies.study import PopulationFacts
from troupe_batch.studies.world.allotment import Allotment, Shortage
from troupe_batch.studies.world.fitting import fitting, rule_mistakes, sort_of
from troupe_batch.studies.world.misfits import unknown_fact
from troupe_batch.studies.world.seats import Fact, SeatSpec

_ALIKE = ("composition", "alike_by")
# The first worlds are mixed with each other only, and longer windows hold about so many people: enough that it makes no
# difference to who meets whom, and few enough that a shard's people are cast in one go.
_FIRST_WINDOW = 8
_PEOPLE_PER_WINDOW = 1_000


@dataclass(frozen=True)
class Seated:
    """The people of each world, seat by seat; nobody sits in two worlds."""

    cases: int
    _people: Ints

    def members(self, case: int) -> tuple[int, ...]:
        """The numbers of the people of a world."""
        return tuple(self._people[case].tolist())


def compose(
    places: Sequence[SeatSpec],
    population: PopulationFacts,
    people: int,
    worlds: int | None,
    *,
    composition: Composition = RANDOM,
    seed: int = 0,
) -> Seated:
    """Fills as many worlds as are asked for, or as the people allow; SpecError says which seats cannot be filled.

    People are taken in their order. Where someone fits several kinds of seats, they go where people are scarce. Who
    sits together is decided by lot, unless the composition is `balanced`: in windows of worlds, each twice as long as
    those before, so that people who take part are balanced like the population however many worlds there are. Fewer
    worlds are always the first ones of more worlds.
    """
    alike_by = composition.alike_by if isinstance(composition, Alike) else ()
    needs_facts = alike_by or any(seat.where or seat.fragment for seat in places)
    facts = population.facts(0, people) if needs_facts else {}
    if mistakes := rule_mistakes(places, facts):
        raise _errors(mistakes)
    rules = _Rules(places, facts, people)
    groups = rules.alike(facts, alike_by) if alike_by else [np.arange(people)]
    pools = [pool for pool in (rules.pool(members) for members in groups) if pool.most]
    most = sum(pool.most for pool in pools)
    if most < (worlds or 1):
        raise _too_few_alike(alike_by, worlds or 1, most) if alike_by else rules.too_few(worlds or 1, most)
    keys = [None if composition == BALANCED else stream(seed, "seats", number) for number in range(len(pools))]
    seated = _in_turn([pool.seated(key) for pool, key in zip(pools, keys, strict=True)])
    found = Seated(worlds or most, seated[: worlds or most])
    _check_fragments(places, facts, found)
    return found


class _Rules:
    """The distinct rules of the seats, and which people fit them."""

    def __init__(self, places: Sequence[SeatSpec], facts: Mapping[str, Sequence[object]], people: int) -> None:
        self._places = places
        texts = [seat.rule_key for seat in places]
        distinct = list(dict.fromkeys(texts))
        self._rule_of = [distinct.index(text) for text in texts]
        self._demand = [0] * len(distinct)
        for seat, rule in zip(places, self._rule_of, strict=True):
            self._demand[rule] += seat.count
        self._codes = np.zeros(people, np.int64)
        for rule, text in enumerate(distinct):
            place = texts.index(text)
            self._codes |= fitting(places[place], facts, people).astype(np.int64) << rule

    def pool(self, members: Ints) -> _Pool:
        """These people, to be seated."""
        columns = []
        taken = [0] * len(self._demand)
        for seat, rule in zip(self._places, self._rule_of, strict=True):
            columns.append((rule, taken[rule], taken[rule] + seat.count))
            taken[rule] += seat.count
        return _Pool(members, self._codes[members], self._demand, columns)

    def alike(self, facts: Mapping[str, Sequence[object]], names: Sequence[str]) -> list[Ints]:
        """The people who have each combination of values, where they are enough for a world; SpecError for no fact."""
        unknown = [(i, *unknown_fact((), name, facts)[1:]) for i, name in enumerate(names) if name not in facts]
        if unknown:
            raise _errors([((*_ALIKE, i), problem, cure) for i, problem, cure in unknown])
        keys = list(zip(*(np.asarray(facts[name]).tolist() for name in names), strict=True))
        members: dict[tuple[tuple[str, Any], ...], list[int]] = {}
        for index, key in enumerate(keys):
            members.setdefault(tuple((sort_of(value), value) for value in key), []).append(index)
        return [np.array(group, np.int64) for group in members.values() if len(group) >= sum(self._demand)]

    def too_few(self, worlds: int, most: int) -> SpecError:
        """What to say when the people do not allow so many worlds."""
        everybody = self.pool(np.arange(len(self._codes)))
        rules = everybody.short_of(worlds)
        needed = sum(self._demand[rule] for rule in rules) * worlds
        places = [place for place, rule in enumerate(self._rule_of) if rule in rules]
        who = "; ".join(dict.fromkeys(self._places[place].rule for place in places))
        one_of = "fit" if len(rules) == 1 else "fit one of these rules"
        need = f"{worlds} worlds need" if worlds > 1 else "one world needs"
        chairs = f"{needed} people here" if needed > 1 else "1 person here"
        problem = f"{need} {chairs} ({who}), and {everybody.fitting(rules)} of the {len(self._codes)} people {one_of}"
        cure = "let more people take part, ask for fewer of them, or widen the rule"
        if most:
            cure = f"lower `worlds` to {most}, or {cure}"
        return _seat_error(("seats", places[0]) if len(rules) == 1 else ("seats",), problem, cure)


class _Pool:
    """Some people, who sit with each other: how many worlds they fill, and who sits where."""

    def __init__(
        self, members: Ints, codes: Ints, demand: Sequence[int], columns: Sequence[tuple[int, int, int]]
    ) -> None:
        """`codes` has a bit for each rule that someone fits; `columns` each place's rule, and which of its seats."""
        self._members = members
        self._demand = demand
        self._columns = columns
        kinds, self._kind_of = np.unique(codes, return_inverse=True)
        self._supply = np.bincount(self._kind_of, minlength=len(kinds)).tolist()
        self._fits = [[rule for rule in range(len(demand)) if code >> rule & 1] for code in kinds.tolist()]
        self.most = self._most()

    def _most(self) -> int:
        low, high = 0, len(self._members) // sum(self._demand)
        while low < high:
            middle = (low + high + 1) // 2
            try:
                self._allot(middle)
            except Shortage:
                high = middle - 1
            else:
                low = middle
        return low

    def short_of(self, worlds: int) -> tuple[int, ...]:
        """The rules that too few people fit for so many worlds; all where it is none in particular."""
        try:
            self._allot(worlds)
        except Shortage as shortage:
            return shortage.rules
        return tuple(range(len(self._demand)))

    def fitting(self, rules: Sequence[int]) -> int:
        """How many people fit one of the rules."""
        return sum(count for count, fits in zip(self._supply, self._fits, strict=True) if set(fits) & set(rules))

    def seated(self, key: int | None) -> Ints:
        """The people of each world, shape (worlds, seats): by lot, or in their order where there is no `key`."""
        by_rule: list[list[Ints]] = [[] for _ in self._demand]
        for kind, shares in enumerate(self._allot(self.most).given):
            members = self._members[self._kind_of == kind]
            first = 0
            for rule, count in shares.items():
                by_rule[rule].append(members[first : first + count])
                first += count
        pools = []
        for rule, (parts, demand) in enumerate(zip(by_rule, self._demand, strict=True)):
            pool = np.sort(np.concatenate(parts))
            if key is not None and sum(self._demand) > 1:
                pool = pool[_by_lot(self.most, demand, stream(key, rule))]
            pools.append(pool.reshape(self.most, demand))
        return np.concatenate([pools[rule][:, first:stop] for rule, first, stop in self._columns], axis=1)

    def _allot(self, worlds: int) -> Allotment:
        return Allotment(self._supply, self._fits, [count * worlds for count in self._demand])


def _by_lot(worlds: int, seats: int, key: int) -> Ints:
    """An order of the people of so many worlds: a random one within each window of worlds."""
    ends = [_FIRST_WINDOW]
    while ends[-1] < worlds:
        ends.append(ends[-1] + min(ends[-1], max(_FIRST_WINDOW, _PEOPLE_PER_WINDOW // seats)))
    window = np.searchsorted(ends, np.arange(worlds), side="right")
    lots = uniforms(key, np.arange(worlds * seats, dtype=np.int64))
    return np.argsort(np.repeat(window, seats) + lots, kind="stable")


def _in_turn(groups: Sequence[Ints]) -> Ints:
    """The worlds of several groups one after the other, so that the first ones have each group's share of them."""
    turns = np.concatenate([(np.arange(len(worlds)) + 0.5) / len(worlds) for worlds in groups])
    return np.concatenate(groups)[np.argsort(turns, kind="stable")]


def _too_few_alike(names: Sequence[str], worlds: int, most: int) -> SpecError:
    need = f"{worlds} worlds need" if worlds > 1 else "one world needs"
    have = "for one" if most == 1 else f"for {most}" if most else "for none"
    problem = f"{need} people in its seats who have the same {' and '.join(names)}, and there are enough {have}"
    cure = "let more people take part, or name facts with fewer values"
    return _seat_error(_ALIKE, problem, f"lower `worlds` to {most}, or {cure}" if most else cure)


def _check_fragments(places: Sequence[SeatSpec], facts: Mapping[str, Sequence[object]], seated: Seated) -> None:
    """SpecError where a fragment contradicts a fact of someone who would sit there."""
    first = 0
    for place, seat in enumerate(places):
        sitting = seated._people[:, first : first + seat.count].ravel()  # noqa: SLF001 -- same file
        first += seat.count
        if seat.overwrite:
            continue
        for fact, said in seat.partial_persona.items():
            if fact not in facts or not isinstance(said, Fact):
                continue
            theirs = {value for value in np.asarray(facts[fact])[sitting].tolist() if value is not None}
            if others := sorted(str(value) for value in theirs if (sort_of(value), value) != (sort_of(said), said)):
                problem = f"the fragment says {fact}: {said}, and people who would sit here have {others[0]}"
                cure = f"let `where` choose people with {fact}: {said}, or add `overwrite: true`"
                raise _seat_error(("seats", place, "fragment"), problem, cure)


def _seat_error(place: tuple[str | int, ...], problem: str, cure: str) -> SpecError:
    return _errors([(place, problem, cure)])


def _errors(mistakes: Sequence[tuple[tuple[str | int, ...], str, str]]) -> SpecError:
    return SpecError("job", [Mistake(said, cure, dotted(("study", *at))) for at, said, cure in mistakes])
