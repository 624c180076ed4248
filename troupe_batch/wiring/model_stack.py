"""Model stack, as one function.

Outside in: cached -> repairing -> watched -> cut off -> outage aware -> retrying -> warming -> paced -> budgeted ->
metered -> provider.
A cached reply takes no slot and no money; every attempt takes both. No money is held while a call waits for its slot.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Self

from troupe_batch.errors import SettingsError
from troupe_batch.llm.adapting import Dialects
from troupe_batch.llm.books import Books, Metered
from troupe_batch.llm.budget import Budgeted
from troupe_batch.llm.cache import Cached
from troupe_batch.llm.chat import ChatModel, ChatRequest, Endpoint
from troupe_batch.llm.connection import Dialect
from troupe_batch.llm.endpoint_memory import (
    EndpointMemory,
    FileEndpointMemory,
    RedisEndpointMemory,
    SharedEndpointMemory,
)
from troupe_batch.llm.learned_prices import LearnedPrices
from troupe_batch.llm.outage import OutageAware
from troupe_batch.llm.prefix_cache import Prefixes, cache_rule, keys_at
from troupe_batch.llm.prices import PriceList, Prices
from troupe_batch.llm.provider import connect
from troupe_batch.llm.redis_batch import RedisBatch
from troupe_batch.llm.redis_budget import RedisBudget
from troupe_batch.llm.redis_store import RedisReplyStore
from troupe_batch.llm.repair import CutOff, Repairing
from troupe_batch.llm.reply_store import MemoryReplyStore, ReplyStore
from troupe_batch.llm.retry import Retrying, RetryPolicy
from troupe_batch.llm.spending import Spending
from troupe_batch.llm.sqlite_values import SqliteValues
from troupe_batch.llm.systematic import Watched
from troupe_batch.llm.tokens import TokenCounter
from troupe_batch.llm.warming import OwnHearth, RedisHearth, StoredPrompt, Warming
from troupe_batch.planning.prices import PlanPrices
from troupe_batch.redis_address import with_ca_file
from troupe_batch.settings import Settings
from troupe_batch.wiring.caps import Cap, keep_known, memory_budget
from troupe_batch.wiring.endpoints import connection_to
from troupe_batch.wiring.list_prices import prices_of
from troupe_batch.wiring.pacing import Pacing

_DAY_S = 86_400
_CACHE_CURE = "set Storage.STATE_FOLDER to a folder with room that can be written"
_BARE_ATTEMPTS = 3
_LISTING_S = 10.0


class ModelStack:
    """A model ready for use, what it has spent, how it is asked, and what must be closed after it.

    Belongs to one event loop.
    """

    def __init__(
        self,
        model: ChatModel,
        books: Books,
        resources: AsyncExitStack,
        keep_cap: Callable[[], Awaitable[None]] | None = None,
        replies: ReplyStore | None = None,
        dialects: Dialects | None = None,
    ) -> None:
        self.model = model
        self.pacing: Pacing | None = None
        self.books = books
        self.dialects = dialects or Dialects(Dialect(), "")
        self.replies = replies
        self._resources = resources
        self._keep_cap = keep_cap
        self._watched: Watched | None = None

    def with_watch(self, watched: Watched | None) -> Self:
        """The stack, which knows the layer of it that looks for faults that all calls meet."""
        self._watched = watched
        return self

    def renew(self) -> None:
        """Begins anew to look for such faults: whoever goes on after one has heard of it."""
        if self._watched is not None:
            self._watched.renew()

    @property
    def spending(self) -> Spending:
        """What its calls have cost so far."""
        return self.books.total()

    def held_back(self) -> str | None:
        """How the endpoint holds calls of this process back, for people; None where it does not."""
        return None if self.pacing is None else self.pacing.held_back()

    async def keep_cap(self) -> None:
        """Sets the cost cap up again where Redis has forgotten it; cheap where it has not."""
        if self._keep_cap is not None:
            await self._keep_cap()

    async def aclose(self) -> None:
        """Stores what is not stored yet and closes all connections."""
        await self._resources.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


async def open_model(  # noqa: PLR0913 -- what a stack depends on
    settings: Settings,
    endpoint: Endpoint,
    *,
    further_models: Sequence[str] = (),
    cap: Cap | None = None,
    is_shared: bool = True,
    frozen: PlanPrices | None = None,
    run_id: str | None = None,
    is_bare: bool = False,
) -> ModelStack:
    """The stack for an endpoint. Shared: cache, limits and budget live in Redis; else in this process and a file.

    `further_models` are those that a plan asks at the same endpoint beside `endpoint.model`, for reasoning and for
    embeddings. Under a cap each of them needs a price: SettingsError where one is unknown, before anything is asked.
    `frozen` are the prices of the plan, None where there is no plan, or one of before that has none.
    `run_id` is the run that the calls are for, whose limits can be tuned.
    `is_bare`: each call goes out as it is, without cache and repair, tried a few times.
    """
    listed, models = prices_of(settings, endpoint, frozen), (endpoint.model, *further_models)
    if cap is not None:
        _check_prices(listed, endpoint, further_models, cap)
    async with AsyncExitStack() as resources:
        state = _batch(settings, settings.redis.broker_url, resources) if is_shared else None
        spec = replace(connection_to(settings, endpoint), service_tier=None if frozen is None else frozen.service_tier)
        memory = _memory(settings, state)
        dialects = Dialects(spec.dialect, endpoint.identity, memory)
        prices = LearnedPrices(listed, endpoint.identity, memory)
        await dialects.recall(models)
        await prices.recall(models)
        prefixes = Prefixes(TokenCounter.estimate(), keys_at(settings.limits.requests_per_minute))
        pacing = Pacing(settings, endpoint, state, run_id=run_id)
        resources.push_async_callback(pacing.aclose)
        provider = connect(spec, prices, dialects, prefixes, on_quotas=pacing.note_quotas)
        resources.push_async_callback(provider.aclose)
        books, keep_cap = Books(), None
        model: ChatModel = Metered(provider, books, prices, look=prices.look)
        if cap is not None:
            budget = await memory_budget(cap) if state is None else _shared_budget(cap, state, resources)
            model = Budgeted(model, budget, prices, books)
            if isinstance(budget, RedisBudget):
                keep_cap = partial(_keep_up, cap, budget, prices, models)
                await keep_cap()
        model = pacing.around(model, is_bare=is_bare)
        if is_bare:
            model = Retrying(model, RetryPolicy.of(min(_BARE_ATTEMPTS, settings.openai.max_attempts)))
            return ModelStack(model, books, resources.pop_all(), dialects=dialects)
        hearth = OwnHearth() if state is None else RedisHearth(state, spec.base_url or endpoint.identity)
        model = Warming(model, partial(_stored, prefixes, dialects), hearth)
        retrying = Retrying(model, RetryPolicy.of(settings.openai.max_attempts))
        model = CutOff(OutageAware(retrying, model, patience_s=settings.openai.outage_patience))
        watched = Watched(model) if settings.openai.stop_early else None
        model = Repairing(watched or model)
        replies = _store(settings, resources, is_shared=is_shared) if settings.openai.cache_api_calls else None
        model = model if replies is None else _cached(model, replies, resources)
        stack = ModelStack(model, books, resources.pop_all(), keep_cap, replies, dialects).with_watch(watched)
        stack.pacing = pacing
        return stack


def _cached(model: ChatModel, replies: ReplyStore, resources: AsyncExitStack) -> ChatModel:
    cached = Cached(model, replies)
    resources.push_async_callback(cached.aclose)
    return cached


def _stored(prefixes: Prefixes, dialects: Dialects, request: ChatRequest) -> StoredPrompt | None:
    """What the endpoint is to keep of the request's prompt; None where nothing is, or what is kept is no news."""
    if not request.sharing.messages:
        return None
    model = request.endpoint.model
    dialect = dialects.of(model)
    rule = cache_rule(dialect.service, model, dialect.prefix_cache)
    beginning = prefixes.beginning(request, rule)
    return StoredPrompt(beginning.key, rule.lifetime_s) if beginning is not None and beginning.is_long else None


async def _keep_up(cap: Cap, budget: RedisBudget, prices: LearnedPrices, models: Sequence[str]) -> None:
    """Makes this process know what the fleet knows: the cap, and what calls of these models can cost."""
    await keep_known(cap, budget)
    await prices.recall(models)


def _check_prices(prices: Prices, endpoint: Endpoint, further_models: Sequence[str], cap: Cap) -> None:
    unknown = f"the run has a cost cap of {cap.max_usd:g} USD but no price is known for"
    price = prices.of(endpoint.model)
    if price is None:
        raise SettingsError(
            f"{unknown} {endpoint.model} at {endpoint.identity}; set "
            "Budget.PROMPT_PRICE and Budget.COMPLETION_PRICE (USD per 1,000,000 tokens; 0 for a model of your own)"
        )
    if not price.is_bounded:
        raise SettingsError(
            f"{unknown} service tier {price.asked} of {endpoint.model}; ask for another tier (OpenAI.SERVICE_TIER, or "
            "service_tier of the job's model), or set Budget.PROMPT_PRICE and Budget.COMPLETION_PRICE to what it costs"
        )
    for model in further_models:
        if prices.of(model) is None:
            raise SettingsError(
                f"{unknown} {model}, which the run asks beside {endpoint.model}; name a model with a list price in "
                "OpenAI.REASONING_MODEL and OpenAI.EMBEDDING_MODEL, or run without a cap"
            )


def _shared_budget(cap: Cap, state: RedisBatch, resources: AsyncExitStack) -> RedisBudget:
    budget = RedisBudget(state, cap.run_id)
    resources.push_async_callback(budget.aclose)
    return budget


def _memory(settings: Settings, state: RedisBatch | None) -> EndpointMemory:
    here = FileEndpointMemory(Path(settings.storage.state_folder) / "endpoints")
    return here if state is None else SharedEndpointMemory(RedisEndpointMemory(state), here)


def _store(settings: Settings, resources: AsyncExitStack, *, is_shared: bool) -> ReplyStore:
    if not is_shared:
        path = Path(settings.storage.state_folder) / "replies.sqlite"
        values = SqliteValues(path, name="reply cache", cure=_CACHE_CURE)
        resources.callback(values.close)
        return MemoryReplyStore(values)
    days = settings.redis.cache_ttl_days
    batch = _batch(settings, settings.redis.cache_url or settings.redis.broker_url, resources)
    # A process that dies holds up its shard and its calls for the same time, so that both go on together.
    return RedisReplyStore(batch, ttl_s=days * _DAY_S if days else None, lease_s=settings.celery.lease_s)


def _batch(settings: Settings, url: str, resources: AsyncExitStack) -> RedisBatch:
    batch = RedisBatch(with_ca_file(url, settings.redis.ca_file))
    resources.push_async_callback(batch.aclose)
    return batch


async def listed_models(settings: Settings, endpoint: Endpoint) -> list[str]:
    """The models that the endpoint lists, empty where it lists none; costs nothing.

    Raises EndpointUnreachable and CredentialsRejected.
    """
    settings = settings.with_values("doctor", openai__timeout=str(_LISTING_S))
    provider = connect(connection_to(settings, endpoint), PriceList.free())
    try:
        return await provider.models()
    finally:
        await provider.aclose()
