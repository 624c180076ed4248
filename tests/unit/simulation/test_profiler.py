"""Counts of attributes of people, without a model."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from troupe_batch.errors import FixTheInput
from troupe_batch.persona import Persona
from troupe_batch.simulation.judging.profiler import Profiler
from troupe_batch.simulation.person.person import TinyPerson


def of(*personas: dict[str, Any]) -> list[TinyPerson]:
    return [TinyPerson.cast(index, Persona(persona), {}) for index, persona in enumerate(personas)]


def ages(*values: float) -> list[TinyPerson]:
    return of(*[{"age": value} for value in values])


def test_values_are_counted_the_most_frequent_first_and_absent_ones_are_missing() -> None:
    people = of({"region": "South"}, {"region": "North"}, {"region": "South"}, {"region": None}, {})

    region = Profiler(["region"]).profile(people)["region"]

    assert list(region.counts.items()) == [("South", 2), ("North", 1)]
    assert (region.people, region.known, region.missing) == (5, 3, 2)
    assert region.shares == pytest.approx({"South": 2 / 3, "North": 1 / 3})


def test_nested_keys_are_reached_with_dots() -> None:
    people = of({"occupation": {"title": "baker"}}, {"occupation": "baker"}, {"occupation.title": "cook"})

    title = Profiler(["occupation.title"]).profile(people)["occupation.title"]

    assert title.counts == {"baker": 1, "cook": 1}
    assert title.missing == 1


def test_each_entry_of_a_list_counts_a_person_once() -> None:
    people = of({"likes": ["tea", "rain", "tea"]}, {"likes": ["tea"]}, {"likes": []})

    likes = Profiler(["likes"]).profile(people)["likes"]

    assert likes.counts == {"tea": 2, "rain": 1}
    assert (likes.known, likes.missing) == (2, 1)
    assert likes.shares == {"tea": 1.0, "rain": 0.5}


def test_numbers_are_counted_in_round_bins_and_summed_up() -> None:
    age = Profiler(["age"]).profile(ages(18, 22, 29, 30, 64))["age"]

    assert next(iter(age.counts)) == "15 to 19"
    assert {label: count for label, count in age.counts.items() if count} == {
        "15 to 19": 1,
        "20 to 24": 1,
        "25 to 29": 1,
        "30 to 34": 1,
        "60 to 64": 1,
    }
    assert age.figures is not None
    assert (age.figures.mean, age.figures.median, age.figures.lowest, age.figures.highest) == (32.6, 29, 18, 64)
    assert age.figures.sd == pytest.approx(332.8**0.5)


def test_edges_of_ones_own_are_used_and_what_lies_outside_is_not_lost() -> None:
    age = Profiler(["age"], bins={"age": (18, 30, 50)}).profile(ages(17, 18, 29, 30, 50, 51))["age"]

    assert age.counts == {"18 to 29": 2, "30 to 50": 2, "below 18": 1, "above 50": 1}


@given(st.lists(st.one_of(st.integers(-3, 200), st.floats(-5, 5).map(lambda x: round(x, 3))), min_size=1))
def test_every_number_is_in_one_of_at_most_ten_bins(values: list[float]) -> None:
    age = Profiler(["age"]).profile(ages(*values))["age"]

    assert sum(age.counts.values()) == len(values)
    assert len(age.counts) <= 10


def test_one_text_among_numbers_makes_all_of_them_labels() -> None:
    age = Profiler(["age"]).profile(of({"age": 40}, {"age": "forty"}, {"age": True}))["age"]

    assert age.counts == {"40": 1, "forty": 1, "yes": 1}
    assert age.figures is None


def test_groups_are_compared_by_half_the_sum_of_the_differences() -> None:
    profiler = Profiler(["region"])
    one = profiler.profile(of(*[{"region": region} for region in ["South"] * 3 + ["North"]]))
    other = profiler.profile(of(*[{"region": region} for region in ["South"] + ["North"] * 2 + ["East"]]))

    region = one.compare(other)["region"]

    assert region.shares == {"South": (0.75, 0.25), "North": (0.25, 0.5), "East": (0.0, 0.25)}
    assert region.distance == 0.5
    assert one.compare(one)["region"].distance == 0


def test_numbers_are_compared_in_the_same_bins() -> None:
    profiler = Profiler(["age"])

    apart = profiler.profile(ages(1, 2, 3)).compare(profiler.profile(ages(91, 92, 93)))["age"]
    half = profiler.profile(ages(1, 91)).compare(profiler.profile(ages(1, 2)))["age"]

    assert apart.distance == 1
    assert apart.shares["0 to 9"] == (1.0, 0.0)
    assert apart.shares["90 to 99"] == (0.0, 1.0)
    assert half.distance == 0.5


def test_lists_are_compared_by_their_greatest_difference_and_unknown_ones_not_at_all() -> None:
    profiler = Profiler(["likes"])
    one = profiler.profile(of({"likes": ["tea", "rain"]}, {"likes": ["tea"]}))
    other = profiler.profile(of({"likes": ["rain"]}))

    of_nobody = one.compare(profiler.profile(of({})))["likes"]

    assert one.compare(other)["likes"].distance == 1
    assert of_nobody.distance is None


def test_a_profiler_without_attributes_or_with_edges_out_of_order_is_refused() -> None:
    with pytest.raises(FixTheInput):
        Profiler([])
    for edges in ((1,), (1, 1), (2, 1), (1, float("nan"))):
        with pytest.raises(FixTheInput):
            Profiler(["age"], bins={"age": edges})


def test_nobody_has_a_profile_without_shares() -> None:
    nobody = Profiler(["age"]).profile([])

    assert (nobody.people, nobody["age"].counts, nobody["age"].shares) == (0, {}, {})
