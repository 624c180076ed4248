"""A demography becomes a strict population file, and the report says what became of each of its values."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from troupe_batch.errors import FixTheInput
from troupe_batch.population import Population, PopulationSpec
from troupe_batch.population.demography import Choices, Compiled, Entry, Outcome, Overlaps, compile_demography
from troupe_batch.population.demography.outline import outline

SEX = {"Sex": {"Female": "51%", "Male": "49%"}}


def compiled(content: Mapping[str, Any], **choices: Any) -> Compiled:
    return compile_demography(
        {"title": "Testland", "source": "Office of Testland", "content": {**SEX, **content}},
        size=200,
        choices=Choices(**choices),
    )


def fields(made: Compiled, name: str) -> dict[str, Any]:
    dimension: dict[str, Any] = made.spec["dimensions"][name]
    return dimension


def entry_of(made: Compiled, place: str) -> Entry:
    [entry] = [entry for entry in made.report.entries if place in entry.places]
    return entry


def targets(made: Compiled, name: str) -> dict[str, float]:
    """Category: share, as people are drawn from it."""
    margins = Population(made.population_spec()).margins()
    return {m.category: round(m.target, 6) for m in margins if m.dimension == name}


def test_percents_that_sum_to_the_whole_are_taken_as_they_stand() -> None:
    made = compiled({})

    assert fields(made, "sex") == {
        "type": "categorical",
        "unit": "percent",
        "values": {"Female": 51, "Male": 49},
        "source": "demography",
    }
    assert entry_of(made, "Sex > Male").outcome is Outcome.TAKEN


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
    assert entry.outcome is Outcome.REPAIRED
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
    assert entry_of(left_out, "Party > Reds").outcome is Outcome.LEFT_OUT
    assert targets(divided, "party")["Reds"] == pytest.approx(43 / 124.1, abs=1e-6)
    assert entry_of(divided, "Party > Reds").outcome is Outcome.REPAIRED
    assert targets(each, "party_reds") == {"yes": 0.43, "no": 0.57}


def test_things_of_which_people_have_several_are_yes_or_no_each() -> None:
    made = compiled({"Interests and Hobbies": {"Reading": "37%", "Chess": "12%", "Sports": ["Golf", "Judo"]}})

    assert targets(made, "hobby_reading") == {"yes": 0.37, "no": 0.63}
    assert targets(made, "hobby_chess") == {"yes": 0.12, "no": 0.88}
    sports = entry_of(made, "Interests and Hobbies > Sports")
    assert (sports.outcome, sports.found) == (Outcome.LEFT_OUT, "Golf, Judo")


def test_no_block_becomes_more_than_twelve_yes_or_no_dimensions() -> None:
    made = compiled({"Hobbies": {f"Hobby {n}": f"{n}%" for n in range(1, 16)}})

    names = [name for name in made.spec["dimensions"] if name.startswith("hobby_")]
    assert len(names) == 12
    left_out = entry_of(made, "Hobbies > Hobby 13")
    assert left_out.outcome is Outcome.LEFT_OUT
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


def test_cumulative_categories_become_differences() -> None:
    made = compiled({"Educational Attainment": {"High School or Higher": "90%", "Bachelor's or Higher": "35%"}})

    assert targets(made, "education") == {
        "below High School": 0.1,
        "High School, below Bachelor's": 0.55,
        "Bachelor's or Higher": 0.35,
    }


def test_cumulative_categories_that_add_nobody_are_no_categories() -> None:
    made = compiled({"School": {"Primary or higher": "100%", "Secondary or higher": "80%", "Middle or higher": "80%"}})

    assert targets(made, "school") == {"Primary, below Secondary": 0.2, "Middle or higher": 0.8}


def test_groups_within_a_block_are_one_dimension_and_a_total_binds_its_parts() -> None:
    made = compiled(
        {
            "Religion": {
                "Christian": {"Total": "60%", "Protestant": "40%", "Catholic": "22%", "Other": "2%"},
                "Non-Christian": {"Jewish": "4%", "Other": "2%"},
                "Unaffiliated": "34%",
            }
        }
    )

    shares = targets(made, "religion")
    assert shares["Protestant"] == pytest.approx(40 * 60 / 64 / 100, abs=1e-5)
    assert shares["Protestant"] + shares["Catholic"] + shares["Other (Christian)"] == pytest.approx(0.6)
    assert (shares["Other (Non-Christian)"], shares["Unaffiliated"]) == (0.02, 0.34)
    assert entry_of(made, "Religion > Christian > Total").outcome is Outcome.USED
    assert any("64" in f.problem and "60" in f.problem for f in made.report.findings)


def test_parts_scaled_to_a_total_sum_to_it_to_the_last_digit() -> None:
    made = compiled({"Faith": {"Some": {"Total": "70%", "A": "10%", "B": "10%", "C": "10%"}, "None": "30%"}})

    values = fields(made, "faith")["values"]
    assert "on_sum" not in fields(made, "faith")
    assert sum(map(Decimal, map(str, values.values()))) == 100


def test_labels_of_groups_in_a_block_stay_apart() -> None:
    made = compiled(
        {"Faith": {"G": {"Other": "20%", "Other (G)": "30%"}, "H": {"Other": "10%", "X": "20%"}, "Other": "20%"}}
    )

    values = fields(made, "faith")["values"]
    assert values == {"Other (G)": 20, "Other (G) [2]": 30, "Other (H)": 10, "X": 20, "Other": 20}


def test_few_of_many_are_a_yes_or_no_each() -> None:
    made = compiled({"Diet": {"Vegetarian": "6%", "Vegan": "2%"}})

    assert targets(made, "diet_vegan") == {"yes": 0.02, "no": 0.98}


def test_blocks_that_are_wholes_of_their_own_stay_apart() -> None:
    made = compiled({"Geography": {"Urban": "80%", "Rural": "20%", "Regions": {"North": "60%", "South": "40%"}}})

    assert {"geography", "region"} <= set(made.spec["dimensions"])


def test_participation_and_unemployment_make_one_dimension() -> None:
    made = compiled({"Work": {"Labor Force Participation Rate": "60%", "Unemployment Rate": "5%"}})

    assert targets(made, "employment_status") == {"employed": 0.57, "unemployed": 0.03, "not in the labor force": 0.4}


def test_an_unemployment_rate_alone_is_a_share_of_nobody_known() -> None:
    made = compiled({"Work": {"Unemployment Rate": "5%"}})

    assert list(made.spec["dimensions"]) == ["sex"]
    assert "participation" in entry_of(made, "Work > Unemployment Rate").said


def test_occupations_are_those_of_the_employed_and_the_missing_ones_are_other() -> None:
    made = compiled(
        {
            "Population Size": "1 million",
            "Age": {"0-14": "20%", "15-64": "60%", "65+": "20%"},
            "Employment": {"Labor Force Participation Rate": "50%", "Unemployment Rate": "10%"},
            "Occupations": {
                "Nursing": {"Employment": "90,000", "Annual Wage": "$40,000"},
                "Farming": {"Employment": "90,000", "Annual Wage": "$30,000"},
            },
        }
    )

    # 1 million x 80 % of 15 and over x 50 % x 90 % = 360,000 employed, of whom 180,000 are listed.
    table = fields(made, "occupation")["table"]
    assert fields(made, "occupation")["given"] == "employment_status"
    assert table["employed"] == {"Nursing": 90_000, "Farming": 90_000, "other occupation": 180_000}
    assert table["unemployed"] == {"none": 100}
    assert targets(made, "occupation")["Nursing"] == pytest.approx(0.45 / 4)
    assert entry_of(made, "Occupations > Farming > Annual Wage").outcome is Outcome.LEFT_OUT


def test_ages_are_whole_years_from_18_to_99_unless_one_says_otherwise() -> None:
    ages = {"Age Distribution": {"0-14": "20%", "15-24": "10%", "25-64": "50%", "65+": "20%"}}

    adults, everybody, young = compiled(ages), compiled(ages, ages=(0, 90)), compiled(ages, ages=(16, 29))

    assert fields(adults, "age")["bins"] == {"18-24": 7, "25-64": 50, "65-99": 20}
    assert fields(adults, "age")["unit"] == "count"
    assert targets(adults, "age")["25-64"] == pytest.approx(50 / 77, abs=1e-6)
    said = entry_of(adults, "Age Distribution > 65+").said
    assert "65+ is taken to end at 99" in said
    assert "15-24 (10) becomes 18-24 (7)" in said
    assert "0-14" in said
    assert list(fields(everybody, "age")["bins"]) == ["0-14", "15-24", "25-64", "65-90"]
    assert fields(everybody, "age")["bins"]["65-90"] == pytest.approx(20 * (1 - (9 / 35) ** 2), abs=1e-5)
    assert any("children" in f.problem for f in everybody.report.findings)
    assert list(fields(young, "age")["bins"]) == ["16-24", "25-29"]
    assert "25-64 (50) becomes 25-29 (6.25)" in entry_of(young, "Age Distribution > 25-64").said
    assert all(16 <= age <= 29 for age in Population(young.population_spec()).facts(0, 200)["age"])


def test_an_open_group_at_the_top_has_fewer_people_the_older_they_are() -> None:
    content = {"Age": {"18-64": "80%", "65+": "20%"}}

    made, cut, closed = compiled(content), compiled(content, ages=(18, 80)), compiled(content, ages=(18, 60))

    assert fields(made, "age")["within"] == "tapered"
    said = "65-99 holds fewer people the older they are (`within: tapered`): 18.4 percent of them are 85 or older"
    assert said in entry_of(made, "Age > 65+").said
    population = Population(PopulationSpec.model_validate({**made.spec, "size": 20_000}))
    age = population.facts(0, 20_000)["age"].astype(int)
    assert (age[age >= 65] >= 85).mean() == pytest.approx((15 / 35) ** 2, abs=0.01)
    assert age.max() <= 99
    assert "in proportion to the years, of an open group to its people" in entry_of(cut, "Age > 65+").said
    assert "65-80 holds fewer people the older they are (`within: tapered`)" in entry_of(cut, "Age > 65+").said
    assert "85 or older" not in entry_of(cut, "Age > 65+").said
    assert "within" not in fields(closed, "age")


@pytest.mark.parametrize(
    ("citation", "year"),
    [
        ("Pew Research Center, 2023", 2023),
        ("Census (2020)", 2020),
        ("Survey 2019-2021", None),
        ("ACS 2018 and 2022", None),
        ("Table B20001, 12,2023 rows", None),
        ("Office of 2,010 towns", None),
    ],
)
def test_the_year_that_a_source_names_is_its_year(citation: str, year: int | None) -> None:
    made = compile_demography(
        {"source": citation, "content": {**SEX, "Age": {"Source": citation, "18+": "9%"}}}, size=9
    )

    assert [source.year for source in made.population_spec().sources] == [year] * len(made.spec["sources"])


def test_ages_that_share_a_year_are_told_apart_and_those_that_overlap_are_left_out() -> None:
    shared = compiled({"Age": {"18-30": "50%", "30-60": "50%"}})
    overlapping = compiled({"Age": {"18-40": "50%", "30-60": "50%"}})

    assert list(fields(shared, "age")["bins"]) == ["18-30", "31-60"]
    assert (
        "31" in entry_of(shared, "Age > 30-60").said
        or "30-60 begin a year later" in entry_of(shared, "Age > 18-30").said
    )
    assert "age" not in overlapping.spec["dimensions"]
    assert "overlap" in entry_of(overlapping, "Age > 18-40").said


def test_nobody_of_the_ages_kept_is_no_dimension() -> None:
    made = compiled({"Age": {"0-17": "100%", "18-64": "0%"}})

    assert "age" not in made.spec["dimensions"]
    assert "nobody is from 18 to 99" in entry_of(made, "Age > 18-64").said


@pytest.mark.parametrize(("workers", "other"), [("175,000", False), ("150,000", True)])
def test_a_list_of_nearly_all_occupations_is_complete(workers: str, *, other: bool) -> None:
    made = compiled(
        {
            "Population": "1 million",
            "Age": {"0-14": "20%", "15+": "80%"},
            "Employment": {"Labor Force Participation Rate": "50%", "Unemployment Rate": "10%"},
            "Occupations": {"Nursing": {"Workers": workers}, "Farming": {"Workers": workers}},
        }
    )

    assert ("other occupation" in fields(made, "occupation")["table"]["employed"]) is other


def test_the_median_of_two_halves_is_where_they_meet() -> None:
    made = compiled({"Median Age": "40 years", "Age": {"18-39": "50%", "40+": "50%"}})

    assert "agrees" in entry_of(made, "Median Age").said
    assert "does not" not in entry_of(made, "Median Age").said


def test_the_same_categories_twice_are_two_dimensions() -> None:
    made = compiled({"Sex of managers": {"Female": "30%", "Male": "70%"}})

    assert fields(made, "sex_of_manager")["values"] == {"Female": 30, "Male": 70}


@pytest.mark.parametrize(("median", "verdict"), [("38 years", "agrees"), ("70 years", "does not agree")])
def test_a_median_is_a_check_and_nothing_is_drawn_from_it(median: str, verdict: str) -> None:
    made = compiled({"Median Age": median, "Age": {"18-29": "20%", "30-49": "50%", "50+": "30%"}})

    assert verdict in entry_of(made, "Median Age").said
    assert any("70 years" in f.problem for f in made.report.findings) == (verdict == "does not agree")


def test_shares_by_the_categories_of_another_block_are_no_parts_of_a_whole() -> None:
    by_sex = compiled({"Smoking": {"Smokes": {"Females": "12%", "Males": "20%"}}})
    by_some = compiled(
        {"Region": {"North": "50%", "South": "30%", "West": "20%"}, "Mood": {"Good": {"North": "70%", "South": "30%"}}}
    )

    assert fields(by_sex, "smoking_smokes")["given"] == "sex"
    assert fields(by_sex, "smoking_smokes")["table"]["Male"] == {"yes": 20, "no": 80}
    assert entry_of(by_some, "Mood > Good > North").outcome is Outcome.LEFT_OUT
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


@pytest.mark.parametrize("ages", [(30, 20), (-1, 20), (20, 200)])
def test_ages_that_cannot_be_kept_are_refused(ages: tuple[int, int]) -> None:
    with pytest.raises(FixTheInput, match="ages"):
        compiled({}, ages=ages)


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
        assert (entry.dimension is not None) == (entry.outcome in (Outcome.TAKEN, Outcome.REPAIRED))
        assert entry.said or entry.outcome is Outcome.TAKEN
    people = Population(made.population_spec())
    assert len(people.names(0, 50)) == 50
    assert set(people.facts(0, 1)) == set(made.report.dimensions)


def test_the_same_file_gives_the_same_population() -> None:
    first, second = compiled({"Hobbies": {"A": "5%", "B": "6%"}}), compiled({"Hobbies": {"A": "5%", "B": "6%"}})

    assert first.text == second.text
    assert first.population_spec().digest == second.population_spec().digest


def titled(title: str, content: Mapping[str, Any] | None = None, **given_: Any) -> Compiled:
    return compile_demography({"title": title, "content": {**SEX, **(content or {})}}, size=20, **given_)


@pytest.mark.parametrize(
    ("title", "country", "locale"),
    [
        ("China Population Information", "China", "zh_CN"),
        ("Demographics of Japan", "Japan", "ja_JP"),
        ("Brazilian adults, 2022", "Brazil", "pt_BR"),
        ("A profile of Germans", "Germany", "de_DE"),
        ("The people of India", "India", "en_IN"),
        ("U.S. adults", "United States", "en_US"),
        ("USA Population Information", "United States", "en_US"),
        ("Great Britain", "United Kingdom", "en_GB"),
        ("México", "Mexico", "es_MX"),
        ("South Korea", "South Korea", "ko_KR"),
    ],
)
def test_the_country_of_the_file_is_a_fact_of_everybody_and_names_its_people(
    title: str, country: str, locale: str
) -> None:
    made = titled(title)

    people = Population(made.population_spec())
    assert made.spec["locale"] == locale
    assert set(people.facts(0, 20)["country"]) == {country}
    assert all(people.names(0, 20))
    assert made.report.dimensions[0] == "country"


def test_names_are_of_a_like_country_where_there_are_none_and_missing_where_there_is_none_either() -> None:
    australia, ethiopia = titled("Australia"), titled("Ethiopia")

    assert (australia.spec["locale"], australia.spec["names"]) == ("en_AU", {"locale": "en_GB"})
    assert ethiopia.spec["names"] == {"provider": "none"}
    assert "people have no names: none are known for Ethiopia" in str(ethiopia.report)
    assert set(Population(ethiopia.population_spec()).facts(0, 9)["country"]) == {"Ethiopia"}


@pytest.mark.parametrize(
    ("title", "said"),
    [
        ("Testland", "names no country that is known here"),
        ("Native American life", "names no country that is known here"),
        ("What binds us together", "names no country that is known here"),
        ("The United States and Canada", "names several countries (United States, Canada)"),
    ],
)
def test_without_a_country_people_have_no_names_and_the_report_says_how_to_give_one(title: str, said: str) -> None:
    made = titled(title)

    assert made.spec["names"] == {"provider": "none"}
    assert "country" not in made.spec["dimensions"]
    found = " ".join(str(made.report).split())
    assert f"the file {said}, so none is a fact of its people; give it with --country" in found
    assert "people have no names: the country decides them; choose word lists with --locale" in found


def test_country_and_locale_that_were_asked_for_stand_above_the_file() -> None:
    made = titled("Canada", country="Québec", locale="fr_FR")
    known = titled("Testland", country="brasil")
    of_content = titled("All of us", {"Country": "Japan"})

    assert (fields(made, "country")["values"], made.spec["locale"]) == ({"Québec": 100}, "fr_FR")
    assert (fields(known, "country")["values"], known.spec["locale"]) == ({"Brazil": 100}, "pt_BR")
    assert of_content.spec["locale"] == "ja_JP"
    with pytest.raises(FixTheInput, match="--country is empty"):
        titled("Canada", country=" ")
