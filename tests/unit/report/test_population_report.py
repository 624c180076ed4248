"""What a report on a population holds: every figure against the population itself."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from troupe_batch.population import Margin, Population, PopulationSpec, load_population
from troupe_batch.report.population.data import PopulationReport, TargetRow
from troupe_batch.report.population.look import look_at, row_set

POPULATIONS = Path(__file__).resolve().parents[3] / "populations"


@pytest.fixture(scope="module")
def report(riverside: Population) -> PopulationReport:
    return look_at(riverside)


def row(label: str, target: float, *, beyond: bool = False) -> TargetRow:
    return TargetRow((label,), target, target, 1, 1.0, 0.1, 0.0, is_beyond_allowed=beyond, is_beyond_tolerance=False)


def test_the_headline_says_who_these_people_are(report: PopulationReport, riverside: Population) -> None:
    assert report.label == "simulated people, drawn from the file's shares"
    assert (report.people, report.size, report.looked_at, report.seed) == (2_000, 2_000, 2_000, 11)
    assert report.digest == riverside.digest
    assert (report.universe, report.as_of, report.excludes) == ("residents of 18 to 89", "2024", ("barracks",))


def test_every_category_stands_with_its_target_and_what_people_have(
    report: PopulationReport, riverside: Population
) -> None:
    shown = [(d.name, r.label, r.target, r.people, r.allowed) for d in report.dimensions for r in d.margins.rows]

    assert shown == [(m.dimension, m.category, m.target, m.realised_count, m.allowed) for m in riverside.margins()]
    assert [d.name for d in report.dimensions] == ["age", "sex", "district", "work", "income", "pet"]


def test_numbers_are_those_of_the_people(report: PopulationReport, riverside: Population) -> None:
    income = riverside.facts(0, 2_000)["income"]

    numbers = {d.name: d.numbers for d in report.dimensions}

    assert numbers["income"] is not None
    assert numbers["income"].mean == pytest.approx(income.mean())
    assert numbers["sex"] is None


def test_the_cells_of_a_control_stand_with_their_targets(report: PopulationReport) -> None:
    (control,) = report.controls

    assert control.dims == ("sex", "age")
    assert control.axes == (("female", "male"), ("18-34", "35-64", "65-89"))
    assert control.sources == ("register",)
    assert {row.labels: round(row.target, 6) for row in control.cells.rows}["male", "65-89"] == 0.086
    assert control.cells.count == 6
    assert control.cells.worst is not None
    assert abs(control.cells.worst.error_pp) == max(abs(row.error_pp) for row in control.cells.rows)


def test_rare_cells_are_counted_and_the_rarest_come_first(report: PopulationReport) -> None:
    assert (report.rare.below_30, report.rare.below_1) == (2, 1)
    assert [(one.where, one.label) for one in report.rare.cells] == [("pet", "parrot"), ("pet", "cat")]
    assert any("'parrot'" in one.problem for one in report.findings)


def test_age_by_sex_is_a_pyramid_of_everybody(report: PopulationReport) -> None:
    assert report.pyramid is not None
    assert sum(map(sum, report.pyramid.counts)) == 2_000


def test_work_goes_together_with_age_and_income_with_nothing(report: PopulationReport) -> None:
    assert report.associations is not None
    pairs = {pair[:2]: pair[2] for pair in report.associations.strongest}

    assert pairs["age", "work"] > 0.4
    assert pairs["sex", "income"] < 0.05


def test_prefixes_are_better_balanced_than_random_samples(report: PopulationReport) -> None:
    assert [one.people for one in report.prefixes] == [100, 1_000, 2_000]
    assert all(one.worst_pp < one.random_pp for one in report.prefixes)


def test_sources_say_what_uses_them_and_assumptions_are_listed(report: PopulationReport) -> None:
    register, orphan = report.sources

    assert register.used_by == ("age", "sex", "district", "work", "control of sex by age")
    assert orphan.used_by == ()
    assert report.assumptions == (
        ("income", "assumption: as in the next town"),
        ("pet", "assumption: counted from a window"),
    )


def test_ten_people_are_shown_with_the_facts_that_a_model_reads(
    report: PopulationReport, riverside: Population
) -> None:
    facts = riverside.facts(0, 10)

    assert [one.number for one in report.examples] == list(range(10))
    assert report.examples[3].name == riverside.names(3, 4)[0]
    assert report.examples[3].facts["age"] == str(facts["age"][3])
    assert report.examples[3].facts["work"] == facts["work"][3]


def test_a_part_of_the_people_is_compared_as_a_part(riverside: Population) -> None:
    part = look_at(riverside, 150)

    assert (part.people, part.size, part.looked_at) == (150, 2_000, 150)
    assert sum(row.people for row in part.dimensions[1].margins.rows) == 150
    assert part.design.people == 150
    assert [one.people for one in part.prefixes] == [100, 150]


def test_strata_come_with_weights_and_what_they_cost(oversampled: Population) -> None:
    found = look_at(oversampled)

    assert found.strata_by == ("district",)
    assert [one.people for one in found.design.strata] == [500, 500, 500, 500]
    assert found.design.deff > 1.2
    assert found.design.effective_n == pytest.approx(2_000 / found.design.deff)
    district = next(d for d in found.dimensions if d.name == "district").margins.rows
    assert [row.target for row in district] == pytest.approx([0.25] * 4)
    assert district[3].weighted_target == pytest.approx(5 / 99)
    # A weight is no fact about a person.
    assert not {"weight", "stratum"} & (set(found.examples[0].facts) | {d.name for d in found.dimensions})


def test_what_is_beyond_allowed_or_tolerance_is_flagged(riverside: Population, monkeypatch: pytest.MonkeyPatch) -> None:
    margins = [Margin("sex", "female", 0.5, 52, 0.52, 0.03), Margin("sex", "male", 0.5, 46, 0.46, 0.03)]
    monkeypatch.setattr(riverside, "margins", lambda _of=None: margins)

    found = look_at(riverside)

    sex = found.dimensions[1].margins
    assert [row.is_beyond_allowed for row in sex.rows] == [False, True]
    assert [row.is_beyond_tolerance for row in sex.rows] == [True, True]
    assert (sex.beyond_allowed, sex.beyond_tolerance) == (1, 2)
    assert found.beyond_allowed == 1
    assert not found.is_clean


def test_a_report_is_clean_without_warnings_and_with_notes(report: PopulationReport) -> None:
    notes = tuple(one for one in report.findings if one.level == "note")

    assert not report.is_clean
    assert notes
    # Quarters of a distribution are near their targets, not within a person: income stays out of this.
    assert replace(report, findings=notes, dimensions=report.dimensions[:4]).is_clean


def test_of_too_many_rows_those_beyond_allowed_and_the_largest_are_kept_in_their_order() -> None:
    rows = [row("a", 0.1), row("b", 0.0, beyond=True), row("c", 0.5), row("d", 0.4)]

    kept = row_set(rows, 3)

    assert [one.label for one in kept.rows] == ["b", "c", "d"]
    assert (kept.count, kept.beyond_allowed) == (4, 1)
    assert row_set(rows, 4).rows == tuple(rows)


def test_a_population_by_name_is_shown_without_targets() -> None:
    found = look_at(load_population(POPULATIONS / "three_consultants.yaml").population)

    assert found.people == 3
    assert found.prefixes == ()
    assert all(one.margins.count == 0 for one in found.dimensions)
    assert found.examples[0].name == "Annelies Verhoeven"
    assert found.design.effective_n == 3


def test_a_single_person_can_be_looked_at() -> None:
    sex = {"type": "categorical", "values": {"female": 1}, "source": "assumption: one"}
    spec = {"schema": "troupe_batch/population/1", "id": "one", "size": 1, "dimensions": {"sex": sex}}

    found = look_at(Population(PopulationSpec.model_validate(spec)))

    assert (found.people, len(found.examples), found.beyond_allowed) == (1, 1, 0)
