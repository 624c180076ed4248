"""Requests and tokens per minute: each call reserves its place in the queue and waits exactly once."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from troupe_batch.llm.chat import ChatRequest, Usage

LATEST_S = 0.5
"""How long after its moment a call may leave; a place that is taken later is lost."""

# What endpoints themselves assume before they have counted: about four characters a token.
_CHARACTERS_PER_TOKEN = 4
_EXPECTED_COMPLETION_TOKENS = 200
# The largest of late counts; so much of it is forgotten with each call.
_FORGOTTEN = 0.001


@dataclass(frozen=True, slots=True)
class AccountLimits:
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
    def is_none(self) -> bool:
        """Whether nothing is limited."""
        return not (self.requests_per_minute or self.tokens_per_minute)

    def token_s(self, largest: int = 0) -> float:
        """Seconds of the token limit that one token uses up; 0 without a limit.

        A minute ends with a call whose tokens count wholly, so there is room for the `largest` one.
        """
        if not self.tokens_per_minute:
            return 0.0
        return self._window_s / max(self.tokens_per_minute - largest, self.tokens_per_minute / 2)

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

    def change(self, rates: AccountLimits) -> None:
        """Other limits from now on; places that were given out stay as they are."""
        ...


class ExpectedTokens:
    """Says before a call how many tokens it will take: as many as the largest of late, at most its own limit."""

    def __init__(self) -> None:
        self._per_guess = 1.0
        self._completion: float | None = None

    def of(self, request: ChatRequest) -> int:
        """A quick estimate that is hardly ever too small; the true count settles it."""
        limit = request.parameters.max_completion_tokens
        completion = self._completion
        if completion is None:
            completion = _EXPECTED_COMPLETION_TOKENS if limit is None else limit
        elif limit is not None:
            completion = min(completion, limit)
        return round(self._per_guess * _guess(request) + completion)

    def learn(self, request: ChatRequest, usage: Usage) -> None:
        """Takes in what a call took in the end."""
        kept = 1.0 - _FORGOTTEN
        self._per_guess = max(usage.prompt_tokens / _guess(request), kept * self._per_guess)
        self._completion = max(usage.completion_tokens, kept * (self._completion or 0.0))


def _guess(request: ChatRequest) -> int:
    characters = sum(len(message.content) for message in request.messages)
    return max(1, characters // _CHARACTERS_PER_TOKEN)


class MemoryRateLimiter:
    """The limits inside one process: the generic cell rate algorithm (ITU-T I.371) on requests and on tokens.

    A call may go when all before it are worked off; so a large one waits for others and never for itself.
    """

    def __init__(self, rates: AccountLimits, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._rates = rates
        self._clock = clock
        # The moments up to which each limit is used up.
        self._requests_until = self._tokens_until = float("-inf")
        self._largest = 0

    async def reserve(self, tokens: int) -> float:
        """Seconds to wait before the call may go out."""
        if self._rates.is_none:
            return 0.0
        now = self._clock()
        self._largest = max(self._largest, tokens)
        requests_at = max(self._requests_until, now - self._rates.burst_s)
        tokens_at = max(self._tokens_until, now - self._rates.burst_s)
        self._requests_until = requests_at + self._rates.request_s
        self._tokens_until = tokens_at + tokens * self._rates.token_s(self._largest)
        return max(0.0, requests_at - now, tokens_at - now)

    def settle(self, reserved: int, used: int) -> None:
        """Gives back, or takes, the difference."""
        self._largest = max(self._largest, used)
        self._tokens_until += (used - reserved) * self._rates.token_s(self._largest)

    def change(self, rates: AccountLimits) -> None:
        """Other limits, from now on; what was given out stays as it is."""
        self._rates = rates
