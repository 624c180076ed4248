"""Requests and tokens per minute: each call reserves its place in the queue and waits exactly once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from troupe_batch.errors import EndpointBusy
from troupe_batch.llm.chat import ChatModel, ChatReply, ChatRequest

LATEST_S = 0.5
"""How long after its moment a call may leave; a place that is taken later is lost."""

_PAUSE_S = 1.0
# What endpoints themselves assume before they have counted: about four characters a token.
_CHARACTERS_PER_TOKEN = 4
_EXPECTED_COMPLETION_TOKENS = 200


@dataclass(frozen=True, slots=True)
class Rates:
    """The limits of an account at an endpoint; None is no limit. `burst_s` seconds' worth may go out at once.

    Calls are spread a little wider than the limit says, so that a minute holds no more than it whenever it begins: the
    burst, and calls that leave late, are made room for. That costs 2.4 % of the limit.
    """

    requests_per_minute: float | None = None
    tokens_per_minute: float | None = None
    burst_s: float = 1.0

    @property
    def request_s(self) -> float:
        """Seconds of the request limit that one call uses up; 0 without a limit."""
        return self._window_s / self.requests_per_minute if self.requests_per_minute else 0.0

    @property
    def token_s(self) -> float:
        """Seconds of the token limit that one token uses up; 0 without a limit."""
        return self._window_s / self.tokens_per_minute if self.tokens_per_minute else 0.0

    @property
    def _window_s(self) -> float:
        # The generic cell rate algorithm lets ceil((t + burst) / interval) calls out in t seconds.
        return 60.0 + self.burst_s + LATEST_S


class RateLimiter(Protocol):
    """Gives out places in time, in the order of asking."""

    async def reserve(self, tokens: int) -> float:
        """Seconds to wait before a call of about `tokens` tokens may go out; its place is taken."""
        ...

    def settle(self, reserved: int, used: int) -> None:
        """Tells how many tokens a call used in the end; the difference comes back, or is owed."""
        ...

    def push_back(self, seconds: float) -> None:
        """No new call may go out for `seconds`: the endpoint said that it is busy."""
        ...


class RateLimited:
    """A model whose calls keep to the limits; an endpoint that is busy all the same pushes everyone back."""

    def __init__(
        self, inner: ChatModel, limiter: RateLimiter, *, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> None:
        self._inner = inner
        self._limiter = limiter
        self._sleep = sleep

    async def complete(self, request: ChatRequest) -> ChatReply:
        """The reply to `request`, after the wait that the limits ask for."""
        tokens = expected_tokens(request)
        wait_s = await self._limiter.reserve(tokens)
        if wait_s > 0:
            await self._sleep(wait_s)
        try:
            reply = await self._inner.complete(request)
        except EndpointBusy as error:
            self._limiter.push_back(_PAUSE_S if error.retry_after_s is None else error.retry_after_s)
            raise
        if reply.usage is not None:
            self._limiter.settle(tokens, reply.usage.prompt_tokens + reply.usage.completion_tokens)
        return reply


def expected_tokens(request: ChatRequest) -> int:
    """A quick estimate of the tokens of a call, good enough to reserve; the true count settles it."""
    characters = sum(len(message.content) for message in request.messages)
    limit = request.parameters.max_completion_tokens
    completion = _EXPECTED_COMPLETION_TOKENS if limit is None else min(limit, _EXPECTED_COMPLETION_TOKENS)
    return characters // _CHARACTERS_PER_TOKEN + completion


class MemoryRateLimiter:
    """The limits inside one process: the generic cell rate algorithm (ITU-T I.371) on requests and on tokens.

    A call may go when all before it are worked off; so a large one waits for others and never for itself.
    """

    def __init__(self, rates: Rates, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._rates = rates
        self._clock = clock
        # The moments up to which each limit is used up.
        self._requests_until = self._tokens_until = float("-inf")

    async def reserve(self, tokens: int) -> float:
        """Seconds to wait before the call may go out."""
        now = self._clock()
        requests_at = max(self._requests_until, now - self._rates.burst_s)
        tokens_at = max(self._tokens_until, now - self._rates.burst_s)
        self._requests_until = requests_at + self._rates.request_s
        self._tokens_until = tokens_at + tokens * self._rates.token_s
        return max(0.0, requests_at - now, tokens_at - now)

    def settle(self, reserved: int, used: int) -> None:
        """Gives back, or takes, the difference."""
        self._tokens_until += (used - reserved) * self._rates.token_s

    def push_back(self, seconds: float) -> None:
        """No new call for `seconds`."""
        self._requests_until = max(self._requests_until, self._clock() + seconds)
