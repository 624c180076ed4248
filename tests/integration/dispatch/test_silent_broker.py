"""A broker that is silent: frozen or cut off, so that nothing is refused and nothing is answered."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import redis

from tests.integration.dispatch.fleet import Fleet, until

SILENCE_S = 1.0  # how long a worker of these tests waits for an answer of its broker


@contextmanager
def silent(url: str) -> Iterator[None]:
    """Freezes the test's own Redis."""
    with redis.Redis.from_url(url) as client:
        pid = int(client.info("server")["process_id"])
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def log_of(fleet: Fleet) -> str:
    return "".join(path.read_text() for path in (fleet.folder / "logs").iterdir())


async def test_a_shard_outlives_the_silence_of_its_broker(fleet: Fleet, redis_url: str) -> None:
    _, reconciler = await fleet.planned("r", shards=1, units_per_shard=10)
    marks = fleet.folder / "runs" / "r" / "marks"

    async with fleet.workers(concurrency=1, unit_s=1.0, queue={"silence_s": SILENCE_S}):
        await reconciler.step()
        await until(lambda: fleet.runs.begun("r"))
        with silent(redis_url):
            # Only its own ledger, and no word of the broker, can have told the shard that it is done.
            await until(lambda: list(marks.iterdir()) and "Progress could not be shown" in log_of(fleet))
        status = await fleet.finished(reconciler)

    assert status.is_complete
    assert len(fleet.runs.begun("r")) == 1
    assert not re.findall("Traceback|raised unexpected", log_of(fleet))


async def test_a_worker_ends_when_asked_though_its_broker_is_silent(fleet: Fleet, redis_url: str) -> None:
    _, reconciler = await fleet.planned("r", shards=2, units_per_shard=1000)

    async with fleet.workers(unit_s=0.3, leave_s=2.0) as workers:
        await reconciler.step()
        await until(lambda: len(fleet.runs.begun("r")) == 2)
        [pid] = workers.pids
        with silent(redis_url):
            os.kill(pid, signal.SIGTERM)
            await until(lambda: workers.pids != [pid])

    assert "could not take its leave" in log_of(fleet)
