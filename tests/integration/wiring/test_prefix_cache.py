"""What an endpoint reads from its prefix cache and writes to it: whole stacks, real Redis, a server that counts."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.patience import HANG_S
from troupe_batch.llm.chat import ChatReply, ChatRequest, Endpoint, Message, Role, Sharing
from troupe_batch.rehearsal import RehearsalConfig, RehearsalProcess
from troupe_batch.settings import Settings, load_settings
from troupe_batch.wiring.model_stack import open_model

# About 1,500 tokens by four bytes each, and about 1,250 by the estimate of the plan.
RULES = "Give the answer that this person would give in private, and not the polite one. " * 75
NEW, OLD = "gpt-6-luna", "gpt-4o-mini"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RehearsalProcess]:
    """Slow enough for a burst to be in flight at once."""
    with RehearsalProcess(RehearsalConfig(latency_ms=200), tmp_path / "log") as started:
        yield started


def settings_for(server: RehearsalProcess, redis_url: str, folder: Path, **more: str) -> Settings:
    environment = {
        "TROUPE_REDIS_BROKER_URL": redis_url,
        "TROUPE_STORAGE_STATE_FOLDER": str(folder / "state"),
        "TROUPE_REHEARSAL_URL": server.url,
        **more,
    }
    return load_settings(environment=environment)


def asked(server: RehearsalProcess, model: str, people: int, rules: str = RULES, first: int = 0) -> list[ChatRequest]:
    """One request about each person, all with the same rules."""
    endpoint = Endpoint(server.config.identity, model, is_rehearsal=True)
    return [
        ChatRequest(
            endpoint,
            (Message(Role.SYSTEM, rules), Message(Role.USER, f"I am person {n}. " * 30)),
            str(n),
            sharing=Sharing(1, people, str(n)),
        )
        for n in range(first, first + people)
    ]


async def burst(settings: Settings, *groups: list[ChatRequest], processes: int = 1) -> list[ChatReply]:
    """All at once, shared out over as many stacks as there would be processes."""
    requests = [request for group in groups for request in group]
    async with AsyncExitStack() as resources, asyncio.timeout(HANG_S):
        stacks = [
            await resources.enter_async_context(await open_model(settings, requests[0].endpoint))
            for _ in range(processes)
        ]
        return await asyncio.gather(
            *(stacks[n % processes].model.complete(request) for n, request in enumerate(requests))
        )


def counted(server: RehearsalProcess) -> tuple[int, int, int]:
    """Prompt tokens, and those that were read and written."""
    stats: dict[str, Any] = server.stats()
    return stats["prompt_tokens"], stats["cached_tokens"], stats["cache_write_tokens"]


@pytest.mark.parametrize("processes", [1, 3])
async def test_a_burst_pays_for_storing_what_it_shares_once(
    server: RehearsalProcess, redis_url: str, tmp_path: Path, processes: int
) -> None:
    settings = settings_for(server, redis_url, tmp_path)

    replies = await burst(settings, asked(server, NEW, 60), processes=processes)

    _, read, written = counted(server)
    assert 1_400 < written < 1_600
    assert read == 59 * written
    assert sum(reply.usage.cache_write_tokens for reply in replies if reply.usage) == written
    assert server.stats()["rejected"] == 0


async def test_each_arm_and_each_key_pays_for_its_own(server: RehearsalProcess, redis_url: str, tmp_path: Path) -> None:
    settings = settings_for(server, redis_url, tmp_path)
    control, treatment = asked(server, NEW, 450), asked(server, NEW, 450, "Soup is on sale. " + RULES, first=450)

    await burst(settings, control, treatment)

    prompt, read, written = counted(server)
    size = written / 4
    assert 1_400 < size < 1_600
    assert read == pytest.approx((900 - 4) * size, rel=0.001)
    assert read / prompt > 0.85


async def test_a_short_beginning_is_neither_written_nor_waited_for(
    server: RehearsalProcess, redis_url: str, tmp_path: Path
) -> None:
    # What looks for systematic faults lets the first calls out few at a time, whatever they share.
    settings = settings_for(server, redis_url, tmp_path, TROUPE_OPENAI_STOP_EARLY="no")

    await burst(settings, asked(server, NEW, 20, RULES[:2_000]))

    assert counted(server)[1:] == (0, 0)
    assert server.stats()["peak_in_flight"] == 20


async def test_an_older_model_reads_in_steps_and_writes_nothing(
    server: RehearsalProcess, redis_url: str, tmp_path: Path
) -> None:
    settings = settings_for(server, redis_url, tmp_path)

    await burst(settings, asked(server, OLD, 40))

    _, read, written = counted(server)
    assert written == 0
    assert read == 39 * 1_408
    assert server.stats()["rejected"] == 0


async def test_where_breakpoints_do_not_pass_every_prompt_is_written(
    server: RehearsalProcess, redis_url: str, tmp_path: Path
) -> None:
    settings = settings_for(server, redis_url, tmp_path, TROUPE_OPENAI_PREFIX_CACHE="implicit")

    await burst(settings, asked(server, NEW, 20))

    prompt, read, written = counted(server)
    assert read == 0
    assert written == pytest.approx(prompt, rel=0.01)


async def test_hints_that_an_endpoint_refuses_are_left_out_after_one_call(
    server: RehearsalProcess, redis_url: str, tmp_path: Path
) -> None:
    settings = settings_for(server, redis_url, tmp_path, TROUPE_OPENAI_PREFIX_CACHE="breakpoints")

    replies = await burst(settings, asked(server, OLD, 10))

    assert all(reply.usage for reply in replies)
    assert server.stats()["rejected"] == 1
