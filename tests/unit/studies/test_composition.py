"""Who sits in which world: nobody twice, every rule kept, no world less than the people allow."""

from __future__ import annotations

from itertools import pairwise, product
from math import comb
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.doubles.studies import Facts, study
from troupe_batch.errors import SpecError
from troupe_batch.population import load_population
from troupe_batch.studies.cases import Alike, Composition
from troupe_batch.studies.world.composition import Seated, compose
from troupe_batch.studies.world.seats import SeatSpec

ROLES = ("cook", "guest")
POPULATIONS = Path(__file__).resolve().parents[3] / "populations"
BY_ROLE = Alike(alike_by=("role",))


def seat(count: int = 1, **where: Any) -> SeatSpec:
    return SeatSpec(count=count, where=where)


def worlds_of(composition: Seated) -> list[tuple[int, ...]]:
    return [composition.members(case) for case in range(composition.cases)]


def fits(rule: SeatSpec, role: str, age: int) -> bool:
    where: Any = rule.where
    if "role" in where and where["role"] != role:
        return False
    least: Any = where.get("age")
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


compositions = st.sampled_from(["random", "balanced"])


@settings(max_examples=400)
@given(
    people=populations, places=st.lists(rules, min_size=1, max_size=3), composed=compositions, seed=st.integers(0, 9)
)
def test_nobody_sits_twice_and_everybody_fits_their_seat(
    people: list[tuple[str, int]], places: list[SeatSpec], composed: Composition, seed: int
) -> None:
    try:
        composition = compose(places, facts_of(people), len(people), None, composition=composed, seed=seed)
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
@given(
    people=st.integers(1, 8).flatmap(lambda times: populations.map(lambda some: some * times)),
    places=st.lists(rules, min_size=1, max_size=3),
    composed=st.sampled_from(["random", "balanced", BY_ROLE]),
    data=st.data(),
)
def test_fewer_worlds_are_the_first_of_more(
    people: list[tuple[str, int]], places: list[SeatSpec], composed: Composition, data: st.DataObject
) -> None:
    try:
        all_of_them = worlds_of(compose(places, facts_of(people), len(people), None, composition=composed))
    except SpecError:
        return
    worlds = data.draw(st.integers(1, len(all_of_them)))

    some = worlds_of(compose(places, facts_of(people), len(people), worlds, composition=composed))

    assert some == all_of_them[:worlds]


@settings(max_examples=200)
@given(people=populations, more=populations, counts=st.tuples(st.integers(1, 2), st.integers(1, 2)))
def test_where_nobody_fits_two_kinds_of_seats_more_people_only_add_worlds(
    people: list[tuple[str, int]], more: list[tuple[str, int]], counts: tuple[int, int]
) -> None:
    places = [seat(counts[0], role="cook"), seat(counts[1], role="guest")]
    if most_worlds(people, places) == 0:
        return

    before = worlds_of(compose(places, facts_of(people), len(people), None, composition="balanced"))
    after = worlds_of(compose(places, facts_of(people + more), len(people) + len(more), None, composition="balanced"))

    assert after[: len(before)] == before


def test_balanced_worlds_are_neighbours_in_the_order_of_the_population() -> None:
    assert worlds_of(compose([seat(3)], Facts(), 8, None, composition="balanced")) == [(0, 1, 2), (3, 4, 5)]


@pytest.mark.parametrize("size", [2, 3, 5])
@pytest.mark.parametrize("name", ["us_adults", "brazil_adults", "france_adults"])
def test_by_lot_the_sexes_meet_as_often_as_among_people_put_together_at_random(name: str, size: int) -> None:
    count = 20_000
    sexes = list(load_population(POPULATIONS / f"{name}.yaml").population.facts(0, count)["sex"])
    is_woman = np.asarray(sexes) == "female"

    seated = compose([seat(size)], Facts(sex=sexes), count, None, seed=3)

    women = np.array([is_woman[list(world)].sum() for world in worlds_of(seated)])
    of_each = np.bincount(women, minlength=size + 1) / len(women)
    total = int(is_woman.sum())
    by_chance = [comb(total, k) * comb(count - total, size - k) / comb(count, size) for k in range(size + 1)]
    error = np.sqrt(np.array(by_chance) / len(women))
    assert np.all(np.abs(of_each - by_chance) < 4 * error)


def test_of_who_takes_part_the_first_worlds_have_the_people_who_come_first() -> None:
    seated = worlds_of(compose([seat(2), seat(1)], Facts(), 3_000, None))

    for first, stop in pairwise([0, 8, 16, 32, 64, 128]):
        assert sorted(index for world in seated[first:stop] for index in world) == list(range(3 * first, 3 * stop))
    assert seated[:8] != [(i, i + 1, i + 2) for i in range(0, 24, 3)]


def test_another_seed_puts_other_people_together_and_the_same_seed_the_same() -> None:
    one, again, two = (worlds_of(compose([seat(2)], Facts(), 40, None, seed=seed)) for seed in (1, 1, 2))

    assert one == again
    assert one != two


def test_people_who_are_alike_share_all_the_facts_that_are_named_and_are_put_together_by_lot() -> None:
    roles, towns = ["cook", "guest", "guest"] * 200, ["Ghent", "Lyon"] * 300
    facts = Facts(role=roles, town=towns)

    seated = worlds_of(compose([seat(1), seat(3)], facts, 600, None, composition=Alike(alike_by=("role", "town"))))

    kinds = [{(roles[index], towns[index]) for index in world} for world in seated]
    assert len(seated) == 150
    assert all(len(kind) == 1 for kind in kinds)
    # A sixth of the people are cooks of one town, and of any first worlds about as many are theirs.
    assert 4 <= sum(kind == {("cook", "Ghent")} for kind in kinds[:30]) <= 6
    assert max(max(world) - min(world) for world in seated) > 50


def test_who_is_alike_must_also_fit_the_rules_of_the_seats() -> None:
    facts = Facts(role=["cook", "guest"] * 6, sex=["f", "f", "m", "m"] * 3)

    seated = worlds_of(compose([seat(1, role="cook"), seat(2)], facts, 12, None, composition=Alike(alike_by=("sex",))))

    assert len(seated) == 4
    assert all(world[0] % 2 == 0 and len({index // 2 % 2 for index in world}) == 1 for world in seated)


@pytest.mark.parametrize(
    ("alike_by", "worlds", "message"),
    [
        (("gender",), None, "study.composition.alike_by[0]: the people have no fact `gender`; known here: role, sex"),
        (("rol",), None, "study.composition.alike_by[0]: the people have no fact `rol`; did you mean `role`?"),
        (
            ("sex",),
            9,
            "9 worlds need people in its seats who have the same sex, and there are enough for 2; lower `worlds` to 2",
        ),
        (
            ("sex", "role"),
            None,
            "one world needs people in its seats who have the same sex and role, and there are enough for none; let",
        ),
    ],
)
def test_too_few_people_who_are_alike_are_an_error_that_says_of_what(
    alike_by: tuple[str, ...], worlds: int | None, message: str
) -> None:
    facts = Facts(role=["cook", "guest", "guest"] * 2, sex=["f", "f", "f", "m", "m", "m"])

    with pytest.raises(SpecError) as caught:
        compose([seat(3)], facts, 6, worlds, composition=Alike(alike_by=alike_by))

    assert message in str(caught.value)


def test_who_fits_scarce_seats_is_kept_for_them() -> None:
    facts = Facts(role=["cook", "guest", "guest", "guest", "cook", "guest"])

    composition = compose([seat(2), seat(1, role="cook")], facts, 6, None, composition="balanced")

    assert worlds_of(composition) == [(1, 2, 0), (3, 5, 4)]


def test_seats_of_equal_rules_share_their_people_in_order() -> None:
    composition = compose([seat(1), seat(2), seat(1)], Facts(), 8, None, composition="balanced")

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
    last = composition.members(count // 4 - 1)
    assert last[0] % 4 == 0
    # Near enough to each other that a shard's people are cast in one go.
    assert max(last) - min(last) < 2_000


def test_people_of_a_study_in_python_are_put_together_like_those_of_worlds() -> None:
    text = """
kind: python
function: troupe_batch.studies.python.example:haggle
people_per_unit: 3
questions: [{id: price, type: numeric, text: The price, unit: EUR, minimum: 0, maximum: 9}]
"""
    facts = Facts(role=["cook", "guest"] * 12)

    by_lot, balanced, alike = (
        study(text + f"composition: {composed}\n").seating(facts, 24)
        for composed in ("random", "balanced", "{alike_by: [role]}")
    )

    assert [balanced.members(0), balanced.members(7)] == [(0, 1, 2), (21, 22, 23)]
    assert sorted(index for case in range(8) for index in by_lot.members(case)) == list(range(24))
    assert by_lot.members(0) != balanced.members(0)
    assert all(len({index % 2 for index in alike.members(case)}) == 1 for case in range(8))
    with pytest.raises(SpecError, match="a unit needs 3 people, and there are 2"):
        study(text).seating(facts, 2)


@pytest.mark.parametrize(
    ("expression", "mapping"),
    [
        ("role == 'cook'", {"role": "cook"}),
        ("role in ['cook', 'guest']", {"role": ["cook", "guest"]}),
        ("2 <= age <= 3", {"age": {"at_least": 2, "at_most": 3}}),
        ("age >= 2 and role == 'guest'", {"age": {"at_least": 2}, "role": "guest"}),
        ("True", {}),
    ],
)
def test_an_expression_seats_whom_its_shorthand_seats(expression: str, mapping: dict[str, Any]) -> None:
    people = Facts(role=["cook", "guest"] * 30, age=[1, 2, 3] * 20)

    by_expression = compose([SeatSpec(count=2, where=expression)], people, 60, None, composition="random", seed=1)
    by_mapping = compose([seat(2, **mapping)], people, 60, None, composition="random", seed=1)

    assert worlds_of(by_expression) == worlds_of(by_mapping)


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("roll == 'cook'", "study.seats[0].where: there is no fact `roll` here; did you mean `role`?"),
        ("role == 'cok'", "study.seats[0].where: `role` has no category 'cok'; did you mean `cook`?"),
        ("role > 'cook'", "these labels have no order"),
        ("age > 3", "study.seats[0].where: nobody fits `age > 3`; ask for less"),
        ("age", "`age` is a number, a condition is true or false"),
    ],
)
def test_an_expression_that_seats_nobody_is_named_with_its_place(expression: str, message: str) -> None:
    people = Facts(role=["cook", "guest"] * 30, age=[1, 2, 3] * 20)

    with pytest.raises(SpecError) as caught:
        compose([SeatSpec(where=expression)], people, 60, None, composition="random", seed=1)

    assert message in str(caught.value)
