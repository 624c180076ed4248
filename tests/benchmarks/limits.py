"""How much of an endpoint's limit a fleet uses, over real HTTP and real Redis, and what keeping to it costs.

    python -m tests.benchmarks.limits minute --processes 4        a server of 600 requests a minute, nothing configured
    python -m tests.benchmarks.limits queue --timeout 5           one that serves eight a second, and lets calls queue
    python -m tests.benchmarks.limits requests --processes 2      a configured limit of requests
    python -m tests.benchmarks.limits tokens                      a configured limit of tokens
    python -m tests.benchmarks.limits cost                        CPU time of limiter and budget, and of waiting

Prints shares and CPU seconds, which say more than times on a machine that has other things to do.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
from bisect import bisect_left
from collections.abc import Sequence
from pathlib import Path

from tests.doubles.endpoint import FakeEndpoint, Habits, fake_endpoint
from troupe_batch.dispatch.embedded_redis import EmbeddedRedis
from troupe_batch.errors import TroupeError
from troupe_batch.llm.chat import ChatRequest, Endpoint, Message, Parameters, Role
from troupe_batch.llm.spending import Spending
from troupe_batch.settings import load_settings
from troupe_batch.wiring.caps import Cap
from troupe_batch.wiring.endpoints import choose_endpoint
from troupe_batch.wiring.model_stack import open_model

PEOPLE = 64
PER_MINUTE, TOKENS_PER_MINUTE, SERVED_PER_S = 600, 60_000, 8.0
HABITS = {
    "minute": Habits(requests_per_minute=PER_MINUTE, says_limits=False, latency_s=0.05),
    "queue": Habits(served_per_s=SERVED_PER_S),
    "requests": Habits(latency_s=0.05),
    "tokens": Habits(latency_s=0.05),
    "cost": Habits(latency_s=0.01),
}
CONFIGURED = {
    "requests": {"TROUPE_LIMITS_REQUESTS_PER_MINUTE": str(PER_MINUTE)},
    "tokens": {"TROUPE_LIMITS_TOKENS_PER_MINUTE": str(TOKENS_PER_MINUTE)},
}


async def work(environment: dict[str, str], seconds: float) -> dict[str, float]:
    """One process: people who ask until the time is over; what became of it."""
    settings = load_settings(environment=environment)
    endpoint = choose_endpoint(settings, model="some-model")
    counts = {"answered": 0, "failed": 0}

    async def person(number: int, ends_s: float) -> None:
        for turn in range(1_000_000):
            if time.monotonic() > ends_s:
                return
            try:
                await stack.model.complete(asking(endpoint, f"{os.getpid()}/{number}/{turn}"))
                counts["answered"] += 1
            except TroupeError as error:
                counts["failed"] += 1
                sys.stderr.write(f"{type(error).__name__}: {error}\n"[:200])

    async with await open_model(settings, endpoint, cap=cap()) as stack:
        started_s = time.process_time()
        async with asyncio.timeout(seconds + 60):
            await asyncio.gather(*(person(number, time.monotonic() + seconds) for number in range(PEOPLE)))
        return {**counts, "cpu_s": time.process_time() - started_s}


def asking(endpoint: Endpoint, sample: str) -> ChatRequest:
    return ChatRequest(
        endpoint, (Message(Role.USER, "Gazpacho? " * 40),), sample, Parameters(max_completion_tokens=100)
    )


def cap() -> Cap:
    async def nothing() -> Spending | None:
        return None

    return Cap("benchmark", 1_000.0, nothing)


async def measure(kind: str, processes: int, seconds: float, timeout_s: float, redis_url: str) -> None:
    with fake_endpoint(HABITS[kind]) as server:
        environment = {
            "TROUPE_OPENAI_BASE_URL": server.url,
            "TROUPE_OPENAI_TIMEOUT": str(timeout_s),
            "TROUPE_OPENAI_CACHE_API_CALLS": "no",
            "TROUPE_REDIS_BROKER_URL": redis_url,
            "TROUPE_BUDGET_PROMPT_PRICE": "0.1",
            "TROUPE_BUDGET_COMPLETION_PRICE": "0.1",
            **CONFIGURED.get(kind, {}),
        }
        begun_s = time.monotonic()
        workers = [
            await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "tests.benchmarks.limits",
                "work",
                "--seconds",
                str(seconds),
                env={**os.environ, **environment},
                stdout=asyncio.subprocess.PIPE,
            )
            for _ in range(processes)
        ]
        ended = await asyncio.gather(*(worker.communicate() for worker in workers))
        results = [json.loads(out) for out, _ in ended]
        report(kind, server, begun_s, seconds, results)


def report(
    kind: str, server: FakeEndpoint, begun_s: float, seconds: float, results: Sequence[dict[str, float]]
) -> None:
    total = {name: sum(one[name] for one in results) for name in results[0]}
    asked = [one.at_s for one in server.chats]
    codes, span_s = server.status_codes, max(asked) - min(asked)
    answered, refused = codes.count(200), codes.count(429)
    say(f"{kind}, {len(results)} processes, {seconds:g} s: {total}")
    say(f"  requests {len(codes)}, answered {answered}, 429: {refused} ({refused / max(1, len(codes)):.2%})")
    if kind in {"minute", "requests"}:
        taken = [at for at, code in zip(asked, codes, strict=False) if code == 200]
        late = [at for at in taken if at > begun_s + 65]
        used = len(late) / max(1e-9, max(taken) - begun_s - 65) * 60 / PER_MINUTE
        say(f"  used after the first minute: {used:.1%}; most in 60 s: {most_in_a_minute(taken)} of {PER_MINUTE}")
    if kind == "tokens":
        spent = server.books.total()
        tokens = spent.prompt + spent.written + spent.thought
        say(f"  tokens: {tokens}, {tokens / span_s * 60 / TOKENS_PER_MINUTE:.1%} of the limit")
    if kind == "queue":
        heard = total["answered"]
        say(f"  heard {heard} of {answered} served: {heard / span_s / SERVED_PER_S:.1%} of its rate")
    say(f"  CPU: {total['cpu_s']:.2f} s, {1e3 * total['cpu_s'] / max(1, total['answered']):.3f} ms a call in all")


def say(line: str) -> None:
    sys.stdout.write(line + "\n")


def most_in_a_minute(moments: Sequence[float]) -> int:
    ordered = sorted(moments)
    return max(bisect_left(ordered, first + 60.0) - place for place, first in enumerate(ordered))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=[*HABITS, "work"])
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=180.0)
    parser.add_argument("--timeout", type=float, default=120.0)
    given = parser.parse_args()
    if given.kind == "work":
        sys.stdout.write(json.dumps(asyncio.run(work(dict(os.environ), given.seconds))))
        return
    with tempfile.TemporaryDirectory() as folder, EmbeddedRedis(Path(folder)) as redis:
        asyncio.run(measure(given.kind, given.processes, given.seconds, given.timeout, redis.url))


if __name__ == "__main__":
    main()
