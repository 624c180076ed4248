"""Judgements of a rehearsed interview and a rehearsed world: the truths of the respondents stand in the data."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd
import pytest
import yaml

from tests.acceptance.project import Project

RESPONDENTS: dict[str, Any] = {
    "schema": "troupe_batch/respondents/1",
    "acts": {"talk": 1},
    "judgements": {
        "check": {"value": {"type": "choice", "base": {"yes": 3, "no": 1}}},
        "score": {"value": {"type": "numeric", "distribution": "normal", "mean": 5, "sd": 1}},
        "validation": {"value": {"type": "numeric", "distribution": "uniform", "low": 0.2, "high": 0.6, "decimals": 3}},
    },
}
CLAIMS = [
    {"id": "agreed", "claim": "They agree.", "as": "check"},
    {"id": "fluent", "standard": "fluency"},
    {"id": "suits", "validate": "Thinks of the costs.", "questions": 1},
]
INTERVIEW = {"kind": "interview", "script": [{"say": "How are you?"}], "judgements": CLAIMS}
WORLD = {
    "kind": "world",
    "people_per_world": 3,
    "steps": 1,
    "script": [{"at": 1, "say": "How are you?"}],
    "judgements": [*CLAIMS, {"id": "apart", "standard": "divergence", "about": "world"}],
}


def judged(project: Project, name: str, study: dict[str, Any], people: int) -> pd.DataFrame:
    file = project.folder / "jobs" / "judging_respondents.yaml"
    file.write_text(yaml.safe_dump(RESPONDENTS), encoding="utf-8")
    job = project.write_job(name, people=people, study=study, rehearsal={"respondents": file.name})

    assert project.here("run", job, "--rehearse", "--inline") == 0

    assert project.verify(f"{name}-rehearsal") == 0
    found = project.table(f"{name}-rehearsal", "extractions")
    assert set(found["status"]) == {"found"}
    calls = project.table(f"{name}-rehearsal", "llm_calls").set_index(["unit_id", "key"])["purpose"]
    purposes = {"agreed": "judge:agreed", "fluent": "judge:fluent", "apart": "judge:apart", "suits": "validate:verdict"}
    wanted = found["extraction"].map(purposes).astype(str).to_numpy()
    assert (calls.loc[list(zip(found["unit_id"], found["call_key"], strict=True))].to_numpy() == wanted).all()
    return found


def assert_truths(found: pd.DataFrame, count: int) -> None:
    """What three judgements of so many people came to is what the respondents were told to do."""
    by_id = {str(name): rows for name, rows in found.groupby("extraction", observed=True)}
    assert {len(by_id[name]) for name in ("agreed", "fluent", "suits")} == {count}
    assert_share(by_id["agreed"]["holds"].astype(bool).mean(), 0.75, count)
    assert_scores(by_id["fluent"]["score"])
    suits = by_id["suits"]["validation_score"]
    assert suits.between(0.2, 0.6).all()
    assert suits.mean() == pytest.approx(0.4, abs=4 * 0.4 / math.sqrt(12 * count))
    assert found["justification"].str.startswith("[rehearsal] ").all()
    assert found["confidence"].between(0, 1).all()


def assert_scores(scores: pd.Series) -> None:
    """Whole numbers, normal around 5 with a deviation of 1 before they were rounded."""
    assert (scores == scores.round()).all()
    assert scores.between(0, 9).all()
    assert scores.mean() == pytest.approx(5, abs=4 * math.sqrt((1 + 1 / 12) / len(scores)))
    assert_share(scores.eq(5).mean(), math.erf(0.5 / math.sqrt(2)), len(scores))


def assert_share(found: float, truth: float, count: int) -> None:
    assert found == pytest.approx(truth, abs=4 * math.sqrt(truth * (1 - truth) / count))


def test_people_of_an_interview_are_judged_as_the_respondents_say(project: Project) -> None:
    found = judged(project, "judged-interview", INTERVIEW, 150)

    assert_truths(found, 150)
    assert found["person_id"].nunique() == 150


def test_worlds_and_their_people_are_judged_as_the_respondents_say(project: Project) -> None:
    found = judged(project, "judged-world", WORLD, 180)

    assert_truths(found, 180)
    worlds = found[found["extraction"] == "apart"]
    assert len(worlds) == worlds["unit_id"].nunique() == 60
    assert worlds["person_id"].isna().all()
    assert_scores(worlds["score"])
