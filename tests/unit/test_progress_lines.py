"""Progress of runs that are started from Python."""

from __future__ import annotations

import pytest

from troupe_batch.dispatch.run_status import RunStatus
from troupe_batch.dispatch.worker_runtime import ShardProgress
from troupe_batch.use_cases.progress_lines import ProgressLines


def status(units: int, *, committed: int = 0, trouble: str | None = None) -> RunStatus:
    progress = ShardProgress(units=units, answers=5 * units, calls=units, cost_usd=0.001 * units)
    waits = {} if trouble is None else {0: trouble}
    return RunStatus("soup", 2, committed, progress=progress, trouble=waits)


def test_the_first_and_the_last_status_are_told_and_those_at_once_after_it_are_not() -> None:
    said: list[str] = []
    lines = ProgressLines(said.append)

    for one in (status(1), status(2), status(20, committed=2), status(20, committed=2)):
        lines.show(one)

    assert said == [
        "1 of 0 units, 5 answers, 1 calls, $0.0010",
        "20 of 0 units, 100 answers, 20 calls, $0.0200",
    ]


def test_why_a_run_waits_is_told_at_once_and_once() -> None:
    said: list[str] = []
    lines = ProgressLines(said.append)

    for _ in range(3):
        lines.show(status(1, trouble="the endpoint is down"))

    assert said.count("note: the endpoint is down") == 1


def test_what_an_endpoint_says_does_not_act_on_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    ProgressLines().show(status(1, trouble="503: \x1b]0;owned\x07\x9b5m"))

    assert r"note: 503: \x1b]0;owned\x07\x9b5m" in capsys.readouterr().err
