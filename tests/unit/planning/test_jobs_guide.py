"""The guide to the job file: every fence in it works, and every field is in it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from troupe_batch.llm.chat import Endpoint
from troupe_batch.planning import job_json_schema, make_plan, parse_job

PROJECT = Path(__file__).resolve().parents[3]
GUIDE = (PROJECT / "docs" / "jobs.md").read_text(encoding="utf-8")
FENCES = re.findall(r"^```(\w+)\n(.*?)^```$", GUIDE, re.DOTALL | re.MULTILINE)
BASE = {"id": "example", "population": "../populations/us_adults.yaml", "people": 20}


def fences(language: str) -> list[str]:
    return [text for found, text in FENCES if found == language]


@pytest.mark.parametrize("text", fences("yaml"))
def test_each_yaml_fence_is_a_job_or_fits_into_one(text: str) -> None:
    whole = yaml.safe_dump({**BASE, **yaml.safe_load(text)}, allow_unicode=True)

    job = parse_job(whole, name="docs/jobs.md", folder=PROJECT / "docs")

    assert make_plan(job, endpoint=Endpoint("test", "m")).units > 0


@pytest.mark.parametrize("text", fences("python"))
def test_each_python_fence_runs(text: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(PROJECT)

    exec(compile(text, "docs/jobs.md", "exec"), {})  # noqa: S102 -- the guide's own code is what is tested

    assert capsys.readouterr().out.startswith("100 4 Unit(index=0")


def test_there_are_no_other_fences() -> None:
    assert {language for language, _ in FENCES} == {"yaml", "python"}


def test_the_guide_names_every_field_of_a_job() -> None:
    schema = job_json_schema()
    ours = ["SurveySpec", "Arm", "QuestionBlock", "LastTurns", "ModelSpec", "BudgetSpec", "RehearsalSpec", "Option"]
    ours += ["SingleChoice", "MultiChoice", "Rating", "Ranking", "OpenText", "InterviewSpec", "InterviewLine"]
    ours += [
        "Condition",
        "DocumentSpec",
        "WorldSpec",
        "WorldLine",
        "SeatSpec",
        "SeatRange",
        "RelationSpec",
        "Trigger",
        "InterventionSpec",
    ]
    ours += ["ExtractionSpec", "JudgementSpec", "PythonSpec", "WaveSpec"]
    definitions: dict[str, Any] = schema["$defs"]
    parts = [schema, *(definitions[name] for name in ours)]
    fields = {field for part in parts for field in properties(part)}
    # Conditions of all files have a page of their own.
    pages = GUIDE + (PROJECT / "docs" / "expressions.md").read_text(encoding="utf-8")

    assert "](expressions.md" in GUIDE
    assert {field for field in fields if not re.search(rf"\b{field}\b", pages)} == set()


def properties(part: dict[str, Any]) -> list[str]:
    return [*part.get("properties", {}), *(name for branch in part.get("anyOf", []) for name in properties(branch))]
