from __future__ import annotations

import asyncio
import os
import select

from troupe_batch.worker.beat import Watchdog
from troupe_batch.worker.child_loop import ChildLoop
from troupe_batch.worker.lifeline import Lifeline


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
