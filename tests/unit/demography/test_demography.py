"""A demography becomes a strict population file, and the report says what became of each of its values."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.unit.demography.compiling import SEX, compiled, entry_of, fields, targets
from troupe_batch.demography import Choices, Overlaps, ValueOutcome, compile_demography
from troupe_batch.demography.outline import outline
from troupe_batch.errors import FixTheInput
from troupe_batch.population import Population


def test_percents_that_sum_to_the_whole_are_taken_as_they_stand() -> None:
    made = compiled({})

    assert fields(made, "sex") == {
        "type": "categorical",
        "unit": "percent",
        "values": {"Female": 51, "Male": 49},
        "source": "demography",
    }
    assert entry_of(made, "Sex > Male").outcome is ValueOutcome.TAKEN


@pytest.mark.parametrize(
    "figures", [("0.25", "0.75"), (0.25, 0.75), ("25", "75"), (25, 75), ("1 million", "3 million")]
)
def test_shares_percents_and_headcounts_say_the_same(figures: tuple[object, object]) -> None:
    made = compiled({"Area": {"Urban": figures[0], "Rural": figures[1]}})

    assert targets(made, "area") == {"Urban": 0.25, "Rural": 0.75}


def test_a_sum_missed_by_rounding_is_divided_out_and_reported() -> None:
    made = compiled({"Area": {"A": "33%", "B": "33%", "C": "33%"}})

    assert fields(made, "area")["on_sum"] == "renormalize"
    entry = entry_of(made, "Area > B")
    assert entry.outcome is ValueOutcome.REPAIRED
    assert "99" in entry.said
    assert targets(made, "area")["A"] == pytest.approx(1 / 3)


def test_what_a_sum_lacks_is_a_category_of_its_own() -> None:
    made = compiled({"Area": {"A": "33.0%", "B": "62.0%"}})

    assert targets(made, "area") == {"A": 0.33, "B": 0.62, "other or not stated": 0.05}
    assert "5 percent" in entry_of(made, "Area > A").said


@pytest.mark.parametrize(
    ("figures", "is_rounding"),
    [
        (("33%", "33%", "33%"), True),
        (("25%", "25%", "24%", "25%"), True),
        (("25%", "25%", "24%", "24%"), False),
        (("49%", "50%"), False),
        (("33.3%", "33.3%", "33.3%"), True),
        (("33.3%", "33.3%", "33.0%"), False),
        (("10%",) * 9 + ("8%",), True),
        (("10%",) * 9 + ("7%",), False),
    ],
)
def test_rounding_explains_so_much_and_no_more(figures: tuple[str, ...], is_rounding: bool) -> None:
    made = compiled({"Area": {f"Area {n}": figure for n, figure in enumerate(figures)}})

    assert fields(made, "area")["on_sum"] == ("renormalize" if is_rounding else "residual:other or not stated")


def test_a_large_rest_is_a_warning() -> None:
    made = compiled({"Mood": {"Good": "40%", "Bad": "33%"}})

    assert [f.place for f in made.report.findings if "73" in f.problem] == ["Mood"]


def test_overlapping_categories_are_left_out_unless_one_says_what_to_do() -> None:
    parties = {"Party": {"Reds": "43%", "Blues": "45.1%", "Greens": "36.0%"}}

    left_out = compiled(parties)
    divided = compiled(parties, overlaps=Overlaps.NORMALIZE)
    each = compiled(parties, overlaps=Overlaps.YES_NO)

    assert "party" not in left_out.spec["dimensions"]
    assert "124.1" in entry_of(left_out, "Party > Reds").said
    assert entry_of(left_out, "Party > Reds").outcome is ValueOutcome.LEFT_OUT
    assert targets(divided, "party")["Reds"] == pytest.approx(43 / 124.1, abs=1e-6)
    assert entry_of(divided, "Party > Reds").outcome is ValueOutcome.REPAIRED
    assert targets(each, "party_reds") == {"yes": 0.43, "no": 0.57}


def test_things_of_which_people_have_several_are_yes_or_no_each() -> None:
    made = compiled({"Interests and Hobbies": {"Reading": "37%", "Chess": "12%", "Sports": ["Golf", "Judo"]}})

    assert targets(made, "hobby_reading") == {"yes": 0.37, "no": 0.63}
    assert targets(made, "hobby_chess") == {"yes": 0.12, "no": 0.88}
    sports = entry_of(made, "Interests and Hobbies > Sports")
    assert (sports.outcome, sports.found) == (ValueOutcome.LEFT_OUT, "Golf, Judo")


def test_no_block_becomes_more_than_twelve_yes_or_no_dimensions() -> None:
    made = compiled({"Hobbies": {f"Hobby {n}": f"{n}%" for n in range(1, 16)}})

    names = [name for name in made.spec["dimensions"] if name.startswith("hobby_")]
    assert len(names) == 12
    left_out = entry_of(made, "Hobbies > Hobby 13")
    assert left_out.outcome is ValueOutcome.LEFT_OUT
    assert "at most 12" in left_out.said


def test_what_is_too_much_for_one_population_is_left_out() -> None:
    made = compiled({f"Question {n}": {"Yes": "50%", "No": "50%"} for n in range(70)})

    assert len(made.spec["dimensions"]) == 64
    assert "at most 64" in entry_of(made, "Question 69 > Yes").said


def test_a_single_share_is_a_yes_or_no() -> None:
    made = compiled({"Economic Outlook": {"On Wrong Track": "70%", "Source": "A poll, 2024"}})

    assert targets(made, "economic_outlook_on_wrong_track") == {"yes": 0.7, "no": 0.3}
    assert fields(made, "economic_outlook_on_wrong_track")["source"] == ["a_poll_2024", "demography"]
    assert {"id": "a_poll_2024", "citation": "A poll, 2024", "year": 2024} in made.spec["sources"]


def test_few_of_many_are_a_yes_or_no_each() -> None:
    made = compiled({"Diet": {"Vegetarian": "6%", "Vegan": "2%"}})

    assert targets(made, "diet_vegan") == {"yes": 0.02, "no": 0.98}


def test_the_same_categories_twice_are_two_dimensions() -> None:
    made = compiled({"Sex of managers": {"Female": "30%", "Male": "70%"}})

    assert fields(made, "sex_of_manager")["values"] == {"Female": 30, "Male": 70}


def test_shares_by_the_categories_of_another_block_are_no_parts_of_a_whole() -> None:
    by_sex = compiled({"Smoking": {"Smokes": {"Females": "12%", "Males": "20%"}}})
    by_some = compiled(
        {"Region": {"North": "50%", "South": "30%", "West": "20%"}, "Mood": {"Good": {"North": "70%", "South": "30%"}}}
    )

    assert fields(by_sex, "smoking_smokes")["given"] == "sex"
    assert fields(by_sex, "smoking_smokes")["table"]["Male"] == {"yes": 20, "no": 80}
    assert entry_of(by_some, "Mood > Good > North").outcome is ValueOutcome.LEFT_OUT
    assert "West" in entry_of(by_some, "Mood > Good > North").said


def test_a_source_that_says_it_is_made_up_is_flagged() -> None:
    data = {"title": "T", "source": "Synthesized from a chat with GPT-4o", "content": SEX}

    made = compile_demography(data, size=10)

    assert made.spec["sources"][0]["citation"].endswith("(not an official statistic)")
    assert made.report.findings[0].place == "source"
    assert not any("not an official" in f.problem for f in compiled({}).report.findings)


def test_blocks_can_be_left_out_by_label_or_place() -> None:
    content = {"A": {"Mood": {"Good": "60%", "Bad": "40%"}}, "B": {"Mood": {"Up": "60%", "Down": "40%"}}}

    by_place, by_label = compiled(content, without=("A > Mood",)), compiled(content, without=("mood",))

    assert fields(by_place, "mood")["values"] == {"Up": 60, "Down": 40}
    assert list(by_label.spec["dimensions"]) == ["sex"]


@pytest.mark.parametrize("content", [None, {}, [], {"Notes": "none"}, {"Mood": {"Good": ["a"]}}])
def test_what_cannot_be_drawn_from_is_refused(content: object) -> None:
    with pytest.raises(FixTheInput, match="demography"):
        compile_demography({"content": content}, size=10)


LABELS = st.sampled_from(
    [
        *(
            "A",
            "B",
            "Total",
            "Other",
            "Source",
            "Age",
            "0-17",
            "18+",
            "30-40",
            "Employment",
            "Rate",
            "Region",
            "Hobbies",
        ),
        *(
            "X or Higher",
            "Y or Higher",
            "Median Age",
            "Unemployment Rate",
            "Labor Force Participation Rate",
            "name",
            "",
        ),
    ]
)
VALUES: st.SearchStrategy[Any] = st.sampled_from(
    ["0%", "10%", "50%", "33.3%", "90%", "100%", "150%", "-5%", "<1%", "20-30%", "2 million", "$5", "40 years", "text"]
) | st.sampled_from([0.5, 0, 7, 1e300, None, True, [], ["a"], {}])
CONTENT = st.recursive(
    st.dictionaries(LABELS, VALUES, max_size=5), lambda below: st.dictionaries(LABELS, VALUES | below, max_size=5)
)


@settings(max_examples=400)
@given(CONTENT, st.sampled_from(list(Overlaps)), st.sampled_from([(18, 99), (0, 99), (20, 30)]))
@example({"A": {"A": {"Other": "50%", "B": "20%"}, "Other": "30%"}}, Overlaps.LEAVE_OUT, (18, 99))
@example({"Age": {"0-17": "10%", "18+": "50%"}, "A": {"0-17": "5%", "18+": "7%"}}, Overlaps.LEAVE_OUT, (18, 99))
def test_every_value_is_spoken_of_once_and_the_file_can_be_drawn_from(
    content: dict[str, Any], overlaps: Overlaps, ages: tuple[int, int]
) -> None:
    content = {**SEX, "Block": content}

    made = compile_demography({"content": content}, size=50, choices=Choices(overlaps=overlaps, ages=ages))

    places = [leaf.place for group in outline(content).walk() for leaf in (*group.leaves, group.source) if leaf]
    assert sorted(place for entry in made.report.entries for place in entry.places) == sorted(places)
    assert yaml.safe_load(made.text) == made.spec
    for entry in made.report.entries:
        assert (entry.dimension is not None) == (entry.outcome in (ValueOutcome.TAKEN, ValueOutcome.REPAIRED))
        assert entry.said or entry.outcome is ValueOutcome.TAKEN
    people = Population(made.population_spec())
    assert len(people.names(0, 50)) == 50
    assert set(people.facts(0, 1)) == set(made.report.dimensions)


def test_the_same_file_gives_the_same_population() -> None:
    first, second = compiled({"Hobbies": {"A": "5%", "B": "6%"}}), compiled({"Hobbies": {"A": "5%", "B": "6%"}})

    assert first.text == second.text
    assert first.population_spec().digest == second.population_spec().digest
