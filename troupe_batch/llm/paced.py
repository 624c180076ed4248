"""Model whose calls keep to the limits: those of the settings exactly, those of the endpoint as they are learned."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from troupe_batch.errors import EndpointBusy, EndpointStaysDown, EndpointUnreachable, GaveUp
from troupe_batch.llm.chat import ChatModel, ChatReply, ChatRequest
from troupe_batch.llm.pacer import Pacer
from troupe_batch.llm.rate_limit import ExpectedTokens, RateLimiter


@dataclass(frozen=True, slots=True)
class Lane:
    """Lane of the calls to one model: its pacer, and the places in the rate that it has learned."""

    pacer: Pacer
    learned: RateLimiter


class Paced:
    """A model whose calls wait for a slot and for a place in time; one that is refused waits again, and again.

    So an endpoint that is busy costs time and nothing else: no attempt, no row. Where nothing at all was answered for
    `patience_s`, EndpointStaysDown stops the job, resumably; or GaveUp ends the call where nothing `hangs_on_it`.
    """

    def __init__(  # noqa: PLR0913 -- what it stands on, how patient it is, and a clock
        self,
        inner: ChatModel,
        lane_of: Callable[[str], Lane],
        limiter: RateLimiter,
        *,
        patience_s: float,
        hangs_on_it: bool = True,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._inner = inner
        self._lane_of = lane_of
        self._limiter = limiter
        self._patience_s = patience_s
        self._hangs_on_it = hangs_on_it
        self._clock = clock
        self._sleep = sleep
        self._expected = ExpectedTokens()

    async def complete(self, request: ChatRequest) -> ChatReply:
        """The reply to `request`, when the endpoint has taken it."""
        lane = self._lane_of(request.endpoint.model)
        refused, since_s = 0, self._clock()
        while True:
            await lane.pacer.enter()
            try:
                reply = await self._once(lane, request)
            except EndpointBusy as error:
                refused += 1
                self._check_patience(lane, error, since_s)
                continue
            finally:
                lane.pacer.leave()
            if reply is not None:
                return reply if not refused else replace(reply, attempts=reply.attempts + refused)

    async def _once(self, lane: Lane, request: ChatRequest) -> ChatReply | None:
        """The reply of one call; None where a pause began before it could leave, and its place is void."""
        tokens = self._expected.of(request)
        wait_s = await self._place(lane, tokens)
        if wait_s > 0:
            await self._sleep(wait_s)
        if lane.pacer.paused_s > 0:
            self._settle(lane, tokens, 0)
            return None
        departure = lane.pacer.depart()
        try:
            reply = await self._inner.complete(request)
        except EndpointBusy as error:
            self._settle(lane, tokens, 0)
            lane.pacer.refused(departure, error.retry_after_s)
            raise
        except EndpointUnreachable:
            lane.pacer.lost(departure)
            raise
        except BaseException:
            lane.pacer.failed()
            raise
        usage = reply.usage
        lane.pacer.served(departure, usage.completion_tokens if usage else 0)
        if usage is not None:
            self._expected.learn(request, usage)
            self._settle(lane, tokens, usage.prompt_tokens + usage.completion_tokens)
        return reply

    async def _place(self, lane: Lane, tokens: int) -> float:
        fixed_s = await self._limiter.reserve(tokens)
        learned_s = await lane.learned.reserve(tokens)
        if learned_s > 0:
            lane.pacer.held_back()
        return max(fixed_s, learned_s)

    def _settle(self, lane: Lane, reserved: int, used: int) -> None:
        self._limiter.settle(reserved, used)
        lane.learned.settle(reserved, used)

    def _check_patience(self, lane: Lane, error: EndpointBusy, since_s: float) -> None:
        """Stops the job where nothing at all was answered for so long, or will be for so long as the endpoint says."""
        asked_s = error.retry_after_s or 0.0
        quiet_s = min(self._clock() - since_s, lane.pacer.quiet_s)
        if max(quiet_s, asked_s) < self._patience_s:
            return
        if not self._hangs_on_it:
            raise GaveUp(str(error)) from error
        waits = f"asks to wait {asked_s:,.0f} s" if asked_s > quiet_s else f"has taken no call for {quiet_s:,.0f} s"
        raise EndpointStaysDown(
            f"the endpoint {waits}, longer than the {self._patience_s:g} s that it is waited for ({error}); what is "
            "paid for is kept: give the same command again when it takes calls, or raise OpenAI.OUTAGE_PATIENCE"
        ) from error
