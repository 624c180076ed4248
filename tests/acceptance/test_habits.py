"""Whole runs at a service with habits: the right statuses, the right number of calls, and nothing retried in vain."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

from tests.acceptance.project import QUESTIONS, Project
from tests.doubles.endpoint import FakeEndpoint, Habits, Say, fake_endpoint

_PEOPLE, _QUESTIONS = 60, len(QUESTIONS)
_STUDY = {"kind": "survey", "asking": "questionnaire", "questions": QUESTIONS}


def said(message: str, **more: Any) -> dict[str, Any]:
    return {"error": {"message": message, **more}}


def settings(server: FakeEndpoint) -> dict[str, str]:
    # The probe has tests of its own, and these count calls.
    return {"TROUPE_OPENAI_BASE_URL": server.url, "TROUPE_OPENAI_PROBE": "no"}


def statuses(project: Project, run_id: str) -> Counter[str]:
    return Counter(project.table(run_id, "answers")["status"])


def test_each_habit_ends_in_its_own_status_and_wastes_no_call(project: Project) -> None:
    refusing = {
        2: Say(403, said("flagged", metadata={"reasons": ["violence"], "flagged_input": "…"})),
        5: Say(400, said("no", innererror={"code": "ResponsibleAIPolicyViolation"})),
        8: Say(body={"id": "x", "choices": None}),
        11: Say(message={"content": "I'm sorry, but I can't help with that."}),
    }
    failing = {
        14: Say(500, said("Failed to compile the grammar of this schema")),
        17: Say(400, said("too long", code="context_length_exceeded")),
    }
    readable = {
        20: Say(message=lambda text: {"content": None, "reasoning_content": f"I think so. {text}"}),
        23: Say(message=lambda text: {"content": f"<think>Hm.</think>\n{text}"}),
        26: Say(message=lambda text: {"content": f"Here:\n```json\n{text}\n```"}),
        29: Say(message=lambda text: {"content": [{"type": "text", "text": text}]}),
    }
    asked_again = {
        41: Say(429, said("slow down"), {"retry-after-ms": "1"}),
        42: Say(402, said("in-flight budget"), {"retry-after-ms": "1"}),
        43: Say(body=said("upstream failed", code=502)),
        44: Say(message=lambda text: {"content": f"{text} or {text.replace('price', 'taste')}"}),
    }
    job = project.write_job("habits", study=_STUDY)
    with fake_endpoint(Habits(script=refusing | failing | readable | asked_again)) as server:
        done = project.troupe("run", job, "--inline", **settings(server))

    assert done.code == 4, done.err  # complete, but for what failed
    expected = {"refused": len(refusing), "failed": len(failing), "answered": _PEOPLE - len(refusing) - len(failing)}
    assert statuses(project, "habits") == {status: people * _QUESTIONS for status, people in expected.items()}
    assert len(server.chats) == _PEOPLE + len(asked_again)
    assert project.verify("habits") == 0


def test_an_account_without_credit_stops_the_run_and_a_resume_pays_for_nothing_twice(project: Project) -> None:
    empty = Say(429, said("no", type="insufficient_quota", code="credit_balance_exhausted"))
    job = project.write_job("poor", study=_STUDY)
    with fake_endpoint(Habits(script=dict.fromkeys(range(31, 1_000), empty))) as server:
        stopped = project.troupe("run", job, "--inline", **settings(server))
        so_far, asked = statuses(project, "poor"), len(server.chats)
        server.habits = replace(server.habits, script={})
        done = project.troupe("run", job, "--inline", **settings(server))

    assert (stopped.code, done.code) == (1, 0), stopped.err + done.err
    assert "credit_balance_exhausted" in stopped.err
    assert "add credit to the account" in stopped.err
    assert set(so_far) <= {"answered", "not_run"}
    assert asked <= _PEOPLE
    assert len(server.books.calls) == _PEOPLE
    assert statuses(project, "poor") == {"answered": _PEOPLE * _QUESTIONS}


def test_real_workers_read_what_a_reasoning_model_says(project: Project) -> None:
    thinking = Habits(form=lambda text: {"content": f"<think>Perhaps {text.upper()}?</think>\n\n{text}"})
    with fake_endpoint(thinking) as server:
        done = project.troupe("run", project.write_job("thinking", study=_STUDY), **settings(server))

    assert done.code == 0, done.err
    assert statuses(project, "thinking") == {"answered": _PEOPLE * _QUESTIONS}
    assert len(server.chats) == _PEOPLE
