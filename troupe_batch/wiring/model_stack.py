"""The model stack, outside in: cached -> repairing -> retrying -> rate limited -> budgeted -> bounded -> provider.

A cached reply takes no slot and no money; every attempt takes both. Layers without a limit are left out.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Self

from troupe_batch.errors import SettingsError
from troupe_batch.llm.budget import Budget, Budgeted, MemoryBudget
from troupe_batch.llm.cache import Cached
from troupe_batch.llm.chat import ChatModel, Endpoint
from troupe_batch.llm.in_flight import InFlightBound
from troupe_batch.llm.prices import Price, PriceList
from troupe_batch.llm.provider import connect
from troupe_batch.llm.rate_limit import MemoryRateLimiter, RateLimited, RateLimiter, Rates
from troupe_batch.llm.redis_batch import RedisBatch
from troupe_batch.llm.redis_budget import RedisBudget
from troupe_batch.llm.redis_rate_limit import RedisRateLimiter
from troupe_batch.llm.redis_store import RedisReplyStore
from troupe_batch.llm.repair import Repairing
from troupe_batch.llm.reply_store import MemoryReplyStore, ReplyStore
from troupe_batch.llm.retry import Retrying, RetryPolicy
from troupe_batch.settings import Settings
from troupe_batch.wiring.endpoints import connection_to

_DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class Cap:
    """The cost cap of a run; `spent_usd` is what its ledger says was spent before, asked for only when it is needed."""

    run_id: str
    max_usd: float
    spent_usd: Callable[[], Awaitable[float]]


class ModelStack:
    """A model ready for use, and what must be closed after it. Belongs to one event loop."""

    def __init__(self, model: ChatModel, resources: AsyncExitStack) -> None:
        self.model = model
        self._resources = resources

    async def aclose(self) -> None:
        """Stores what is not stored yet and closes all connections."""
        await self._resources.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


async def open_model(
    settings: Settings, endpoint: Endpoint, *, cap: Cap | None = None, is_shared: bool = True
) -> ModelStack:
    """The stack for an endpoint. Shared: cache, limits and budget live in Redis; otherwise in this process alone."""
    prices = price_list(settings, endpoint)
    async with AsyncExitStack() as resources:
        provider = connect(connection_to(settings, endpoint), prices)
        resources.push_async_callback(provider.aclose)
        model: ChatModel = InFlightBound(provider, settings.openai.max_concurrent_model_calls)
        state = _batch(settings.redis.broker_url, resources) if is_shared else None
        if cap is not None:
            budget = await _budget(cap, state, resources)
            model = Budgeted(model, budget, _price_for_cap(prices, endpoint, cap))
        if settings.limits.requests_per_minute or settings.limits.tokens_per_minute:
            model = RateLimited(model, _limiter(settings, endpoint, state))
        model = Repairing(Retrying(model, RetryPolicy.of(settings.openai.max_attempts)))
        if settings.openai.cache_api_calls:
            cached = Cached(model, _store(settings, resources, is_shared=is_shared))
            resources.push_async_callback(cached.aclose)
            model = cached
        return ModelStack(model, resources.pop_all())


def price_list(settings: Settings, endpoint: Endpoint) -> PriceList:
    """What the model costs: the settings' price, else the list price. A rehearsal counts what it would cost."""
    chosen, listed = settings.budget, PriceList.load()
    prompt, completion = chosen.prompt_price, chosen.completion_price
    if (prompt is None) != (completion is None):
        raise SettingsError("Budget.PROMPT_PRICE and Budget.COMPLETION_PRICE: set both or neither")
    if prompt is None or completion is None:
        return listed
    cached = prompt if chosen.cached_price is None else chosen.cached_price
    return listed.with_overrides({endpoint.model: Price(prompt, cached, completion, source="settings")})


def _price_for_cap(prices: PriceList, endpoint: Endpoint, cap: Cap) -> Price:
    price = prices.of(endpoint.model)
    if price is None:
        raise SettingsError(
            f"the run has a cost cap of {cap.max_usd:g} USD but no price is known for {endpoint.model}; set "
            "Budget.PROMPT_PRICE and Budget.COMPLETION_PRICE (USD per 1,000,000 tokens; 0 for a model of your own)"
        )
    return price


async def _budget(cap: Cap, state: RedisBatch | None, resources: AsyncExitStack) -> Budget:
    spent_usd = await cap.spent_usd()
    if state is None:
        return MemoryBudget(cap.max_usd, spent_usd)
    budget = RedisBudget(state, cap.run_id)
    resources.push_async_callback(budget.aclose)
    await budget.ensure(cap_usd=cap.max_usd, spent_usd=spent_usd)
    return budget


def _limiter(settings: Settings, endpoint: Endpoint, state: RedisBatch | None) -> RateLimiter:
    rates = Rates(settings.limits.requests_per_minute, settings.limits.tokens_per_minute)
    if state is None:
        return MemoryRateLimiter(rates)
    return RedisRateLimiter(state, f"{endpoint.identity}/{endpoint.model}", rates)


def _store(settings: Settings, resources: AsyncExitStack, *, is_shared: bool) -> ReplyStore:
    if not is_shared:
        return MemoryReplyStore()
    days = settings.redis.cache_ttl_days
    batch = _batch(settings.redis.cache_url or settings.redis.broker_url, resources)
    return RedisReplyStore(batch, ttl_s=days * _DAY_S if days else None)


def _batch(url: str, resources: AsyncExitStack) -> RedisBatch:
    batch = RedisBatch(url)
    resources.push_async_callback(batch.aclose)
    return batch
