"""Conditions on real workers: the survey of the guide with a block behind a screener, and an interview."""

from __future__ import annotations

import re

import yaml

from tests.acceptance.project import PROJECT, Project

GUIDE = (PROJECT / "docs" / "jobs.md").read_text(encoding="utf-8")
_, SURVEY = re.findall(r"^## Who is asked what(.*?)```yaml\n(.*?)^```", GUIDE, re.DOTALL | re.MULTILINE)[0]


def test_the_survey_of_the_guide_asks_those_whom_its_conditions_fit_in_as_few_calls_as_it_says(
    project: Project,
) -> None:
    job = project.write_job("screened", study=yaml.safe_load(SURVEY)["study"])

    done = project.troupe("run", job, "--rehearse", "--json")

    assert done.code == 0, done.err
    run = done.json["run_id"]
    assert project.verify(run) == 0
    people = project.table(run, "people").set_index("person_id")["age"]
    rows = project.table(run, "responses").set_index("person_id")
    drinks = ~rows["drinks__3"].astype(bool)
    likes = rows["drinks__1"].astype(bool) & (people.loc[rows.index] >= 25)
    explains = likes & (rows["liking"] >= 2)
    assert 0 < explains.sum() < likes.sum() < drinks.sum() < 60
    asked = {"drinks": rows["drinks__status"] == "answered", "cups": drinks, "liking": likes, "why": explains}
    for question, of in asked.items():
        assert (rows[f"{question}__status"] == of.map({True: "answered", False: "skipped"})).all()
    assert rows["place"].notna().all()

    calls = project.table(run, "llm_calls").groupby("unit_id").size()
    assert (calls == (2 + likes).set_axis(rows["unit_id"]).reindex(calls.index)).all()

    answers = project.table(run, "answers").set_index(["unit_id", "question_id"])
    skipped = answers[answers["status"] == "skipped"]
    assert set(skipped["reason"]) == {
        "asked only where 'Neither' not in drinks",
        "asked only where 'Tea' in drinks and age >= 25",
        "asked only where liking is at least 2",
    }
    assert skipped[["label", "number", "text", "call_key", "option_order"]].isna().all(axis=None)

    shown = project.troupe("results", run, "--json")
    [table] = [one["columns"][0] for one in shown.json if one["question"]["id"] == "liking"]
    assert (table["answered"], table["absences"]) == (likes.sum(), {"skipped": 60 - likes.sum()})
    assert sum(share["count"] for share in table["shares"]) == likes.sum()


def test_an_expression_decides_who_is_asked_in_an_interview(project: Project) -> None:
    drinks, place = (
        {"id": "drinks", "type": "multi", "text": "What did you drink?", "options": ["Tea", "Coffee"]},
        {"id": "place", "type": "single", "text": "Where do you live?", "options": ["Town", "Country"]},
    )
    why = {"ask": {"id": "why", "type": "open", "text": "Why?"}, "when": "place == 'Town' and 'Tea' in drinks"}
    script = [{"ask": place}, {"ask": drinks}, why]
    job = project.write_job("asked", people=30, study={"kind": "interview", "script": script})

    done = project.troupe("run", job, "--rehearse", "--json")

    assert done.code == 0, done.err
    run = done.json["run_id"]
    assert project.verify(run) == 0
    rows = project.table(run, "responses")
    fits = (rows["place"] == "Town") & rows["drinks__1"].astype(bool)
    assert 0 < fits.sum() < 30
    assert ((rows["why__status"] == "skipped") == ~fits).all()
    reasons = project.table(run, "answers").query("status == 'skipped'")["reason"]
    assert set(reasons) == {"asked only where place == 'Town' and 'Tea' in drinks"}
