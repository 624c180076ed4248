"""Rankings in a run: in order in the data, with the ranks of the respondents' worths in the tables."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from tests.acceptance.project import Project

SOUPS = ["Leek", "Onion", "Pea", "Beet"]
WORTHS = dict(zip(SOUPS, (60.0, 20.0, 5.0, 1.0), strict=True))
RANKINGS: list[dict[str, Any]] = [
    {"id": "order", "type": "ranking", "text": "In which order?", "options": SOUPS},
    {"id": "best", "type": "ranking", "text": "Which two?", "options": SOUPS, "top": 2, "dont_know": "No idea"},
]
RESPONDENTS = {
    "schema": "troupe_batch/respondents/1",
    "questions": {
        "order": {"type": "ranking", "base": WORTHS},
        "best": {"type": "ranking", "base": WORTHS, "dont_know": {"rate": 0.2, "label": "No idea"}},
    },
}


def test_rankings_are_ordered_in_the_data_and_have_first_places_and_mean_ranks(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    study = {"kind": "survey", "asking": "questionnaire", "questions": RANKINGS}
    job = project.write_job("soups", people=200, study=study, rehearsal={"respondents": "soup_respondents.yaml"})
    (project.folder / "jobs" / "soup_respondents.yaml").write_text(yaml.safe_dump(RESPONDENTS, sort_keys=False))

    assert project.here("run", job, "--rehearse", "--inline", "--run-id", "soups") == 0
    assert project.verify("soups") == 0
    capsys.readouterr()
    assert project.here("results", "soups", "--json") == 0
    order, best = json.loads(capsys.readouterr().out)
    answers, responses = project.table("soups", "answers"), project.table("soups", "responses")

    ranked = [list(one) for one in answers[answers["question_id"] == "order"]["selected"]]
    columns = [f"order__{code}" for code in (1, 2, 3, 4)]
    assert [[one.index(soup) + 1 for soup in SOUPS] for one in ranked] == responses[columns].to_numpy().tolist()
    assert responses[columns].dtypes.astype(str).eq("int16").all()
    knows = ~responses["best__dont_know"].astype(bool)
    assert responses.loc[knows, [f"best__{n}" for n in (1, 2, 3, 4)]].notna().sum(axis=1).eq(2).all()
    assert responses.loc[~knows, [f"best__{n}" for n in (1, 2, 3, 4)]].isna().all(axis=None)
    assert 0 < (~knows).sum() < 80
    for share, (soup, worth) in zip(order["columns"][0]["shares"], WORTHS.items(), strict=True):
        mean = 1 + sum(other / (worth + other) for name, other in WORTHS.items() if name != soup)
        low, high = share["ranks"]["mean_interval"].values()
        assert share["label"] == soup
        assert low - 0.1 < mean < high + 0.1
    for number, share in enumerate(best["columns"][0]["shares"][:4], start=1):
        assert share["ranked"]["share"] == responses[f"best__{number}"].notna().mean()
    assert {share["ranked"] for share in order["columns"][0]["shares"]} == {None}
    assert [share["label"] for share in best["columns"][0]["shares"]] == [*SOUPS, "No idea"]
