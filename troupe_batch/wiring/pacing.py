"""Paced layer of a model stack: one lane for each model, and limits that a user may change under way."""

from __future__ import annotations

from contextlib import AsyncExitStack

from troupe_batch.llm.chat import ChatModel, Endpoint
from troupe_batch.llm.pace import Pace
from troupe_batch.llm.paced import Lane, Paced
from troupe_batch.llm.pacer import MemoryPaceStore, Pacer, PaceStore
from troupe_batch.llm.quotas import RateQuotas
from troupe_batch.llm.rate_limit import AccountLimits, MemoryRateLimiter, RateLimiter
from troupe_batch.llm.redis_batch import RedisBatch
from troupe_batch.llm.redis_pace import RedisPaceStore
from troupe_batch.llm.redis_rate_limit import RedisRateLimiter
from troupe_batch.llm.tuning import HeldBack, RunDial, Tuned
from troupe_batch.settings import Settings

# A rehearsal server is our own: nothing needs to be learned of it.
_REHEARSAL_START = 1_024.0
_BARE_PATIENCE_S = 60.0


class Pacing:
    """Everything that a stack needs to keep to limits: those of the settings, and those that endpoints have.

    `state` is the Redis that all processes share, None for one process alone; with `run_id` the run can be tuned.
    """

    def __init__(
        self,
        settings: Settings,
        endpoint: Endpoint,
        state: RedisBatch | None,
        *,
        run_id: str | None = None,
    ) -> None:
        self._settings = settings
        self._endpoint = endpoint
        self._state = state
        # Lanes are opened as their models are asked, so what they need is closed here.
        self._resources = AsyncExitStack()
        self._configured = AccountLimits(settings.limits.requests_per_minute, settings.limits.tokens_per_minute)
        # One queue for all models of the run: what the settings allow is the sum.
        self._limiter = self._limiter_of(f"{endpoint.identity}/{endpoint.model}", self._configured)
        self._dial = RunDial(state, run_id) if state is not None and run_id is not None else None
        self._lanes: dict[str, Lane] = {}
        self.tuned = Tuned()

    def around(self, model: ChatModel, *, is_bare: bool = False) -> Paced:
        """The model behind the limits; `is_bare` where no job hangs on its calls, and nobody waits long for them."""
        patience_s = self._settings.openai.outage_patience
        patience_s = min(_BARE_PATIENCE_S, patience_s) if is_bare else patience_s
        return Paced(model, self._lane, self._limiter, patience_s=patience_s, hangs_on_it=not is_bare)

    def note_quotas(self, model: str, quotas: RateQuotas) -> None:
        """Takes in what the endpoint says of its limits for a model."""
        self._lane(model).pacer.said(quotas)

    def held_back(self) -> str | None:
        """How the endpoint holds calls of this process back, for people; None where it does not."""
        for lane in self._lanes.values():
            now_s = lane.pacer.store_time_s
            if shown := HeldBack.of(lane.pacer.pace, now_s, has_waiting=lane.pacer.has_waiting):
                return shown.words(now_s)
        return None

    async def aclose(self) -> None:
        """Ends what goes on in the background."""
        await self._resources.aclose()

    def _lane(self, model: str) -> Lane:
        return self._lanes.get(model) or self._opened(model)

    def _opened(self, model: str) -> Lane:
        name = f"{self._endpoint.identity}/{model}"
        learned = self._limiter_of(f"{name}/learned", AccountLimits())

        async def after_telling(pacer: Pacer, now_s: float) -> None:
            learned.change(self._learned(pacer.pace))
            if self._dial is not None:
                self._tune(await self._dial.touch(pacer, now_s))

        pacer = Pacer(
            self._store(name),
            most=self._settings.openai.max_concurrent_model_calls,
            timeout_s=self._settings.openai.timeout,
            after_telling=after_telling,
        )
        pacer.at_most = self.tuned.concurrency
        self._resources.push_async_callback(pacer.aclose)
        lane = self._lanes[model] = Lane(pacer, learned)
        return lane

    def _learned(self, pace: Pace) -> AccountLimits:
        """What the endpoint says of tokens is for those who have not set a limit themselves."""
        rates, own = pace.rates(), self.tuned.rates(self._configured)
        tokens = None if own.tokens_per_minute else rates.tokens_per_minute
        return AccountLimits(rates.requests_per_minute, tokens, rates.burst_s)

    def _tune(self, tuned: Tuned) -> None:
        if tuned == self.tuned:
            return
        self.tuned = tuned
        self._limiter.change(tuned.rates(self._configured))
        for lane in self._lanes.values():
            lane.pacer.at_most = tuned.concurrency

    def _limiter_of(self, name: str, rates: AccountLimits) -> RateLimiter:
        return MemoryRateLimiter(rates) if self._state is None else RedisRateLimiter(self._state, name, rates)

    def _store(self, name: str) -> PaceStore:
        fresh = Pace(window=_REHEARSAL_START) if self._endpoint.is_rehearsal else Pace()
        if self._state is None:
            return MemoryPaceStore(fresh)
        store = RedisPaceStore(self._state, name, fresh=fresh)
        self._resources.push_async_callback(store.aclose)
        return store
