from __future__ import annotations

import pytest

from tests.doubles.models import ScriptedModel, ok, request
from troupe_batch.errors import EndpointBusy
from troupe_batch.llm.rate_limit import RateLimited, expected_tokens


class Notebook:
    """A limiter that asks everyone to wait three seconds and writes down what it is told."""

    def __init__(self) -> None:
        self.reserved: list[int] = []
        self.settled: list[tuple[int, int]] = []
        self.pushed: list[float] = []
        self.slept: list[float] = []

    async def reserve(self, tokens: int) -> float:
        self.reserved.append(tokens)
        return 3.0

    def settle(self, reserved: int, used: int) -> None:
        self.settled.append((reserved, used))

    def push_back(self, seconds: float) -> None:
        self.pushed.append(seconds)

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


async def test_a_call_waits_for_its_place_once_and_settles_what_it_used() -> None:
    book = Notebook()

    await RateLimited(ScriptedModel([ok()]), book, sleep=book.sleep).complete(request())

    assert book.slept == [3.0]
    assert book.settled == [(expected_tokens(request()), 120)]


@pytest.mark.parametrize(("asked", "pushed"), [(7.0, 7.0), (None, 1.0)])
async def test_a_busy_endpoint_pushes_the_limiter_back(asked: float | None, pushed: float) -> None:
    book = Notebook()
    model = ScriptedModel([EndpointBusy("429", retry_after_s=asked)])

    with pytest.raises(EndpointBusy):
        await RateLimited(model, book, sleep=book.sleep).complete(request())

    assert book.pushed == [pushed]
