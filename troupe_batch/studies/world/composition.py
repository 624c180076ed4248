"""Who sits in which world: a pure function of the people's facts and the rules of the seats."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from troupe_batch.errors import Mistake, SpecError
from troupe_batch.scalars import as_written, in_nfc, is_true
from troupe_batch.spec_files import dotted
from troupe_batch.studies.study import Facts
from troupe_batch.studies.world.allotment import Allotment, Shortage
from troupe_batch.studies.world.misfits import misfits, unknown_fact
from troupe_batch.studies.world.seats import Fact, Range, SeatSpec, Wanted

_Indices = npt.NDArray[np.int64]
_Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Composition:
    """The people of each world, seat by seat; nobody sits in two worlds."""

    cases: int
    _people: _Indices

    def members(self, case: int) -> tuple[int, ...]:
        """The numbers of the people of a world."""
        return tuple(self._people[case].tolist())


def compose(places: Sequence[SeatSpec], population: Facts, people: int, worlds: int | None) -> Composition:
    """Fills as many worlds as are asked for, or as the people allow; SpecError says which seats cannot be filled.

    People are taken in their order. Where someone fits several kinds of seats, they go where people are scarce. Fewer
    worlds are always the first ones of more worlds; more people only add worlds where nobody fits two kinds of seats.
    """
    facts = population.facts(0, people) if any(seat.where or seat.fragment for seat in places) else {}
    _check_rules(places, facts)
    rules = _Rules(places, facts, people)
    most = rules.most_worlds()
    if most < (worlds or 1):
        raise rules.too_few(worlds or 1, most)
    composition = Composition(worlds or most, rules.seated(most)[: worlds or most])
    _check_fragments(places, facts, composition)
    return composition


class _Rules:
    """The distinct rules of the seats, and which people fit them."""

    def __init__(self, places: Sequence[SeatSpec], facts: Mapping[str, Sequence[object]], people: int) -> None:
        self._places = places
        self._people = people
        texts = [repr(sorted(seat.where.items(), key=lambda item: item[0])) for seat in places]
        distinct = list(dict.fromkeys(texts))
        self._rule_of = [distinct.index(text) for text in texts]
        self._demand = [0] * len(distinct)
        for seat, rule in zip(places, self._rule_of, strict=True):
            self._demand[rule] += seat.count
        codes = np.zeros(people, np.int64)
        for rule, text in enumerate(distinct):
            place = texts.index(text)
            codes |= _fitting(places[place], facts, people).astype(np.int64) << rule
        kinds, self._kind_of = np.unique(codes, return_inverse=True)
        self._supply = np.bincount(self._kind_of, minlength=len(kinds)).tolist()
        self._fits = [[rule for rule in range(len(distinct)) if code >> rule & 1] for code in kinds.tolist()]

    def most_worlds(self) -> int:
        """How many worlds the people allow."""
        low, high = 0, self._people // sum(self._demand)
        while low < high:
            middle = (low + high + 1) // 2
            try:
                self._allot(middle)
            except Shortage:
                high = middle - 1
            else:
                low = middle
        return low

    def seated(self, worlds: int) -> _Indices:
        """The people of each world, shape (worlds, seats)."""
        given = self._allot(worlds).given
        by_rule: list[list[_Indices]] = [[] for _ in self._demand]
        for kind, shares in enumerate(given):
            members = np.flatnonzero(self._kind_of == kind)
            first = 0
            for rule, count in shares.items():
                by_rule[rule].append(members[first : first + count])
                first += count
        pools = [
            np.sort(np.concatenate(parts)).reshape(worlds, demand)
            for parts, demand in zip(by_rule, self._demand, strict=True)
        ]
        taken = [0] * len(pools)
        columns = []
        for seat, rule in zip(self._places, self._rule_of, strict=True):
            columns.append(pools[rule][:, taken[rule] : taken[rule] + seat.count])
            taken[rule] += seat.count
        return np.concatenate(columns, axis=1)

    def too_few(self, worlds: int, most: int) -> SpecError:
        """What to say when the people do not allow so many worlds."""
        try:
            self._allot(worlds)
        except Shortage as shortage:
            rules = shortage.rules
        else:
            rules = tuple(range(len(self._demand)))
        needed = sum(self._demand[rule] for rule in rules) * worlds
        fit = sum(count for count, fits in zip(self._supply, self._fits, strict=True) if set(fits) & set(rules))
        places = [place for place, rule in enumerate(self._rule_of) if rule in rules]
        who = "; ".join(dict.fromkeys(self._places[place].rule for place in places))
        one_of = "fit" if len(rules) == 1 else "fit one of these rules"
        need = f"{worlds} worlds need" if worlds > 1 else "one world needs"
        chairs = f"{needed} people here" if needed > 1 else "1 person here"
        problem = f"{need} {chairs} ({who}), and {fit} of the {self._people} people {one_of}"
        cure = "let more people take part, ask for fewer of them, or widen the rule"
        if most:
            cure = f"lower `worlds` to {most}, or {cure}"
        return _error(("seats", places[0]) if len(rules) == 1 else ("seats",), problem, cure)

    def _allot(self, worlds: int) -> Allotment:
        return Allotment(self._supply, self._fits, [count * worlds for count in self._demand])


def _check_rules(places: Sequence[SeatSpec], facts: Mapping[str, Sequence[object]]) -> None:
    """SpecError where a rule names a fact that nobody has, or asks of one fact what nobody fits."""
    mistakes = []
    for number, seat in enumerate(places):
        place = ("seats", number, "where")
        for fact, wanted in seat.where.items():
            if fact not in facts:
                mistakes.append(unknown_fact(place, fact, facts))
            elif not _holds(facts[fact], wanted).any():
                mistakes += misfits(place, fact, facts[fact], wanted)
    if mistakes:
        raise SpecError("job", [Mistake(said, cure, dotted(("study", *at))) for at, said, cure in mistakes])


def _fitting(seat: SeatSpec, facts: Mapping[str, Sequence[object]], people: int) -> _Bools:
    """Which people fit the rule of the seat."""
    fitting = np.ones(people, np.bool_)
    for fact, wanted in seat.where.items():
        fitting &= _holds(facts[fact], wanted)
    return fitting


def _holds(values: Sequence[object], wanted: Wanted) -> _Bools:
    column = np.asarray(values)
    if isinstance(wanted, Range):
        low = -np.inf if wanted.at_least is None else wanted.at_least
        high = np.inf if wanted.at_most is None else wanted.at_most
        if column.dtype.kind in "iuf":
            return np.asarray((column >= low) & (column <= high))
        return np.array([_is_number(value) and low <= value <= high for value in column.tolist()], np.bool_)
    accepted = wanted if isinstance(wanted, tuple) else (wanted,)
    exactly = _are_among(column, {_known(value) for value in accepted})
    return exactly if exactly.any() else _are_among(column, {one for value in accepted for one in _meant_by(value)})


def _are_among(column: npt.NDArray[Any], accepted: AbstractSet[tuple[str, object]]) -> _Bools:
    if column.dtype.kind in "iufbU":
        # Few categories for many people: compare each of them once.
        categories, of = np.unique(column, return_inverse=True)
        return np.array([_known(value) in accepted for value in categories.tolist()], np.bool_)[of]
    return np.array([_known(value) in accepted for value in column.tolist()], np.bool_)


def _known(value: object) -> tuple[str, object]:
    return _sort_of(value), in_nfc(value) if isinstance(value, str) else value


def _meant_by(wanted: object) -> Iterator[tuple[str, object]]:
    """What else a value of a file may stand for: a number is also a category of that name, and `yes` is also true."""
    if _is_number(wanted):
        yield "str", as_written(wanted)
    elif isinstance(wanted, str) and wanted.casefold() in ("yes", "on", "no", "off"):
        yield "truth", is_true(wanted)


def _check_fragments(places: Sequence[SeatSpec], facts: Mapping[str, Sequence[object]], seated: Composition) -> None:
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
            if others := sorted(str(value) for value in theirs if (_sort_of(value), value) != (_sort_of(said), said)):
                problem = f"the fragment says {fact}: {said}, and people who would sit here have {others[0]}"
                cure = f"let `where` choose people with {fact}: {said}, or add `overwrite: true`"
                raise _error(("seats", place, "fragment"), problem, cure)


def _sort_of(value: Any) -> str:
    """1 equals True in Python but not in a file."""
    if isinstance(value, bool):
        return "truth"
    return "number" if isinstance(value, int | float) else type(value).__name__


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _error(place: tuple[str | int, ...], problem: str, cure: str) -> SpecError:
    return SpecError("job", [Mistake(problem, cure, dotted(("study", *place)))])
