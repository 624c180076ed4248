"""Systematic faults of an endpoint, met by real workers: the run stops after a handful of calls and can go on."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from tests.acceptance.project import PROJECT, QUESTIONS, Done, Project
from tests.doubles.endpoint import FakeEndpoint, Habits, Say, fake_endpoint

PROCESSES = 2
REJECTED, UNREADABLE, CUT_OFF, ALIKE_PROMPTS = 10, 20, 5, 8
# Beyond its limit a process may have sent what was in flight when the other one stopped the run.
HANDFUL = 5
PEOPLE = 200
WORDS = "Failed to compile the grammar"
REFUSAL = Say(400, {"error": {"message": f"{WORDS}: unsupported keyword", "type": "invalid_request_error"}})
# Of clearly different lengths, and both of them longer than what a server with a small context keeps.
ARMS = [{"id": "short", "material": "A soup. " * 300}, {"id": "long", "material": "A soup. " * 500}]


def run(project: Project, server: FakeEndpoint, job: str, *more: str) -> Done:
    """Without a probe, which finds what is wrong from the start before any worker asks."""
    settings = {
        "TROUPE_OPENAI_BASE_URL": server.url,
        "TROUPE_OPENAI_PROBE": "no",
        "TROUPE_CELERY_PROCESSES": str(PROCESSES),
    }
    return project.troupe("run", job, "--json", *more, **settings)


def a_survey(project: Project, name: str, **model: Any) -> str:
    study = {"kind": "survey", "asking": "question", "memory": "none", "questions": QUESTIONS, "arms": ARMS}
    return project.write_job(name, people=PEOPLE, units_per_shard=25, study=study, model={"name": "a-model", **model})


@pytest.mark.parametrize(
    ("habits", "limit", "said"),
    [
        (Habits(schema="refused"), REJECTED, WORDS),
        (Habits(schema="ignored"), UNREADABLE, "replies in a row"),
        (Habits(reasoning_tokens=2_000), CUT_OFF, "the 5,120 tokens were hidden reasoning"),
        (Habits(context_tokens=512), ALIKE_PROMPTS, "does not read prompts to their end"),
    ],
    ids=["rejected", "unreadable", "cut off", "prompts cut"],
)
def test_a_fault_that_every_call_meets_costs_a_handful_of_calls_a_process(
    project: Project, habits: Habits, limit: int, said: str
) -> None:
    job = a_survey(project, "faulty")
    with fake_endpoint(habits) as server:
        done = run(project, server, job)
        asked = len(server.chats)

    assert done.code == 1, done.err
    assert (done.json["state"], done.json["error"]) == ("stopped", "EndpointUnsuitable")
    assert said in done.json["reason"]
    # Questions are forms of their own, and each of them may take its limit before the model as a whole does.
    assert asked <= PROCESSES * (limit + HANDFUL)
    answers = project.table("faulty", "answers")
    assert set(answers["status"]) <= {"not_run", "answered"}
    assert (answers["status"] == "not_run").sum() >= 2 * PEOPLE - asked
    assert project.verify("faulty") == 4


def test_one_question_that_is_refused_is_named_and_all_that_it_hit_is_asked_again(project: Project) -> None:
    job = a_survey(project, "mended")
    with fake_endpoint(Habits(on={"Why?": REFUSAL})) as server:
        stopped = run(project, server, job)
        refused = server.status_codes.count(400)
        shown = project.troupe("failed", "mended", "--json")
        server.habits = Habits()
        done = run(project, server, job)
        served = server.status_codes.count(200)

    assert stopped.code == 1, stopped.err
    assert "requests for reason (schema 'answers') failed alike" in stopped.json["reason"]
    assert refused <= PROCESSES * (REJECTED + HANDFUL)
    [group] = shown.json["groups"]
    assert (group["of"], group["status"], group["about"]) == ("calls", "failed", {"reason": group["count"]})
    assert WORDS in group["reason"]
    assert done.code == 0, done.err
    assert done.json["answered"] == done.json["answers"] == served == 2 * PEOPLE
    assert project.verify("mended") == 0


def test_an_extraction_that_is_refused_opens_the_worlds_that_were_committed_before(project: Project) -> None:
    spec = yaml.safe_load((PROJECT / "jobs" / "product_brainstorming.yaml").read_text(encoding="utf-8"))
    spec |= {"id": "worlds", "units_per_shard": 1, "model": {"name": "a-model", "max_completion_tokens": 4_000}}
    spec.pop("rehearsal")
    (project.folder / "jobs" / "worlds.yaml").write_text(yaml.safe_dump(spec), encoding="utf-8")
    with fake_endpoint(Habits(on={"# What to look for": REFUSAL})) as server:
        stopped = run(project, server, "jobs/worlds.yaml")
        refused = server.status_codes.count(400)
        left = project.committed("worlds")
        server.habits = Habits()
        done = run(project, server, "jobs/worlds.yaml")
        acts = sum("# What to look for" not in one.prompt for one in server.chats)

    assert stopped.code == 1, stopped.err
    assert "(schema 'extraction')" in stopped.json["reason"]
    assert (left, refused <= PROCESSES * (REJECTED + HANDFUL)) == (0, True)
    assert done.code == 0, done.err
    found = project.table("worlds", "extractions")
    assert not set(found["status"]) & {"failed", "not_run"}
    # Their acts come from the cache: nobody pays for them again.
    calls = project.table("worlds", "llm_calls")
    assert acts == (calls["purpose"] != "extract").sum()
    assert project.verify("worlds") == 0


def test_replies_that_find_no_room_get_a_larger_try_where_the_job_asks_for_it(project: Project) -> None:
    job = a_survey(project, "larger", max_completion_tokens=100, on_length="retry_larger")
    with fake_endpoint(Habits(reasoning_tokens=200)) as server:
        done = run(project, server, job)
        limits = [one.body["max_tokens"] for one in server.chats]

    assert done.code == 0, done.err
    assert done.json["answered"] == 2 * PEOPLE
    assert (limits.count(100), limits.count(400)) == (2 * PEOPLE, 2 * PEOPLE)
    calls = project.table("larger", "llm_calls")
    assert set(calls["attempts"]) == {2}
    assert done.json["paid_calls"] == 4 * PEOPLE


def test_replies_can_be_looked_at_where_nothing_stops(project: Project) -> None:
    job = project.write_job("some", people=10, model={"name": "a-model"})
    with fake_endpoint(Habits(always=Say(message={"content": "Well, \x1b[31mit depends."}))) as server:
        done = run(project, server, job, "--inline", "--set", "OpenAI.STOP_EARLY=no")

    assert done.json["state"] == "complete", done.err
    shown = project.troupe("failed", "some")
    assert shown.code == 0, shown.err
    assert "unreadable" in shown.out
    assert r"Well, \x1b[31mit depends." in shown.out
    assert "\x1b[31m" not in shown.out
