"""Whoever can write to Redis can write anything: what cannot be read is dropped, and harms its own run at most."""

from __future__ import annotations

import json
import zlib
from base64 import b64encode
from typing import Any

import pytest
import redis.asyncio
from kombu.exceptions import OperationalError

from tests.patience import HANG_S
from troupe_batch.dispatch.celery_queue import HintQueue, make_app
from troupe_batch.dispatch.coordination import Coordination
from troupe_batch.dispatch.fleet import QueueSettings
from troupe_batch.dispatch.redis_client import connect
from troupe_batch.dispatch.run_board import RunBoard
from troupe_batch.dispatch.worker_runtime import RunFacts

FACTS = RunFacts(shards=4, units=40, units_per_shard=10)
JUNK = [b"\xff\xfe", b"", b"-1", b"99", b"nan", b"1e400", b"9" * 5000, b"no number"]


@pytest.fixture
async def coordination(redis_url: str) -> Any:
    here = Coordination(connect(redis_url))
    yield here
    await here.aclose()


async def fill_with_junk(client: redis.asyncio.Redis, coordination: Coordination, run_id: str) -> None:
    keys = coordination.keys(run_id)
    for name in ("owners", "quarantine", "failures", "live", "totals"):
        await client.hset(keys[name], mapping={junk: junk for junk in JUNK})
        await client.hset(keys[name], "2", b"\xff junk")
    for name in (keys["leases"], keys["resting"], keys.hints):
        await client.zadd(name, dict.fromkeys(JUNK, 9e15))
    await client.hset(keys["meta"], mapping={b"extracted": b"x", b"opened_at": b"\xff", b"claimed_at": b"-"})
    await client.set(keys["done"], b"\x00" * 3)
    await client.set(keys.delivered, b"junk")
    await client.zadd(coordination.fleet.workers, dict.fromkeys([*JUNK, b"w@h 3 p"], 9e15))


async def test_a_run_full_of_junk_can_be_read(coordination: Coordination) -> None:
    board = RunBoard(coordination)
    await board.open("run", FACTS, [1], forget=True)
    await fill_with_junk(coordination.redis, coordination, "run")

    seen = await board.snapshot("run", FACTS)

    assert seen.status.slots == 3
    assert list(seen.status.quarantined) == [2]
    assert list(seen.open_shards) == [0, 1, 3]
    reasons, stop = await coordination.absences("run")
    assert (reasons[2], stop) == ("\ufffd junk", None)


async def test_junk_in_one_run_keeps_no_worker_from_the_others(coordination: Coordination) -> None:
    board = RunBoard(coordination)
    for run_id in ("junk", "wrong", "good"):
        await board.open(run_id, FACTS, [], forget=True)
    await fill_with_junk(coordination.redis, coordination, "junk")
    await coordination.redis.set(coordination.keys("wrong")["owners"], "no hash")
    await coordination.redis.zadd(coordination.fleet.runs, {b"\xff": 1, b"../../etc": 2, b"": 3})
    await coordination.claim("good", 0, worker="w@h", process="dead")

    released = await coordination.release_dead(lambda holder: holder.process == "dead")

    assert released == 1
    assert await coordination.open_runs() == ["junk", "wrong", "good"]


def hint(**changed: Any) -> bytes:
    body = b64encode(json.dumps([[], {"run_id": "r"}, {}]).encode()).decode()
    properties = {"body_encoding": "base64", "delivery_tag": "t", "delivery_info": {"exchange": "", "routing_key": "q"}}
    headers = {"task": "troupe.tend", "id": "1"}
    whole = {"body": body, "headers": headers, "properties": properties, "content-type": "application/json"}
    return json.dumps({**whole, "content-encoding": "utf-8", **changed}).encode()


BOMB = b64encode(zlib.compress(b" " * 30_000_000)).decode()
NO_HINTS = [
    b"no json",
    b"\xff\xfe",
    b"[]",
    b"7",
    b"null",
    b"{}",
    b'{"body": 3, "headers": 4, "properties": 5}',
    hint(body=BOMB, headers={"compression": "application/x-gzip"}),
    hint(body="A" * 100_000),
    hint(properties={}),
]


def test_what_is_no_hint_is_dropped_and_the_next_one_is_delivered(
    redis_socket: Any, redis_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    app = make_app(QueueSettings(redis_url, queue_prefix="junk"))
    key = QueueSettings(redis_url, queue_prefix="junk").fleet
    with redis.Redis(unix_socket_path=str(redis_socket)) as client:
        for junk in NO_HINTS:
            client.lpush(f"{key.root}{key.extract_queue}", junk)
    HintQueue(app).send_tend()
    taken: list[Any] = []

    with app.connection_for_read() as connection:
        queue = next(one for one in app.conf.task_queues if one.name == key.extract_queue)
        with connection.Consumer([queue], callbacks=[lambda _, message: taken.append(message)], accept=["json"]):
            while not taken:
                try:
                    connection.drain_events(timeout=HANG_S)
                except OperationalError as error:
                    pytest.fail(f"the consumer ended: {error}")
    app.close()

    assert [message.headers["task"] for message in taken] == ["troupe.tend"]
    assert len([one for one in caplog.records if one.__dict__.get("action") == "message_dropped"]) == len(NO_HINTS)
