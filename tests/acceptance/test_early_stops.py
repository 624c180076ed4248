"""Systematic faults of an endpoint, met by real workers: the run stops after a handful of calls and can go on."""

from __future__ import annotations

from typing import Any

import pytest

from tests.acceptance.project import QUESTIONS, Done, Project
from tests.doubles.endpoint import FakeEndpoint, Habits, fake_endpoint

PROCESSES = 2
REJECTED, UNREADABLE, CUT_OFF, CUT_PROMPTS = 10, 20, 5, 4
# Beyond its limit a process may have sent what was in flight when the other one stopped the run.
HANDFUL = 5
WORDS = "Failed to compile the grammar"
FREE = {"TROUPE_BUDGET_PROMPT_PRICE": "0", "TROUPE_BUDGET_COMPLETION_PRICE": "0"}


def run(project: Project, server: FakeEndpoint, job: str, *more: str, **environment: str) -> Done:
    settings = {"TROUPE_OPENAI_BASE_URL": server.url, "TROUPE_CELERY_PROCESSES": str(PROCESSES), **environment}
    return project.troupe("run", job, "--json", *more, **settings)


# Of clearly different lengths, and both of them longer than what a server with a small context keeps.
ARMS = [{"id": "short", "material": "A soup. " * 300}, {"id": "long", "material": "A soup. " * 500}]


def a_job(project: Project, name: str, **changes: Any) -> str:
    study = {"kind": "survey", "asking": "question", "questions": QUESTIONS, "arms": ARMS}
    model = {"name": "a-model", **changes}
    return project.write_job(name, people=600, units_per_shard=50, study=study, model=model)


@pytest.mark.parametrize(
    ("habits", "limit", "said"),
    [
        (Habits(schema="refused"), REJECTED, WORDS),
        (Habits(schema="ignored"), UNREADABLE, "replies in a row"),
        (Habits(reasoning_tokens=2_000), CUT_OFF, "were cut off at max_completion_tokens = 1,024"),
        (Habits(context_tokens=512), CUT_PROMPTS, "does not read prompts to their end"),
    ],
)
def test_a_fault_that_every_call_meets_costs_a_handful_of_calls_a_process(
    project: Project, habits: Habits, limit: int, said: str
) -> None:
    job = a_job(project, "faulty")
    with fake_endpoint(habits) as server:
        done = run(project, server, job)
        asked = len(server.chats)

    assert done.code == 1, done.err
    assert (done.json["state"], done.json["error"]) == ("stopped", "EndpointUnsuitable")
    assert said in done.json["reason"]
    assert asked <= PROCESSES * (limit + HANDFUL)
    answers = project.table("faulty", "answers")
    assert set(answers["status"]) <= {"not_run", "answered"}
    assert (answers["status"] == "not_run").sum() > 1_150
    assert project.verify("faulty") == 4


def test_a_stopped_run_asks_again_for_all_that_the_fault_hit_and_for_nothing_else(project: Project) -> None:
    job = a_job(project, "mended")
    with fake_endpoint(Habits(schema="refused")) as server:
        stopped = run(project, server, job)
        server.habits = Habits()
        done = run(project, server, job)
        again = run(project, server, job)
        served = server.status_codes.count(200)

    assert stopped.code == 1
    assert done.code == again.code == 0, done.err
    assert done.json["answered"] == done.json["answers"] == 1_200
    assert set(project.table("mended", "answers")["status"]) == {"answered"}
    assert served == 1_200
    assert project.verify("mended") == 0
