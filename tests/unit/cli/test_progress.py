from __future__ import annotations

from dataclasses import replace

import pytest

from troupe_batch.cli.progress import RunProgress
from troupe_batch.dispatch.run_status import RunStatus
from troupe_batch.dispatch.worker_runtime import ShardProgress
from troupe_batch.llm.spending import Spending

DOWN = "the endpoint answers nothing for now (no answer: [Errno 111] refused)"


def status(*trouble: str) -> RunStatus:
    return RunStatus("soup", total_shards=9, committed_shards=0, trouble=dict(enumerate(trouble)))


def test_why_shards_wait_is_said_once_for_each_reason(capsys: pytest.CaptureFixture[str]) -> None:
    with RunProgress(units=9, is_rehearsal=False) as progress:
        for _ in range(3):
            progress.show(status(DOWN, DOWN, "Redis did not answer"))

    said = capsys.readouterr().err
    assert said.count(f"waiting: {DOWN}") == 1
    assert said.count("waiting: Redis did not answer") == 1


def test_calls_and_their_cost_move_before_the_first_unit_is_done(capsys: pytest.CaptureFixture[str]) -> None:
    asked = ShardProgress(calls=40, cache_hits=10, prompt_tokens=3000, completion_tokens=1000, cost_usd=0.0213)

    with RunProgress(units=9, is_rehearsal=False) as progress:
        progress.show(replace(status(), progress=asked))

    assert capsys.readouterr().err.startswith("0/9 units, shards 0/9, 40 calls  0.0 calls/s  25% cached  4k tokens")


def test_a_quiet_progress_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with RunProgress(units=9, is_rehearsal=False, is_quiet=True) as progress:
        progress.show(status(DOWN))

    assert capsys.readouterr().err == ""


def test_money_is_that_of_the_whole_run_with_its_cap_and_what_is_held(capsys: pytest.CaptureFixture[str]) -> None:
    spending = Spending(calls=20, silent_calls=2, uncertain_calls=2, cost_usd=0.5, expected_usd=0.25, uncertain_usd=0.5)

    with RunProgress(units=9, is_rehearsal=False) as progress:
        progress.show(replace(status(), spending=replace(spending, held_usd=0.25), cap_usd=2.0))

    said = capsys.readouterr().err
    assert "$0.75 of at most $2.00, $0.25 held for calls in flight, 2 calls without usage: about $0.25, at most" in said
