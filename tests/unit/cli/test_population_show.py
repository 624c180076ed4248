"""`troupe population FILE` as a user types it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from troupe_batch.cli.main import run_command

PROJECT = Path(__file__).resolve().parents[3]
TOWN: dict[str, Any] = {
    "schema": "troupe_batch/population/1",
    "id": "town",
    "size": 400,
    "universe": {"description": "grown-ups of the town", "as_of": "2024"},
    "sources": [{"id": "register", "citation": "Register", "url": "https://example.org", "year": 2024}],
    "dimensions": {
        "sex": {"type": "categorical", "values": {"female": 0.5, "male": 0.5}, "source": "register"},
        "age": {"type": "numeric", "integer": True, "bins": {"18-49": 0.6, "50-89": 0.4}, "source": "register"},
    },
}


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "town.yaml").write_text(yaml.safe_dump(TOWN, sort_keys=False))
    return tmp_path


def write(path: Path, **changes: Any) -> str:
    path.write_text(yaml.safe_dump(TOWN | changes, sort_keys=False))
    return path.name


def test_a_file_is_reported_on_and_its_page_written(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["population", "town.yaml"]) == 0

    shown = capsys.readouterr()
    assert "400 simulated people; town" in shown.out
    assert "page written to town_report.html" in shown.err
    assert "simulated people, drawn from the file" in (here / "town_report.html").read_text()


def test_a_report_is_written_anew_but_no_other_file_is_lost(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["population", "town.yaml", "--html", "page.html"]) == 0
    assert run_command(["population", "town.yaml", "--html", "page.html", "--people", "50"]) == 0
    assert "the first 50 people of 400" in (here / "page.html").read_text()

    (here / "town_report.html").write_text("precious")
    assert run_command(["population", "town.yaml"]) == 2
    assert (here / "town_report.html").read_text() == "precious"
    assert "is not overwritten; give another name with --html" in capsys.readouterr().err


def test_no_page_is_written_where_none_is_wanted(here: Path) -> None:
    assert run_command(["population", "town.yaml", "--no-html"]) == 0
    assert list(here.glob("*.html")) == []


def test_json_holds_the_figures_and_writes_a_page_only_on_request(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command(["population", "town.yaml", "--people", "100", "--json"]) == 0

    found = json.loads(capsys.readouterr().out)
    assert found["synthetic"] is True
    assert (found["people"], found["size"], found["html"], found["is_clean"]) == (100, 400, None, True)
    rows = found["dimensions"][0]["margins"]["rows"]
    assert [(row["labels"], row["target"]) for row in rows] == [(["female"], 0.5), (["male"], 0.5)]
    assert sum(row["people"] for row in rows) == 100
    assert list(here.glob("*.html")) == []
    assert run_command(["population", "town.yaml", "--json", "--html", "page.html"]) == 0
    assert (here / "page.html").exists()


def test_warnings_alone_fail_only_a_strict_look(here: Path) -> None:
    sex = TOWN["dimensions"]["sex"] | {"values": {"Male": 0.5, "male": 0.5}}
    write(here / "doubtful.yaml", dimensions={"sex": sex})

    assert run_command(["population", "doubtful.yaml", "--no-html"]) == 0
    assert run_command(["population", "doubtful.yaml", "--no-html", "--strict"]) == 1
    assert run_command(["population", "town.yaml", "--no-html", "--strict"]) == 0


def test_a_mistake_in_the_file_is_named_with_its_line(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sex = TOWN["dimensions"]["sex"] | {"values": {"female": 0.5, "male": 0.4}}
    write(here / "wrong.yaml", dimensions={"sex": sex})

    assert run_command(["population", "wrong.yaml"]) == 2

    assert "wrong.yaml:1" in (message := capsys.readouterr().err)
    assert "the numbers sum to 0.9, not 1" in message
    assert list(here.glob("*.html")) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["twon.yaml"], "no such file; did you mean town.yaml?"),
        (["people.parquet"], "troupe population profile people.parquet"),
        (["demography.json"], "troupe population compile demography.json"),
        (["agent.json"], "this is one TinyPerson; name it in the `people:` of a population file"),
        (["town.yaml", "--people", "401"], "town.yaml has 400 people"),
        (["town.yaml", "--people", "0"], "0 is not in the range"),
        (["town.yaml", "--html", "a.html", "--no-html"], "contradict each other"),
        (["town.yaml", "--html", "nowhere/a.html"], "there is no folder nowhere"),
    ],
)
def test_what_cannot_be_done_is_answered_with_what_can(
    here: Path, arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "people.parquet").write_bytes(b"PAR1")
    (here / "demography.json").write_text('{"title": "A demography", "description": "of a country"}')
    (here / "agent.json").write_text('{"type": "TinyPerson", "persona": {"name": "Ann"}}')

    assert run_command(["population", *arguments]) == 2

    assert message in " ".join(capsys.readouterr().err.split())


def test_a_job_file_points_to_its_population(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for folder in ("jobs", "populations"):
        shutil.copytree(PROJECT / folder, here / folder)

    assert run_command(["population", "jobs/gazpacho_concept_test.yaml"]) == 2

    message = " ".join(capsys.readouterr().err.split())
    assert "this is a job file; report on populations/us_adults.yaml" in message
    assert "troupe plan jobs/gazpacho_concept_test.yaml" in message


def test_a_proposed_file_is_linted_although_nobody_is_drawn(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sex = TOWN["dimensions"]["sex"] | {"source": "somewhere"}
    write(here / "proposed.yaml", proposed=True, dimensions={"sex": sex})

    assert run_command(["population", "proposed.yaml"]) == 2

    shown = capsys.readouterr()
    assert "there is no source 'somewhere'" in shown.out
    assert "proposed" in shown.err
    assert list(here.glob("*.html")) == []


def test_help_has_examples_and_says_what_strict_does(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["population", "show", "--help"]) == 0

    shown = capsys.readouterr().out
    assert "    troupe population populations/us_adults.yaml --people 1000 --html first_1000.html\n" in shown
    assert "Exit with 1 on any warning" in " ".join(shown.split())
