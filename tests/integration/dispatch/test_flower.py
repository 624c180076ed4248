from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp

from tests.integration.dispatch.fleet import PROJECT, Fleet, until
from troupe_batch.dispatch.flower import FlowerSettings, flower_command


@contextlib.asynccontextmanager
async def flower_of(fleet: Fleet, settings: FlowerSettings) -> AsyncIterator[str]:
    settings = replace(settings, module="tests.integration.dispatch.fake_fleet")
    command, secrets = flower_command(settings)
    told = fleet.workers()
    env = {**os.environ, **told.env, **secrets}
    with (fleet.folder / "flower.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *command, env=env, cwd=fleet.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
    try:
        yield f"http://127.0.0.1:{settings.port}"
    finally:
        process.terminate()
        await process.wait()


async def ask(url: str, headers: dict[str, str] | None = None) -> tuple[int, Any]:
    try:
        async with aiohttp.ClientSession(headers=headers) as session, session.get(url) as reply:
            return reply.status, await reply.json(content_type=None) if reply.status == 200 else None
    except (aiohttp.ClientConnectionError, ValueError):
        return 0, None


async def test_flower_shows_readable_shards_and_live_progress_behind_a_password(
    fleet: Fleet, free_port: int, tmp_path: Path
) -> None:
    settings = FlowerSettings(tmp_path / "flower.db", port=free_port, user="u", password="p")  # noqa: S106 - for this test
    _, reconciler = await fleet.planned("gazpacho", shards=2, units_per_shard=12)
    auth = {"Authorization": aiohttp.encode_basic_auth("u", "p")}
    shown: dict[str, dict[str, Any]] = {}
    states: set[tuple[str, str]] = set()

    async with flower_of(fleet, settings) as url:

        async def tasks() -> bool:
            _, found = await ask(f"{url}/api/tasks", auth)
            for task in (found or {}).values():
                shown[task["uuid"]] = task
                states.add((task["state"], str(task["result"])))
            return bool(found)

        async def listens() -> bool:
            return (await ask(f"{url}/api/workers", auth))[0] == 200

        await until(listens)
        assert (await ask(f"{url}/api/workers"))[0] == 401
        async with fleet.workers(unit_s=0.3):
            running = asyncio.create_task(fleet.finished(reconciler))
            await until(lambda: _seen(tasks, states))
            await running
        await tasks()

    kwargs = {task["kwargs"] for task in shown.values()}
    assert "run=gazpacho shard=1/2 units=0..11" in kwargs
    assert "run=gazpacho shard=2/2 units=12..23" in kwargs
    assert str(PROJECT) not in str(shown)


async def _seen(look: Any, states: set[tuple[str, str]]) -> bool:
    await look()
    return any(state == "PROGRESS" and " units, " in result for state, result in states)
