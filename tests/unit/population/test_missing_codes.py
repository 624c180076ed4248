"""Codes for "no answer" among the numbers of records: named under `missing` nobody has them; unnamed, they are told."""

from __future__ import annotations

from pathlib import Path

import pytest

from troupe_batch.errors import SpecError
from troupe_batch.planning.loading import parse_job
from troupe_batch.population.lint.checking import lint
from troupe_batch.population.load import PopulationFile, resolve_population
from troupe_batch.report.population.look import look_at
from troupe_batch.report.population.page import page
from troupe_batch.spec_files import read_spec_text

TOWN = """
schema: troupe_batch/population/1
id: town
size: 60
names: {provider: none}
sources: [{id: s, citation: invented for a test, url: "https://example.org", year: 2024}]
universe: {description: everybody, as_of: "2024"}
seed_data: {path: people.csv, source: s}
dimensions:
  sex: {type: record, labels: {1: male, 2: female}}
  income: {type: record, numeric: true, integer: true%s}
"""


def _town(folder: Path, codes: list[str], more: str = "", others: str = "1000,2000,39000") -> PopulationFile:
    values = [*others.split(","), *codes] * 4
    rows = [f"{1 + number % 2},{value}" for number, value in enumerate(values)]
    (folder / "people.csv").write_text("sex,income\n" + "\n".join(rows) + "\n", encoding="utf-8")
    return resolve_population(read_spec_text("town.yaml", TOWN % more), folder)


def test_who_has_a_code_has_no_number(tmp_path: Path) -> None:
    town = _town(tmp_path, ["9999999", "9999998", ""], ", missing: [9999998, 9999999]")

    income = town.population.facts(0, 60)["income"].tolist()

    assert set(income) == {1000, 2000, 39000, None}
    assert {type(one) for one in income} == {int, type(None)}
    assert income.count(None) == 30
    assert lint(town.spec) == []
    assert "9999999" not in page(look_at(town.population))


def test_a_code_that_passes_for_a_number_is_told_with_its_cure(tmp_path: Path) -> None:
    town = _town(tmp_path, ["9999999"])

    (finding,) = lint(town.spec)

    assert finding.place == "dimensions.income"
    assert finding.problem == (
        "income is 9999999 in 4 of 16 records, and 1,000 to 39,000 in all others: it looks like a code for no answer"
    )
    assert finding.cure == "if it is one, add `missing: [9999999]`"


@pytest.mark.parametrize(
    ("code", "others", "is_told"),
    [
        ("9999998", "0,5,39000", True),
        ("999", "0,18,97", True),
        ("99", "0,18,97", False),
        ("99", "0,5,16", True),
        ("-9", "0,5,16", True),
        ("-99", "0,5,16", True),
        ("-9", "-3,5,16", False),
        ("100000", "0,5,16", False),
        ("9999999", "9000000,8000000,7000000", False),
    ],
)
def test_only_what_is_all_nines_and_far_off_is_told(tmp_path: Path, code: str, others: str, is_told: bool) -> None:
    assert [one.place for one in lint(_town(tmp_path, [code], others=others).spec)] == ["dimensions.income"] * is_told


def test_a_plan_warns_of_it(tmp_path: Path) -> None:
    _town(tmp_path, ["9999999"])
    (tmp_path / "town.yaml").write_text(TOWN % "", encoding="utf-8")
    text = "id: j\npopulation: town.yaml\nstudy: {questions: [{id: q, type: open, text: A?}]}\n"

    (warning,) = parse_job(text, name="j.yaml", folder=tmp_path).warnings

    assert warning.startswith("town.yaml: dimensions.income: income is 9999999 in 4 of 16 records")


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (", missing: [none]", "dimensions.income.missing: 'none' is no number"),
        (', missing: [9999999], bins: ["0-50000"]', "people without a number are in none of the `bins`"),
        (", missing: [9999999]\nconstraints: [income > 5]", "`income` is missing for some people"),
    ],
)
def test_what_cannot_be_without_a_number_is_refused(tmp_path: Path, more: str, message: str) -> None:
    head, _, tail = more.partition("\n")
    text = TOWN % head + tail + "\n"
    _town(tmp_path, ["9999999"])

    with pytest.raises(SpecError) as caught:
        resolve_population(read_spec_text("town.yaml", text), tmp_path)

    assert message in str(caught.value)
