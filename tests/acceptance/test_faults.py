"""What an endpoint does wrong, through the whole pipeline: absences with a reason, and never an invented value."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from tests.acceptance.conftest import StartRehearsal
from tests.acceptance.project import QUESTIONS, Project

RUN = "faulty-rehearsal"
VALUES = ["code", "label", "number", "text"]
FAULTS = [
    "429=0.05 first 1",
    "500=0.05 first 1",
    "503=0.03 first 1",
    "drop=0.05 first 1",
    "drop_midway=0.03 first 1",
    "empty_body=0.03 first 1",
    "error_in_200=0.03 first 1",
    "moderation=0.04",
    "plain_refusal=0.04",
    "thinking=0.06",
    "truncated=0.06",
    "invalid_json=0.06",
    "refusal=0.06",
    "content_filter=0.06",
    "missing_usage=0.06",
]
ABSENCES = {"refused", "unreadable"}


def test_faults_of_the_endpoint_become_absences_with_a_reason_and_nothing_is_invented(
    project: Project, rehearsal: StartRehearsal
) -> None:
    # Without memory an absence changes nothing in the questions that follow.
    study = {"kind": "survey", "asking": "question", "memory": "none", "questions": QUESTIONS}
    job = project.write_job("faulty", people=80, study=study)
    assert project.here("run", job, "--rehearse", "--inline", "--run-id", "faultless") == 0
    truth = project.answers("faultless").set_index(["unit_id", "question_id"])
    server = rehearsal(*FAULTS)

    done = project.troupe("run", job, "--rehearse", "--json", TROUPE_REHEARSAL_URL=server.url)

    assert done.code == 0, done.err
    assert set(server.stats()["faults"]) == {fault.partition("=")[0] for fault in FAULTS}
    assert project.verify(RUN) == 0
    answers = project.table(RUN, "answers").set_index(["unit_id", "question_id"])
    absent = answers[answers["status"] != "answered"]
    assert set(absent["status"]) == ABSENCES
    assert absent["reason"].str.len().min() > 5
    assert absent[VALUES].isna().all().all()
    assert_as_without_faults(project, answers, truth)
    assert_said(done.err, absent)
    assert_asked_again(project, job, rehearsal, absent)


def assert_as_without_faults(project: Project, answers: pd.DataFrame, truth: pd.DataFrame) -> None:
    """The same request has the same answer, unless its first reply had to be repaired."""
    calls = project.table(RUN, "llm_calls").set_index("key")
    is_repaired = answers["call_key"].map(calls["is_repaired"]).astype(bool)
    comparable = answers[(answers["status"] == "answered") & ~is_repaired]
    assert (answers["call_key"] == truth["call_key"]).all()
    assert len(comparable) > 80
    pd.testing.assert_frame_equal(comparable[VALUES], truth.loc[comparable.index, VALUES], check_dtype=False)


def assert_said(said: str, absent: pd.DataFrame) -> None:
    """Every kind of absence with its number and its most frequent reason, and how to ask anew."""
    for status, rows in absent.groupby("status", observed=True):
        [line] = [line for line in said.splitlines() if f"answers {status}:" in line]
        assert line.startswith(f"{len(rows)} answers")
        assert any(reason in line for reason in rows["reason"].mode())
    assert "--retry" in said


def assert_asked_again(project: Project, job: str, rehearsal: StartRehearsal, absent: pd.DataFrame) -> None:
    """`--retry` asks for what is absent and for nothing else."""
    healthy = rehearsal()

    again = project.troupe("run", job, "--rehearse", "--retry", "--json", TROUPE_REHEARSAL_URL=healthy.url)

    assert again.code == 0, again.err
    assert again.json["answered"] == again.json["answers"]
    assert healthy.stats()["requests"] == again.json["calls"]["sent"] == len(absent)


def test_of_a_reply_that_is_good_in_part_only_the_rest_is_asked_again_then_and_later(
    project: Project, rehearsal: StartRehearsal
) -> None:
    study = {"kind": "survey", "asking": "questionnaire", "questions": QUESTIONS}
    job = project.write_job("faulty", people=80, study=study)
    # These faults spoil the answer to the first question, and so do those of the call that asks for it alone.
    server = rehearsal("schema_violation=0.5")

    done = project.troupe("run", job, "--rehearse", "--inline", "--json", TROUPE_REHEARSAL_URL=server.url)

    assert done.code == 0, done.err
    assert project.verify(RUN) == 0
    before = project.table(RUN, "answers").set_index(["unit_id", "question_id"])
    calls = project.table(RUN, "llm_calls")
    assert server.stats()["requests"] == calls["attempts"].sum()
    in_part = calls[(calls["status"] == "unreadable") & calls["question_ids"].map(len).between(1, len(QUESTIONS) - 1)]
    assert len(in_part) > 5
    assert len(calls) == 80 + in_part["unit_id"].nunique()
    absent = before[before["status"] != "answered"]
    partly = absent.groupby("unit_id").size() < len(QUESTIONS)
    assert partly.any()
    healthy = rehearsal()

    again = project.troupe("run", job, "--rehearse", "--inline", "--retry", "--json", TROUPE_REHEARSAL_URL=healthy.url)

    assert again.code == 0, again.err
    assert again.json["answered"] == again.json["answers"]
    assert healthy.stats()["requests"] == again.json["calls"]["sent"] == absent["call_key"].nunique()
    run_id = again.json["run_id"]
    after = project.table(run_id, "answers").set_index(["unit_id", "question_id"])
    kept = before[before["status"] == "answered"]
    same = [*VALUES, "call_key", "sample"]
    pd.testing.assert_frame_equal(after.loc[kept.index, same], kept[same], check_dtype=False)
    assert project.verify(run_id) == 0


@pytest.mark.parametrize(
    ("fault", "where", "error", "cure"),
    [
        ("insufficient_quota=0.05", [], "QuotaExhausted", "add credit to the account"),
        ("401=0.05", ["--inline"], "CredentialsRejected", "check the key"),
        ("daily_limit=0.05", ["--inline"], "QuotaExhausted", "the limit ends in about 60 minutes"),
    ],
)
def test_an_endpoint_that_will_not_serve_us_stops_the_job_which_can_be_resumed(
    project: Project, rehearsal: StartRehearsal, fault: str, where: list[str], error: str, cure: str
) -> None:
    job = project.write_job("faulty")

    stopped = project.troupe("run", job, "--rehearse", "--json", *where, TROUPE_REHEARSAL_URL=rehearsal(fault).url)

    assert stopped.code == 1, stopped.err
    assert stopped.json["error"] == error
    assert cure in stopped.json["reason"]
    answers = project.table(RUN, "answers")
    assert len(answers) == 120
    assert set(answers["status"]) <= {"answered", "not_run"}
    assert answers.loc[answers["status"] == "not_run", VALUES].isna().all().all()
    assert project.here("run", job, "--rehearse", "--inline") == 0
    assert set(project.table(RUN, "answers")["status"]) == {"answered"}
    assert project.verify(RUN) == 0


def test_a_run_without_a_single_answer_fails_and_says_why(project: Project, rehearsal: StartRehearsal) -> None:
    settings: dict[str, Any] = {
        "TROUPE_OPENAI_MAX_ATTEMPTS": "1",
        "TROUPE_REHEARSAL_URL": rehearsal("500 on <persona>").url,
        "TROUPE_OPENAI_STOP_EARLY": "no",
    }

    done = project.troupe("run", project.write_job("faulty"), "--rehearse", "--inline", **settings)

    assert done.code == 1
    assert "120 answers failed: gave up after 1 attempts: the endpoint answered 500" in done.err
    assert "not one question was answered" in done.err
    assert "--retry" in done.err
    assert project.verify(RUN) == 0


def test_an_outage_of_the_endpoint_is_waited_out_and_leaves_no_failed_answer(
    project: Project, rehearsal: StartRehearsal
) -> None:
    # Everything fails the first time, so the first shards find an endpoint that answers nothing at all.
    settings: dict[str, Any] = {"TROUPE_OPENAI_MAX_ATTEMPTS": "1", "TROUPE_REHEARSAL_URL": rehearsal("500 first 1").url}

    done = project.troupe("run", project.write_job("faulty"), "--rehearse", **settings)

    assert done.code == 0, done.err
    assert "waiting: the endpoint answers nothing for now (the endpoint answered 500" in done.err
    assert set(project.table(RUN, "answers")["status"]) == {"answered"}
    assert project.verify(RUN) == 0
