"""Limits of a run that are changed while it is under way: real Redis, real HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.doubles.endpoint import FakeEndpoint, Habits, fake_endpoint
from tests.doubles.models import request
from tests.patience import HANG_S
from troupe_batch.dispatch.coordination import Coordination
from troupe_batch.dispatch.redis_client import connect
from troupe_batch.dispatch.run_board import RunBoard
from troupe_batch.llm.tuning import HeldBack, Tuned
from troupe_batch.settings import Settings, load_settings
from troupe_batch.wiring.endpoints import choose_endpoint
from troupe_batch.wiring.model_stack import ModelStack, open_model

RUN = "tuned-run"


@pytest.fixture
def settings(redis_url: str, tmp_path: Path) -> Settings:
    environment = {
        "TROUPE_REDIS_BROKER_URL": redis_url,
        "TROUPE_STORAGE_STATE_FOLDER": str(tmp_path / "state"),
        "TROUPE_OPENAI_CACHE_API_CALLS": "no",
    }
    return load_settings(environment=environment)


@pytest.fixture
async def board(redis_url: str) -> AsyncIterator[RunBoard]:
    coordination = Coordination(connect(redis_url))
    try:
        yield RunBoard(coordination)
    finally:
        await coordination.aclose()


async def ask(stack: ModelStack, server: FakeEndpoint, model: str, times: int) -> None:
    endpoint = choose_endpoint(load_settings(environment={"TROUPE_OPENAI_BASE_URL": server.url}), model=model)
    asked = [replace(request(sample=str(n), schema=None), endpoint=endpoint) for n in range(times)]
    await asyncio.gather(*(stack.model.complete(one) for one in asked))


async def test_limits_of_a_run_hold_within_moments_and_are_put_back(settings: Settings, board: RunBoard) -> None:
    with fake_endpoint(Habits(latency_s=0.02)) as server:
        here = settings.with_values("here", openai__base_url=server.url)
        endpoint = choose_endpoint(here, model="some-model")
        async with await open_model(here, endpoint, run_id=RUN) as stack:
            await ask(stack, server, "some-model", 4)

            await board.tune(RUN, {"concurrency": 1, "requests_per_minute": 500})
            await until(stack, server, Tuned(500, None, 1))
            await board.tune(RUN, {"concurrency": None})
            await until(stack, server, Tuned(500))

        assert await board.tuned(RUN) == Tuned(requests_per_minute=500)


async def until(stack: ModelStack, server: FakeEndpoint, tuned: Tuned) -> None:
    """Asks on until the stack has heard of it."""
    assert stack.pacing is not None
    async with asyncio.timeout(HANG_S):
        while stack.pacing.tuned != tuned:
            await ask(stack, server, "some-model", 1)


def test_how_a_run_is_held_back_is_said_in_words() -> None:
    waits = HeldBack(3, 240.0, until_s=112.4, is_asked=True)

    assert waits.words(100.0) == "paced: 3 calls in flight, waits 12 s as the endpoint asked"
    assert waits.words(112.0) == "paced: 3 calls in flight, about 240 a minute is what the endpoint takes"
    assert HeldBack(1, until_s=10.0).words(5.0) == "paced: 1 call in flight, waits 5 s as the endpoint takes no more"
    assert HeldBack.read(waits.written()) == waits
    assert HeldBack.read(b'{"someone": "else"}') is None
