"""A form that nobody knows but its unions: from prompt and schema to tables and docs, the rest comes of itself.

The unions are built when the package is imported, so the form is entered in a copy of it, which other processes use.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.acceptance.project import PROJECT, Project

SOURCE = PROJECT / "tests" / "doubles" / "new_form"
FORMS, TRUTHS = Path("troupe_batch/studies/questions/forms"), Path("troupe_batch/truths")
DRINKS = ["Tea", "Coffee", "Water", "Juice"]
STUDY: dict[str, Any] = {
    "kind": "survey",
    "asking": "questionnaire",
    "questions": [{"id": "drinks", "type": "podium", "text": "Which do you like best?", "options": DRINKS}],
}
RESPONDENTS = {
    "schema": "troupe_batch/respondents/1",
    "questions": {"drinks": {"type": "podium", "base": dict(zip(DRINKS, (60, 30, 8, 2), strict=True))}},
}
ASKED = """
import json
from pathlib import Path
from troupe_batch.planning.loading import load_job
from troupe_batch.studies import Unit, study_of

study = study_of(load_job(Path("jobs/best.yaml")).spec.study, seed=1)
[group] = study._instrument.groups
asked = group.asked_of(Unit(index=0, unit_id="u", case=0, replicate=0, arm=None))
print(json.dumps([asked.text, asked.schema.schema["properties"]["drinks"], group.problem({"drinks": ["Tea"] * 3})]))
"""


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the package in which the form and its truth are entered, one file and one union member each."""
    library = tmp_path_factory.mktemp("library")
    shutil.copytree(PROJECT / "troupe_batch", library / "troupe_batch", ignore=shutil.ignore_patterns("__pycache__"))
    prompts = library / FORMS / "prompts" / "podium"
    prompts.mkdir(parents=True)
    shutil.copy(SOURCE / "question.md", prompts)
    for folder, file, name, union in (
        (FORMS, "form.py", "Podium", "\nFormOfQuestion: TypeAlias ="),
        (TRUTHS, "truth.py", "PodiumQuestion", "\nTruthOfQuestion: TypeAlias ="),
    ):
        shutil.copy(SOURCE / file, library / folder / "podium.py")
        registry = library / folder / "__init__.py"
        entered = f"\nfrom {'.'.join(folder.parts)}.podium import {name}\n{union} {name} |"
        before, found, after = registry.read_text(encoding="utf-8").partition(union)
        assert found
        registry.write_text(before + entered + after, encoding="utf-8")
    return library


def test_a_new_form_is_asked_read_stored_verified_counted_and_documented_by_its_entry_alone(
    project: Project, library: Path
) -> None:
    here = {"PYTHONPATH": str(library), "PYTHONDONTWRITEBYTECODE": ""}
    job = project.write_job("best", study=STUDY, rehearsal={"respondents": "best_respondents.yaml"})
    (project.folder / "jobs" / "best_respondents.yaml").write_text(yaml.safe_dump(RESPONDENTS, sort_keys=False))
    page = project.folder / "datasets.md"
    shutil.copy(PROJECT / "docs" / "datasets.md", page)

    text, node, problem = json.loads(python(project, here, "-c", ASKED))
    done = project.troupe("run", job, "--rehearse", "--inline", "--run-id", "best", "--json", **here)
    assert done.code == 0, done.err
    verified = project.troupe("verify", "best", **here)
    shown = project.troupe("results", "best", **here).out
    [table] = json.loads(project.troupe("results", "best", "--json", **here).out)
    python(project, here, "-m", "troupe_batch.results.schema", str(page))

    assert text.startswith('<question id="drinks">\nWhich do you like best?')
    assert all(f"\n- {drink}\n" in text for drink in DRINKS)
    assert node["items"]["enum"] == DRINKS
    assert problem == "drinks: ['Tea', 'Tea', 'Tea'] does not name three different options"
    assert verified.code == 0, verified.out
    answers = project.table("best", "answers")
    ranked = [tuple(selected) for selected in answers["selected"]]
    assert set(answers["question_type"]) == {"podium"}
    assert len(ranked) == 60
    assert {len(set(one)) for one in ranked} == {3}
    responses = project.table("best", "responses")
    assert [1 + one.index("Tea") if "Tea" in one else 0 for one in ranked] == list(responses["drinks__1"].fillna(0))
    assert Counter(one[0] for one in ranked).most_common(1)[0][0] == "Tea"
    [tea, *_, juice] = table["columns"][0]["shares"]
    assert tea["share"] == sum(one[0] == "Tea" for one in ranked) / 60
    assert tea["ranks"]["mean"] < juice["ranks"]["mean"] <= 3
    assert "mean rank: Tea" in shown
    assert "| `question_type` | category | `podium`, " in page.read_text(encoding="utf-8")


def test_without_respondents_its_answers_are_valid_and_labels_that_these_do_not_know_are_told_before_the_run(
    project: Project, library: Path
) -> None:
    here = {"PYTHONPATH": str(library), "PYTHONDONTWRITEBYTECODE": ""}
    file = project.folder / "jobs" / "best_respondents.yaml"
    file.write_text(yaml.safe_dump(RESPONDENTS).replace("Water", "Wine"))
    unfit = project.write_job("unfit", study=STUDY, rehearsal={"respondents": file.name})
    plain = project.write_job("plain", study=STUDY, people=20)
    other = project.write_job("other", study={**STUDY, "questions": [{**STUDY["questions"][0], "type": "best-worst"}]})

    refused = project.troupe("run", unfit, "--rehearse", "--inline", **here)
    answered = project.troupe("run", plain, "--rehearse", "--inline", "--json", **here)
    unknown = project.troupe("plan", other, **here)

    assert refused.code == 2
    assert "the respondent file has no label 'Water'" in " ".join(refused.err.split())
    assert answered.code == 0, answered.err
    assert answered.json["answered"] == 20
    assert "write `type: podium`, with `options`" in " ".join(unknown.err.split())


def python(project: Project, environment: dict[str, str], *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-P", *arguments],
        cwd=project.folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
