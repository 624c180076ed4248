"""The report on a population as the terminal shows it."""

from __future__ import annotations

from dataclasses import replace
from io import StringIO

import pytest

from troupe_batch.population import Population
from troupe_batch.population.margins import Level, PopulationFinding, Redrawn
from troupe_batch.report.population.console import console_report
from troupe_batch.report.population.data import PopulationReport
from troupe_batch.report.population.look import look_at
from troupe_batch.terminal import Terminal


@pytest.fixture(scope="module")
def report(riverside: Population) -> PopulationReport:
    return look_at(riverside)


def shown(report: PopulationReport) -> str:
    written = StringIO()
    Terminal(width=160, file=written).print(console_report(report))
    return written.getvalue()


def test_the_terminal_shows_what_matters(report: PopulationReport) -> None:
    text = shown(report)

    assert "synthetic: simulated people, drawn from the file's shares" in text
    assert "2,000 simulated people; riverside, seed 11, locale en_GB" in text
    assert report.digest in text
    for words in (
        "old town",
        "sex by age",
        "better balanced than random samples",
        "Conditional tables, row by row",
        "all are 1: nobody is oversampled",
    ):
        assert words in text
    assert "assumed        pet: assumption: counted from a window" in text
    assert "2 categories and cells below 30 expected, 1 below 1" in text
    assert "margin of error" not in text


def test_warnings_come_before_figures_and_notes_are_cut(report: PopulationReport) -> None:
    notes = tuple(PopulationFinding(Level.NOTE, f"place {i}", "something") for i in range(9))
    warning = PopulationFinding(Level.WARNING, "dimensions.sex", "a problem", "a cure")

    text = shown(replace(report, findings=(warning, *notes)))

    assert "warning  dimensions.sex: a problem; a cure" in text
    assert text.index("warning") < text.index("place 0") < text.index("old town")
    assert "and 3 more notes, on the page" in text


def test_long_dimensions_are_cut_and_what_is_off_is_kept(report: PopulationReport) -> None:
    district = report.dimensions[2]
    first = district.margins.rows[0]
    rows = [replace(first, labels=(f"place {i:02}",), target=(40 - i) / 1_000) for i in range(40)]
    rows[39] = replace(rows[39], is_beyond_allowed=True)
    margins = replace(district.margins, rows=tuple(rows), count=40, beyond_allowed=1)

    text = shown(replace(report, dimensions=(replace(district, margins=margins),)))

    assert "place 39" in text
    assert "place 00" in text
    assert "place 20" not in text
    assert "and 24 more" in text


def test_strata_and_constraints_are_shown(oversampled: Population) -> None:
    found = look_at(oversampled)
    again = (Redrawn("income < 90000", 2_000, 50, 4),)

    text = shown(replace(found, constraints=("income < 90000", "age > 3"), redrawn=again))

    assert "income < 90000: 2.5 % of 2,000 drawn anew, at most 4 attempts" in text
    assert "age > 3: by impossible cells" in text
    assert f"{found.design.deff:.3f}; effective n" in text
    assert "island" in text


def test_strata_put_the_population_beside_the_people_as_drawn(
    oversampled: Population, report: PopulationReport
) -> None:
    island = next(line for line in shown(look_at(oversampled)).splitlines() if " island " in line)

    # Target and share of a quarter as drawn, which stands for 5 of 99.
    assert island.split()[1:4] == ["25.0", "25.0", "500"]
    assert island.count("5.1") == 2
    assert "weighted" not in shown(report)
