"""Retries of what may succeed later: how often and how long depends on what went wrong."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from itertools import count

from troupe_batch.errors import EndpointFaulty, EndpointUnreachable, GaveUp, TryAgain
from troupe_batch.llm.chat import ChatModel, ChatReply, ChatRequest
from troupe_batch.seeded import uniform

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Backoff:
    """At most `attempts` calls; before call k + 1 a random wait of up to base_s * 2**(k - 1), never over cap_s."""

    attempts: int
    base_s: float
    cap_s: float

    def wait_s(self, failed: int, jitter: float) -> float:
        """Seconds to wait after `failed` failures, for a `jitter` in [0, 1).

        Between half and all of the doubled step: spread out, yet never at once (half of "full jitter" of Brooker 2015).
        """
        step = min(self.cap_s, self.base_s * 2.0 ** min(failed - 1, 60))
        return step * (0.5 + 0.5 * jitter)


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Policy of trying again: how often and how patiently, by what went wrong.

    An endpoint that is busy is waited for below, and takes no attempt.
    """

    faulty: Backoff = field(default=Backoff(attempts=5, base_s=0.5, cap_s=30.0))
    unreachable: Backoff = field(default=Backoff(attempts=5, base_s=0.5, cap_s=30.0))

    @classmethod
    def of(cls, max_attempts: int) -> RetryPolicy:
        """The default waits, with at most `max_attempts` calls whatever went wrong."""
        default = cls()
        return cls(
            faulty=replace(default.faulty, attempts=max_attempts),
            unreachable=replace(default.unreachable, attempts=max_attempts),
        )

    def backoff(self, error: TryAgain) -> Backoff | None:
        """The backoff for `error`; None where waiting is someone else's work, as with Redis."""
        if isinstance(error, EndpointFaulty):
            return self.faulty
        return self.unreachable if isinstance(error, EndpointUnreachable) else None


class Retrying:
    """A model that tries again as `policy` allows, then raises GaveUp with the last failure as its cause."""

    def __init__(
        self,
        inner: ChatModel,
        policy: RetryPolicy,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        jitter: Callable[[], float] | None = None,
    ) -> None:
        self._inner = inner
        self._policy = policy
        self._sleep = sleep
        self._jitter = jitter or process_jitter()

    async def complete(self, request: ChatRequest) -> ChatReply:
        """The reply to `request`, with the number of attempts that it took."""
        attempt = 1
        while True:
            try:
                reply = await self._inner.complete(request)
            except TryAgain as error:
                await self._sleep(self._wait_or_give_up(error, attempt))
                attempt += 1
            else:
                return reply if attempt == 1 else replace(reply, attempts=reply.attempts + attempt - 1)

    def _wait_or_give_up(self, error: TryAgain, failed: int) -> float:
        backoff = self._policy.backoff(error)
        if backoff is None:
            raise error
        if failed >= backoff.attempts:
            raise GaveUp(f"gave up after {failed} attempts: {error}", attempts=failed) from error
        wait_s = backoff.wait_s(failed, self._jitter())
        facts = {"action": "model_call_retry", "error": type(error).__name__, "attempt": failed, "wait_s": wait_s}
        _LOG.info("A model call failed and will be tried again", extra=facts)
        return wait_s


def process_jitter() -> Callable[[], float]:
    """Uniform numbers in [0, 1) that differ between processes; they shape waits only, never results."""
    key = int.from_bytes(os.urandom(8), "big")
    numbers = count()
    return lambda: uniform(key, next(numbers))
