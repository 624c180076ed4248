"""What everything is compared with: one asyncio loop over the openai SDK, with no cache, no records and no files.

Run as a process of its own: `python bare_loop.py PROMPTS BASE_URL IN_FLIGHT`. PROMPTS holds one call per line as the
SDK takes it. Prints CPU and wall seconds of all calls after a warm-up.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import httpx2
import openai

WARM_UP_CALLS = 200


async def ask_all(client: openai.AsyncOpenAI, calls: Iterable[dict[str, Any]], in_flight: int) -> int:
    """Asks everything, `in_flight` calls at a time; the number of replies that hold JSON."""
    waiting = iter(calls)
    readable = 0

    async def take() -> None:
        nonlocal readable
        for call in waiting:
            completion = await client.chat.completions.create(**call)
            content = completion.choices[0].message.content
            with contextlib.suppress(json.JSONDecodeError):  # one that was cut off
                readable += content is not None and isinstance(json.loads(content), dict)

    await asyncio.gather(*(take() for _ in range(in_flight)))
    return readable


async def measured(calls: list[dict[str, Any]], base_url: str, in_flight: int) -> dict[str, float]:
    """CPU and wall seconds for all calls."""
    limits = httpx2.Limits(max_connections=in_flight, max_keepalive_connections=in_flight)
    http = openai.DefaultAioHttpClient(limits=limits, trust_env=False)
    async with openai.AsyncOpenAI(api_key="none", base_url=base_url, http_client=http, max_retries=0) as client:
        await ask_all(client, calls[:WARM_UP_CALLS], in_flight)
        cpu_s, started = time.process_time(), time.perf_counter()
        readable = await ask_all(client, calls, in_flight)
        return {
            "calls": len(calls),
            "readable": readable,
            "cpu_s": time.process_time() - cpu_s,
            "wall_s": time.perf_counter() - started,
        }


if __name__ == "__main__":
    prompts = Path(sys.argv[1]).read_text(encoding="utf-8")
    to_ask = [json.loads(line) for line in prompts.splitlines()]
    print(json.dumps(asyncio.run(measured(to_ask, sys.argv[2], int(sys.argv[3])))))  # noqa: T201 -- its result
