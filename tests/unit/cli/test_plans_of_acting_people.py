"""`troupe plan` of worlds and of studies in Python: how many take part, and how many calls that makes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from troupe_batch.cli.main import run_command

PROJECT = Path(__file__).resolve().parents[3]
QUIET = {
    "kind": "python",
    "function": "tests.doubles.pairs:is_quiet",
    "questions": [{"id": "why", "type": "open", "text": "Why?"}],
}


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for folder in ("jobs", "populations"):
        shutil.copytree(PROJECT / folder, tmp_path / folder)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write_job(study: dict[str, Any], **changes: Any) -> str:
    job = {
        "schema": "troupe_batch/job/1",
        "id": "small",
        "population": "../populations/office_workers.yaml",
        "study": study,
        "model": {"name": "gpt-4o-mini"},
        **changes,
    }
    Path("jobs/small.yaml").write_text(yaml.safe_dump(job), encoding="utf-8")
    return "jobs/small.yaml"


def planned(capsys: pytest.CaptureFixture[str], job: str) -> dict[str, str]:
    """The rows of the overview, by their names."""
    assert run_command(["plan", job, "--set", "Simulation.ALLOW_PYTHON_STUDIES=true"]) == 0
    lines = capsys.readouterr().out.partition("Quotas")[0].splitlines()
    rows = [line.strip().split("  ", 1) for line in lines]
    return {row[0]: row[1].strip() for row in rows if len(row) == 2}


def test_people_who_find_no_seat_are_not_said_to_take_part(capsys: pytest.CaptureFixture[str]) -> None:
    rows = planned(capsys, "jobs/customer_interview.yaml")

    assert rows["people"] == "60 of 400 of consultants-and-bankers"
    assert rows["take no part"] == "340 of 400 people: 30 worlds of 2 have 60 seats"
    assert rows["worlds"] == "30 of 2 people each; nobody is in two; composition: random"


def test_quotas_are_those_of_the_people_who_take_part(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["plan", "jobs/customer_interview.yaml", "--json"]) == 0

    found = json.loads(capsys.readouterr().out)
    roles = {margin["category"]: margin for margin in found["margins"] if margin["dimension"] == "role"}
    assert (found["people"], found["people_without_seat"]) == (60, 340)
    assert {name: margin["realised_count"] for name, margin in roles.items()} == {"consultant": 30, "banker": 30}
    assert roles["banker"]["realised_share"] == 0.5


def test_who_is_left_over_in_a_study_in_python_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    rows = planned(capsys, write_job({**QUIET, "people_per_unit": 2}, people=9))

    assert rows["people"].startswith("8 of ")
    assert rows["take no part"] == "1 of 9 people: 4 cases of 2 have 8 seats"
    assert rows["cases"] == "4 of 2 people each; nobody is in two; composition: random"
    assert "worlds" not in rows


def test_a_world_of_one_is_a_world(capsys: pytest.CaptureFixture[str]) -> None:
    rows = planned(capsys, write_job({"kind": "world", "people_per_world": 1, "steps": 1}, people=3))

    assert rows["worlds"] == "3 of 1 person each; nobody is in two"
    assert "take no part" not in rows


def test_calls_of_worlds_are_counted_with_the_memories_that_are_condensed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    # Each hears nineteen others in a step, so that fifty memories are there after the third and not before.
    study = {"kind": "world", "people_per_world": 20, "steps": 3}

    rows = planned(capsys, write_job(study, people=40))

    assert rows["calls"] == f"about {2 * (20 * 3 + 20)}"


def test_calls_of_a_survey_are_the_most_that_it_makes(capsys: pytest.CaptureFixture[str]) -> None:
    rows = planned(capsys, "jobs/gazpacho_concept_test.yaml")

    assert rows["calls"] == "1,000 at most, repairs apart"
    assert not {"worlds", "cases", "take no part"} & set(rows)


def test_oversampled_people_stand_beside_whom_they_stand_for(capsys: pytest.CaptureFixture[str]) -> None:
    population = {
        "schema": "troupe_batch/population/1",
        "id": "isles",
        "size": 100,
        "dimensions": {
            "isle": {"type": "categorical", "values": {"big": 0.9, "small": 0.1}, "source": "assumption: none"}
        },
        "strata": {"by": ["isle"], "allocation": "equal"},
    }
    Path("populations/isles.yaml").write_text(yaml.safe_dump(population), encoding="utf-8")
    study = {"kind": "survey", "questions": [{"id": "why", "type": "open", "text": "Why?"}]}

    assert run_command(["plan", write_job(study, population="../populations/isles.yaml")]) == 0

    text = capsys.readouterr().out
    (small,) = (line.split() for line in text.splitlines() if line.split()[:1] == ["small"])
    assert (small[1:4], small[-2:]) == (["50.0", "50.0", "50"], ["10.0", "10.0"])
    # Kish: weights 1.8 and 0.2, so (1.8² + 0.2²) / 2.
    assert "design effect 1.640: effective n 61 of 100" in text
