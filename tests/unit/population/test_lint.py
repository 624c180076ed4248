"""What a file allows but should be known."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from troupe_batch.population.lint.checking import lint, too_fine
from troupe_batch.population.margins import ControlCell, Level, Margin, PopulationFinding
from troupe_batch.population.spec import PopulationSpec

POPULATIONS = Path(__file__).resolve().parents[3] / "populations"
SEX = {"type": "categorical", "values": {"female": 0.5, "male": 0.5}, "source": "register"}
REGISTER = {"id": "register", "citation": "Register, table 3", "url": "https://example.org/3", "year": 2023}


def spec(**fields: Any) -> PopulationSpec:
    whole: dict[str, Any] = {
        "schema": "troupe_batch/population/1",
        "id": "town",
        "size": 100,
        "universe": {"description": "adults of the town", "as_of": "2023"},
        "sources": [REGISTER],
        "dimensions": {"sex": SEX},
    }
    return PopulationSpec.model_validate(whole | fields)


def categorical(**fields: Any) -> PopulationSpec:
    return spec(dimensions={"sex": SEX, "work": {"type": "categorical", "source": "register", **fields}})


def problems(found: list[PopulationFinding], place: str) -> list[tuple[str, str]]:
    return [(str(one.level), one.problem) for one in found if one.place == place]


def test_a_plain_and_sourced_file_has_no_finding() -> None:
    assert lint(spec()) == []


@pytest.mark.parametrize(
    ("values", "level", "problem"),
    [
        ({"a": 60, "b": 39}, "note", "the numbers sum to 99, not 100; `renormalize` multiplies them by 1.01"),
        ({"a": 40, "b": 40}, "warning", "the numbers sum to 80, not 100; `renormalize` multiplies them by 1.25"),
    ],
)
def test_a_mended_sum_is_told_with_how_much(values: dict[str, float], level: str, problem: str) -> None:
    found = lint(categorical(values=values, unit="percent", on_sum="renormalize"))

    assert problems(found, "dimensions.work") == [(level, problem)]


def test_a_sum_that_needs_no_mending_is_not_mentioned() -> None:
    assert lint(categorical(values={"a": 60, "b": 40}, unit="percent", on_sum="renormalize")) == []


def test_of_many_rows_the_one_that_is_furthest_off_is_named() -> None:
    table = {"female": {"a": 0.5, "b": 0.5}, "male": {"a": 0.5, "b": 0.3}}

    (found,) = lint(categorical(given=["sex"], table=table, on_sum="renormalize"))

    assert found.problem.startswith("the numbers sum to 0.8, not 1 in 1 of 2 rows, most in sex=male")


def test_what_a_residual_gets_is_told() -> None:
    found = lint(categorical(values={"a": 60, "b": 15}, unit="percent", on_sum="residual:c"))

    assert problems(found, "dimensions.work") == [("note", "the residual 'c' gets the rest, 25 percent")]


def test_the_sum_of_a_control_is_that_of_its_whole_table() -> None:
    table = {"female": {"female": 20, "male": 30}, "male": {"female": 25, "male": 24}}
    control = {
        "dims": ["sex", "sex2"],
        "table": table,
        "unit": "percent",
        "on_sum": "renormalize",
        "source": "register",
    }

    found = lint(spec(dimensions={"sex": SEX, "sex2": SEX}, controls=[control]))

    assert [one.problem for one in found if one.place == "controls[0]"] == [
        "the numbers sum to 99, not 100; `renormalize` multiplies them by 1.01"
    ]


def test_labels_are_linted_and_sure_ones_are_warnings() -> None:
    found = lint(categorical(values={"18-25": 0.5, "25-34": 0.5}))

    assert problems(found, "dimensions.work") == [("warning", "'18-25' and '25-34' both hold 25")]


def test_a_category_of_share_0_and_a_range_without_end_are_noted() -> None:
    found = lint(categorical(values={"18-64": 0.5, "65-84": 0, "85+": 0.5}))

    assert problems(found, "dimensions.work") == [
        ("note", "the range of '85+' has no end, so the people there have a label and no number"),
        ("note", "nobody can be '65-84': the share is 0"),
    ]


def test_a_category_that_some_row_gives_a_share_is_possible() -> None:
    table = {"female": {"a": 1, "b": 0}, "male": {"a": 0, "b": 1}}

    assert lint(categorical(given=["sex"], table=table)) == []


@pytest.mark.parametrize(
    ("source", "level", "problem"),
    [
        ("assumption: half of them", "note", "rests on an assumption: half of them"),
        (
            "Town office, by phone",
            "note",
            "its source is a line of text and no entry of `sources`: Town office, by phone",
        ),
        ("registre", "warning", "there is no source 'registre'"),
    ],
)
def test_a_source_that_is_no_entry_is_told(source: str, level: str, problem: str) -> None:
    found = lint(spec(dimensions={"sex": SEX, "work": {**SEX, "source": source}}))

    assert problems(found, "dimensions.work.source") == [(level, problem)]


def test_a_slip_in_the_id_of_a_source_is_cured() -> None:
    (found,) = lint(spec(dimensions={"sex": SEX, "work": {**SEX, "source": "registre"}}))

    assert "did you mean `register`?" in found.cure


def test_sources_that_nobody_uses_or_can_check_or_stand_twice_are_told() -> None:
    bare = {"id": "bare", "citation": "somewhere"}

    found = lint(spec(sources=[REGISTER, bare, {**REGISTER, "citation": "again"}]))

    assert problems(found, "sources[1]") == [
        ("note", "the source 'bare' has no url and no year"),
        ("note", "nothing uses the source 'bare'"),
    ]
    assert problems(found, "sources[0]") == [("warning", "the id 'register' stands 2 times")]


@pytest.mark.parametrize(
    ("when", "is_impossible"),
    [
        ("age > 120", True),
        ("age >= 90", False),
        ("age == 91", True),
        ("sex == 'male' and age < 18", True),
        ("sex == 'other'", True),
        ("sex == 'female'", False),
        ("age > 60 and age < 30", True),
        ("age > 63 and not age >= 64", True),
        ("no_such_name == 1", False),
    ],
)
def test_a_text_whose_condition_nobody_meets_is_named(when: str, *, is_impossible: bool) -> None:
    age = {"type": "numeric", "integer": True, "bins": {"18-64": 0.8, "65-90": 0.2, "91-99": 0}, "source": "register"}
    sex = {**SEX, "values": {"female": 0.5, "male": 0.5, "other": 0}}
    pool = {"type": "text_pool", "values": [{"text": "reads"}, {"text": "rows", "when": when}], "source": "register"}

    found = lint(spec(dimensions={"age": age, "sex": sex, "pastime": pool}))

    assert bool(problems(found, "dimensions.pastime.values[1]")) is is_impossible
    assert problems(found, "dimensions.pastime.values[0]") == []


def test_a_proposed_file_and_one_without_universe_say_so() -> None:
    found = lint(spec(proposed=True, universe=None))

    assert [one.place for one in found] == ["proposed", "universe"]
    assert found[0].level is Level.WARNING


def test_warnings_come_first() -> None:
    fine = {"18-64": 0.5, "65+": 0.5}
    found = lint(spec(dimensions={"age": {**SEX, "values": fine}, "sex": {**SEX, "source": "registre"}}))

    assert [one.level for one in found] == [Level.WARNING, Level.NOTE]


def test_categories_that_expect_less_than_one_person_are_named_once_per_dimension() -> None:
    margins = [Margin("work", label, share, 0, 0.0, 0.1) for label, share in [("a", 0.992), ("b", 0.004), ("c", 0.004)]]
    cells = [ControlCell(("sex", "work"), ("female", "b"), 0.002, 0, 0.0, 0.1)]

    found = too_fine(margins, cells, 200)

    assert [(one.place, one.problem) for one in found] == [
        ("dimensions.work", "less than one of 200 people is expected in 'b', 'c'"),
        ("control of sex by work", "less than one of 200 people is expected in 'female / b'"),
    ]
    assert too_fine(margins, cells, 1_000) == []


def test_a_category_of_share_0_is_not_too_fine() -> None:
    assert too_fine([Margin("work", "a", 0.0, 0, 0.0, 0.1)], [], 10) == []


@pytest.mark.parametrize("path", sorted(POPULATIONS.glob("*.yaml")), ids=lambda path: path.name)
def test_shipped_populations_name_sources_that_exist(path: Path) -> None:
    from troupe_batch.population import load_population

    found = lint(load_population(path).spec)

    assert [one for one in found if one.place.endswith(".source") and one.level is Level.WARNING] == []


def numeric(bins: dict[str, float], *, integer: bool) -> PopulationSpec:
    return spec(dimensions={"age": {"type": "numeric", "bins": bins, "integer": integer, "source": "register"}})


@pytest.mark.parametrize(
    ("bins", "integer", "problem"),
    [
        ({"18-34": 0.5, "40-54": 0.5}, True, "nobody can be 35 to 39: the bins leave that out"),
        ({"18-34": 0.5, "36-54": 0.5}, True, "nobody can be 35: the bins leave that out"),
        ({"0-9": 0.5, "10-99": 0.5}, False, "nobody can be from 9 to 10: the bins leave that out"),
    ],
)
def test_a_hole_between_bins_is_named(bins: dict[str, float], problem: str, *, integer: bool) -> None:
    assert problems(lint(numeric(bins, integer=integer)), "dimensions.age") == [("note", problem)]


@pytest.mark.parametrize("bins", [{"18-34": 0.5, "35-54": 0.5}, {"35-54": 0.5, "18-34": 0.5}])
def test_bins_that_follow_each_other_have_no_hole(bins: dict[str, float]) -> None:
    assert lint(numeric(bins, integer=True)) == []


ROWS: list[dict[str, Any]] = [
    {"when": {"sex": "female"}, "values": {"working": 0.6, "idle": 0.4}},
    {"when": {"sex": "male"}, "values": {"wroking": 0.7, "idle": 0.3}},
    {"when": {"sex": "*"}, "values": {"working": 0.5, "idle": 0.5}},
]


def test_a_label_of_one_row_that_looks_like_a_commoner_one_is_warned_of() -> None:
    (found,) = lint(categorical(given=["sex"], table=ROWS))

    assert (found.level, found.place) == ("warning", "dimensions.work.table")
    assert found.problem == "row sex=male: 'wroking' occurs only here"
    assert "did you mean 'working'?" in found.cure


def test_a_label_that_some_rows_lack_is_a_note_unless_categories_has_it() -> None:
    table = {"female": {"working": 0.6, "on leave": 0.4}, "male": {"working": 1.0}}
    listed = categorical(given=["sex"], table=table, categories=["working", "on leave"])

    told = problems(lint(categorical(given=["sex"], table=table)), "dimensions.work.table")
    assert told == [("note", "some rows lack 'on leave', and count as 0 there")]
    assert lint(listed) == []


def test_labels_that_stand_beside_each_other_are_not_taken_for_each_other() -> None:
    table = {"female": {"working a": 0.6, "working b": 0.4}, "male": {"working a": 1.0}}

    assert [f.level for f in lint(categorical(given=["sex"], table=table))] == ["note"]


def test_a_year_in_words_is_a_year() -> None:
    dated = spec(sources=[{"id": "register", "citation": "Census 2021, table 3", "url": "https://example.org/3"}])
    words = spec(dimensions={"sex": {**SEX, "source": "Labour Force Survey 2022"}}, sources=[])

    assert lint(dated) == []
    assert [f.cure for f in lint(words)] == ["add it to `sources` with citation and url"]
