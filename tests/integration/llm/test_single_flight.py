"""Single flight across real processes that share a real Redis and talk to a real server."""

from __future__ import annotations

import asyncio
import os
import sys
from collections import Counter
from itertools import count
from pathlib import Path

import orjson
import pytest
from aiohttp import web

from tests.integration.llm.fault_server import Answer, FaultServer, completion, embedding
from tests.patience import HANG_S

PROJECT = Path(__file__).resolve().parents[3]
WORKER = Path(__file__).with_name("single_flight_worker.py")


def numbered() -> Answer:
    """Answers with a new number each time, so that two paid replies never look alike."""
    numbers = count()

    def answer(request: web.Request) -> web.StreamResponse:
        return completion(f"reply {next(numbers)}", raw=True)(request)

    return answer


async def worker(
    redis_url: str, server: FaultServer, *, keys: int, askers: int = 1, lease_s: float = 20.0, kind: str = "chat"
) -> asyncio.subprocess.Process:
    arguments = [str(WORKER), redis_url, server.url, kind, str(keys), str(askers), str(lease_s)]
    environment = {**os.environ, "PYTHONPATH": str(PROJECT)}
    pipe = asyncio.subprocess.PIPE
    return await asyncio.create_subprocess_exec(sys.executable, *arguments, env=environment, stdout=pipe)


async def replies_of(process: asyncio.subprocess.Process) -> list[tuple[str, str, int]]:
    out, _ = await process.communicate()
    assert process.returncode == 0
    return [tuple(reply) for reply in orjson.loads(out)]


async def test_three_processes_pay_for_each_request_once_and_agree_on_the_replies(
    redis_url: str, server: FaultServer
) -> None:
    server.answers = [numbered()]
    server.delay_s = 0.3
    keys, askers = 40, 3

    processes = [await worker(redis_url, server, keys=keys, askers=askers) for _ in range(3)]
    results = await asyncio.gather(*(replies_of(process) for process in processes))

    asked = Counter(seen.body["messages"][0]["content"] for seen in server.seen)
    assert asked == Counter({f"key {n}": 1 for n in range(keys)})
    texts = [[text for text, _, _ in result] for result in results]
    assert texts[0] == texts[1] == texts[2]
    assert texts[0] == texts[0][:keys] * askers
    assert sum(attempts for result in results for _, _, attempts in result) == keys


async def test_three_processes_pay_for_each_embedding_once_and_agree_on_the_vectors(
    redis_url: str, server: FaultServer
) -> None:
    numbers = count(1)

    def another_vector(request: web.Request) -> web.StreamResponse:
        return embedding([1.0, float(next(numbers))])(request)

    server.answers = [another_vector]
    server.delay_s = 0.3
    keys = 20

    processes = [await worker(redis_url, server, keys=keys, askers=2, kind="embedding") for _ in range(3)]
    results = await asyncio.gather(*(replies_of(process) for process in processes))

    asked = Counter((seen.path, seen.body["input"]) for seen in server.seen)
    assert asked == Counter({("/v1/embeddings", f"key {n}"): 1 for n in range(keys)})
    texts = [[text for text, _, _ in result] for result in results]
    assert texts[0] == texts[1] == texts[2] == texts[0][:keys] * 2
    assert len(set(texts[0])) == keys


@pytest.mark.chaos
async def test_a_leader_that_is_killed_blocks_the_others_only_until_its_lease_ends(
    redis_url: str, server: FaultServer
) -> None:
    asked = asyncio.Event()

    class Noticing(list[object]):
        def append(self, item: object) -> None:
            super().append(item)
            asked.set()

    server.answers = [numbered()]
    server.seen = Noticing()  # type: ignore[assignment]  # a list that tells when it grows
    server.hold_until = 2  # the leader's call never comes back
    leader = await worker(redis_url, server, keys=1, lease_s=1.0)
    await asked.wait()

    leader.kill()
    await leader.wait()
    follower = await worker(redis_url, server, keys=1, lease_s=1.0)
    async with asyncio.timeout(HANG_S):
        while len(server.seen) < 2:
            await asyncio.wait((asyncio.create_task(follower.wait()),), timeout=0.05)
        server.crowded.set()
        (reply,) = await replies_of(follower)

    assert reply[1:] == ("miss", 1)
    assert len(server.seen) == 2
