from __future__ import annotations

import asyncio
import os
import select
from dataclasses import replace

from troupe_batch.dispatch.worker_runtime import ShardProgress
from troupe_batch.execution.progress import Progress
from troupe_batch.studies.study import Answer, AnswerStatus
from troupe_batch.worker.beat import Watchdog
from troupe_batch.worker.child import ChildLoop
from troupe_batch.worker.ending import Lifeline
from troupe_batch.worker.tasks import _progress_text


def test_a_worker_that_takes_no_hint_for_two_minutes_is_deaf() -> None:
    watchdog = Watchdog(120, now_s=0)

    verdicts = [watchdog.is_deaf(3, running=0, taken=0, now_s=t) for t in (5, 119, 121)]

    assert verdicts == [False, False, True]


def test_a_busy_an_idle_and_a_cut_off_worker_are_not_deaf() -> None:
    watchdog = Watchdog(120, now_s=0)

    assert not watchdog.is_deaf(3, running=2, taken=0, now_s=1_000)
    assert not watchdog.is_deaf(0, running=0, taken=0, now_s=2_000)
    assert not watchdog.is_deaf(None, running=0, taken=0, now_s=3_000)
    assert not watchdog.is_deaf(3, running=0, taken=7, now_s=4_000)
    assert not watchdog.is_deaf(3, running=0, taken=7, now_s=4_119)


def test_a_cut_lifeline_is_felt_at_the_other_end() -> None:
    lifeline = Lifeline()

    before = select.select([lifeline.reading_end], [], [], 0)[0]
    lifeline.cut()
    after = select.select([lifeline.reading_end], [], [], 0)[0]

    assert not before
    assert after == [lifeline.reading_end]
    assert os.read(lifeline.reading_end, 1) == b""
    os.close(lifeline.reading_end)


def test_the_loop_of_a_process_outlives_its_tasks() -> None:
    child = ChildLoop()

    async def loop() -> asyncio.AbstractEventLoop:
        return asyncio.get_running_loop()

    first, second = child.submit(loop()).result(5), child.submit(loop()).result(5)

    assert first is second
    assert first is not None
    child.loop.call_soon_threadsafe(child.loop.stop)


def test_flower_is_told_what_has_no_value_and_what_it_cost() -> None:
    quiet = ShardProgress(units=25, answers=700, calls=700, cache_hits=12)

    assert _progress_text(quiet) == "25 units, 700 answers, 700 calls (12 cached)"
    assert _progress_text(replace(quiet, unanswered=14, cost_usd=0.0213)) == (
        "25 units, 700 answers (14 without a value), 700 calls (12 cached), US$ 0.0213 at list price"
    )


def test_answers_that_the_questionnaire_left_out_are_no_failures() -> None:
    progress = Progress(shard=0, planned_units=1)

    progress.count_unit([Answer(status, "open", status) for status in AnswerStatus], has_failed=False)

    assert (progress.answers, progress.unanswered) == (7, 4)
