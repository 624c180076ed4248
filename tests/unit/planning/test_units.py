from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from tests.doubles.pairs import Pairs, PairStudy
from tests.doubles.runs import PlainFactory
from troupe_batch.planning.units import Casting, FactsOnDemand
from troupe_batch.simulation.person.person import TinyPerson


@dataclass
class CountingFactory(PlainFactory):
    stretches: list[tuple[int, int]] = field(default_factory=list)

    def people(self, start: int, stop: int) -> list[TinyPerson]:
        self.stretches.append((start, stop))
        return super().people(start, stop)


def cast(*pairs: tuple[int, int]) -> tuple[dict[int, TinyPerson], list[tuple[int, int]]]:
    factory = CountingFactory()
    casting = Casting(PairStudy(), Pairs(pairs), factory)
    return casting.people(range(len(pairs))), factory.stretches


def test_near_people_are_cast_in_one_go_and_far_ones_one_by_one() -> None:
    people, stretches = cast((3, 7), (5_000, 10), (900_000, 30))

    assert stretches == [(3, 31), (5_000, 5_001), (900_000, 900_001)]
    assert sorted(people) == [3, 7, 10, 30, 5_000, 900_000]


def test_people_sit_in_their_seats_as_the_study_wants_them() -> None:
    people, _ = cast((3, 7), (9, 4))

    assert {index: person.persona["role"] for index, person in people.items()} == {
        3: "host",
        7: "guest",
        9: "host",
        4: "guest",
    }


@given(st.lists(st.integers(0, 300), min_size=2, max_size=12, unique=True))
def test_exactly_the_members_are_there_however_they_lie(indices: list[int]) -> None:
    pairs = tuple(zip(indices[::2], indices[1::2], strict=False))

    people, stretches = cast(*pairs)

    assert sorted(people) == sorted(index for pair in pairs for index in pair)
    assert all(person.index == index for index, person in people.items())
    assert all(stop <= start for (_, stop), (start, _) in pairwise(stretches))


def test_a_population_is_worked_out_when_its_facts_are_asked_for_and_once() -> None:
    made = []

    class Plain:
        def __init__(self) -> None:
            made.append(self)

        def facts(self, start: int, stop: int) -> Mapping[str, Sequence[object]]:
            return {"age": list(range(start, stop))}

    facts = FactsOnDemand(Plain)
    assert not made

    assert facts.facts(2, 4) == facts.facts(2, 4) == {"age": [2, 3]}
    assert len(made) == 1
