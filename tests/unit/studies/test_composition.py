"""Who sits in which world: nobody twice, every rule kept, no world less than the people allow."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.doubles.studies import Facts
from troupe_batch.errors import SpecError
from troupe_batch.studies.seating import SeveralPeopleEach
from troupe_batch.studies.world.composition import Composition, compose
from troupe_batch.studies.world.seats import SeatSpec

ROLES = ("cook", "guest")


def seat(count: int = 1, **where: Any) -> SeatSpec:
    return SeatSpec(count=count, where=where)


def worlds_of(composition: Composition) -> list[tuple[int, ...]]:
    return [composition.members(case) for case in range(composition.cases)]


def fits(rule: SeatSpec, role: str, age: int) -> bool:
    if "role" in rule.where and rule.where["role"] != role:
        return False
    least: Any = rule.where.get("age")
    return least is None or age >= least.at_least


rules = st.builds(
    lambda count, role, age: seat(
        count, **({"role": role} if role else {}), **({"age": {"at_least": age}} if age else {})
    ),
    st.integers(1, 2),
    st.sampled_from([None, *ROLES]),
    st.sampled_from([None, 2, 3]),
)
populations = st.lists(st.tuples(st.sampled_from(ROLES), st.integers(1, 3)), min_size=1, max_size=14)


def facts_of(people: list[tuple[str, int]]) -> Facts:
    return Facts(role=[role for role, _ in people], age=[age for _, age in people])


@settings(max_examples=400)
@given(people=populations, places=st.lists(rules, min_size=1, max_size=3))
def test_nobody_sits_twice_and_everybody_fits_their_seat(people: list[tuple[str, int]], places: list[SeatSpec]) -> None:
    try:
        composition = compose(places, facts_of(people), len(people), None)
    except SpecError:
        assert most_worlds(people, places) == 0
        return

    seated = worlds_of(composition)
    everybody = [index for world in seated for index in world]
    assert len(set(everybody)) == len(everybody)
    chairs = [rule for rule in places for _ in range(rule.count)]
    for world in seated:
        assert all(fits(rule, *people[index]) for rule, index in zip(chairs, world, strict=True))
    assert composition.cases == most_worlds(people, places)


def most_worlds(people: list[tuple[str, int]], places: list[SeatSpec]) -> int:
    """By Hall's theorem: every set of seats needs as many people who fit one of them as it has chairs in all worlds."""
    most = len(people)
    for chosen in product([False, True], repeat=len(places)):
        group = [rule for rule, is_in in zip(places, chosen, strict=True) if is_in]
        if group:
            fitting = sum(any(fits(rule, *person) for rule in group) for person in people)
            most = min(most, fitting // sum(rule.count for rule in group))
    return most


@settings(max_examples=200)
@given(people=populations, places=st.lists(rules, min_size=1, max_size=3), data=st.data())
def test_fewer_worlds_are_the_first_of_more(
    people: list[tuple[str, int]], places: list[SeatSpec], data: st.DataObject
) -> None:
    most = most_worlds(people, places)
    if most == 0:
        return
    worlds = data.draw(st.integers(1, most))

    all_of_them = worlds_of(compose(places, facts_of(people), len(people), most))
    some = worlds_of(compose(places, facts_of(people), len(people), worlds))

    assert some == all_of_them[:worlds]


@settings(max_examples=200)
@given(people=populations, more=populations, counts=st.tuples(st.integers(1, 2), st.integers(1, 2)))
def test_where_nobody_fits_two_kinds_of_seats_more_people_only_add_worlds(
    people: list[tuple[str, int]], more: list[tuple[str, int]], counts: tuple[int, int]
) -> None:
    places = [seat(counts[0], role="cook"), seat(counts[1], role="guest")]
    if most_worlds(people, places) == 0:
        return

    before = worlds_of(compose(places, facts_of(people), len(people), None))
    after = worlds_of(compose(places, facts_of(people + more), len(people) + len(more), None))

    assert after[: len(before)] == before


def test_people_are_taken_in_their_order() -> None:
    assert worlds_of(compose([seat(3)], Facts(), 8, None)) == [(0, 1, 2), (3, 4, 5)]


def test_who_fits_scarce_seats_is_kept_for_them() -> None:
    facts = Facts(role=["cook", "guest", "guest", "guest", "cook", "guest"])

    composition = compose([seat(2), seat(1, role="cook")], facts, 6, None)

    assert worlds_of(composition) == [(1, 2, 0), (3, 5, 4)]


def test_seats_of_equal_rules_share_their_people_in_order() -> None:
    composition = compose([seat(1), seat(2), seat(1)], Facts(), 8, None)

    assert worlds_of(composition) == [(0, 1, 2, 3), (4, 5, 6, 7)]


@pytest.mark.parametrize(
    ("where", "who"),
    [
        ({"role": "cook"}, {0, 3}),
        ({"role": ["cook", "judge"]}, {0, 2, 3}),
        ({"age": {"at_least": 30}}, {1, 2}),
        ({"age": {"at_least": 20, "at_most": 30}}, {0, 1}),
        ({"age": 30}, {1}),
        ({"age": 30.0}, {1}),
        ({"vegan": True}, {0, 1}),
        ({"vegan": False, "role": "cook"}, {3}),
        ({"mixed": "yes"}, {0}),
        ({"mixed": True}, {1}),
        ({"mixed": 1}, {2}),
        ({"mixed": {"at_most": 5}}, {2}),
    ],
)
def test_rules_compare_values_ranges_and_truths(where: dict[str, Any], who: set[int]) -> None:
    facts = Facts(
        role=["cook", "guest", "judge", "cook"],
        age=[20, 30, 40, 19],
        vegan=[True, True, False, False],
    )
    columns = dict(facts.facts(0, 4)) | {"mixed": np.array(["yes", True, 1, None], dtype=object)}

    class Mixed:
        def facts(self, start: int, stop: int) -> Any:  # noqa: ARG002 -- four people in all
            return columns

    found = {index for world in worlds_of(compose([SeatSpec(where=where)], Mixed(), 4, None)) for index in world}
    assert found == who


@pytest.mark.parametrize(
    ("places", "worlds", "message"),
    [
        (
            [seat(1), seat(2, role="cook")],
            2,
            "study.seats[1]: 2 worlds need 4 people here (role: cook), and 3 of the 9 people fit; lower `worlds` to 1",
        ),
        (
            [seat(1, role="cook"), seat(1, role="cook", age={"at_least": 2}), seat(1)],
            2,
            "2 worlds need 4 people here (role: cook; role: cook, age: from 2), and 3 of the 9 people fit one of these",
        ),
        (
            [seat(1, role="cook", age={"at_most": 2}), seat(3, role="guest", age=2), seat(1, role="guest", free=True)],
            2,
            "study.seats[1]: 2 worlds need 6 people here (role: guest, age: 2), and 5 of the 9 people fit",
        ),
        ([seat(1, role="judge")], None, "study.seats[0].where.role: nobody has role judge; role is cook or guest;"),
        (
            [seat(1, role="gues")],
            None,
            "seats[0].where.role: nobody has role gues; role is cook or guest; did you mean",
        ),
        ([seat(1, role=["x", "y"])], None, "seats[0].where.role: nobody has role x or y; role is cook or guest; write"),
        (
            [seat(1, role={"at_least": 20})],
            None,
            "role is text; at_least needs a number; write a value, such as `role:",
        ),
        (
            [seat(1, age="old")],
            None,
            "nobody has age old; age goes from 2 to 3 here; write a number, or a range such as",
        ),
        ([seat(1, age={"at_least": 9})], None, "nobody has age from 9; age goes from 2 to 3 here; write numbers in"),
        ([seat(1, free="true")], None, "where.free: nobody has free true; free is False or True"),
        ([seat(1, free={"at_most": 1})], None, "where.free: free is true or false; at_most needs a number"),
        ([seat(10)], None, "study.seats[0]: one world needs 10 people here (anybody), and 9 of the 9 people fit"),
        ([seat(1, rolle="cook")], None, "seats[0].where.rolle: the people have no fact `rolle`; did you mean `role`?"),
        ([seat(1, rolle="cook")], None, "did you mean `role`? known here: age, free, role"),
        ([seat(1, income=3)], None, "the people have no fact `income`; known here: age, free, role"),
    ],
)
def test_seats_that_cannot_be_filled_are_named_with_what_is_needed_and_what_there_is(
    places: list[SeatSpec], worlds: int | None, message: str
) -> None:
    facts = Facts(role=["cook"] * 3 + ["guest"] * 6, age=[2] * 8 + [3], free=[True] * 8 + [False])

    with pytest.raises(SpecError) as caught:
        compose(places, facts, 9, worlds)

    assert message in str(caught.value)


def test_all_rules_that_nobody_fits_are_named_at_once() -> None:
    places = [seat(1, role="coock", age="old"), seat(1, town="Ghent")]

    with pytest.raises(SpecError) as caught:
        compose(places, Facts(role=["cook"], age=[30]), 1, None)

    assert [one.place for one in caught.value.mistakes] == [
        "study.seats[0].where.role",
        "study.seats[0].where.age",
        "study.seats[1].where.town",
    ]


def test_a_fragment_that_contradicts_the_facts_of_who_would_sit_there_is_a_mistake() -> None:
    facts = Facts(role=["cook", "guest"], age=[30, 40])
    fragment = {"role": "cook", "likes": ["soup"]}

    with pytest.raises(SpecError) as caught:
        compose([SeatSpec(count=2, fragment=fragment)], facts, 2, None)

    assert "study.seats[0].fragment: the fragment says role: cook, and people who would sit here have guest" in str(
        caught.value
    )
    compose([SeatSpec(count=2, fragment=fragment, overwrite=True)], facts, 2, None)
    compose([SeatSpec(count=1, fragment=fragment, where={"role": "cook"})], facts, 2, None)


def test_a_million_people_are_seated_by_columns() -> None:
    count = 1_000_000
    facts = Facts(role=["cook", "guest", "guest", "guest"] * (count // 4))

    composition = compose([seat(1, role="cook"), seat(3)], facts, count, None)

    assert composition.cases == count // 4
    assert composition.members(count // 4 - 1) == (count - 4, count - 3, count - 2, count - 1)


def test_a_study_in_python_takes_people_as_they_come() -> None:
    seating = SeveralPeopleEach.of(7, 3)

    assert (seating.cases, seating.members(0), seating.members(1)) == (2, (0, 1, 2), (3, 4, 5))
    with pytest.raises(SpecError, match="a unit needs 3 people, and there are 2"):
        SeveralPeopleEach.of(2, 3)
