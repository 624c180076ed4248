"""Prices that learn how far an endpoint goes beyond what its requests allow, and reserve as much from then on."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import asdict, replace

import orjson

from troupe_batch.declared import as_declared
from troupe_batch.errors import StateUnreachable
from troupe_batch.llm.chat import ChatReply, ChatRequest
from troupe_batch.llm.endpoint_memory import EndpointMemory, NoMemory
from troupe_batch.llm.prices import (
    NO_EXCESS,
    Excess,
    Price,
    Prices,
    completion_limit,
    prompt_tokens_at_most,
)

_LOG = logging.getLogger(__name__)

# What went beyond once will go a little farther another time.
_MARGIN = 1.1
# A float more or less is no excess.
_NOISE = 1 + 1e-9


class LearnedPrices:
    """The prices at one endpoint; a reply that took or cost more than its request allows makes worst cases larger.

    The bounds are the bytes of the prompt and the completion limit: servers that ignore the limit, count tokens that
    nobody sent, or charge by a dearer price are found out here, per model. What is learned is kept in `memory`, so
    that other processes and later runs begin with it, and is said once. A model that was taken to cost nothing, and of
    which a reply says what it costs, has no known price from then on.
    """

    def __init__(self, prices: Prices, identity: str, memory: EndpointMemory | None = None) -> None:
        self._prices = prices
        self._identity = identity
        self._memory = memory or NoMemory()
        self._learned: dict[str, Excess] = {}
        self._known: dict[str | None, Price | None] = {}
        self._billed: set[str] = set()

    def of(self, model: str | None) -> Price | None:
        """The price of `model`, with what was learned of it; None where it is not known."""
        if model not in self._known:
            price, excess = self._prices.of(model), self._learned.get(model or "", NO_EXCESS)
            if model in self._billed:
                price = None
            self._known[model] = price if price is None or excess == NO_EXCESS else replace(price, excess=excess)
        return self._known[model]

    async def recall(self, models: Iterable[str]) -> None:
        """Takes up what was learned of these models elsewhere."""
        for model in models:
            try:
                kept = await self._memory.recall(self._name(model))
            except StateUnreachable:
                return
            if (found := _kept_excess(kept)) is not None:
                self._take(model, _larger(self._learned.get(model, NO_EXCESS), found))

    async def look(self, request: ChatRequest, reply: ChatReply) -> None:
        """Learns from a reply that took or cost more than its request allows."""
        model = request.endpoint.model
        self._check_whether_free(model, reply)
        before = self._learned.get(model, NO_EXCESS)
        if _is_within(request, reply, self.of(model), before):
            return
        found = self._excess_of(request, reply, before)
        if found == before:
            return
        self._take(model, found)
        facts = {"action": "excess_learned", "model": model, **asdict(found)}
        if before == NO_EXCESS:
            _LOG.warning("The endpoint takes more than a request allows; as much is reserved from now on", extra=facts)
        try:
            await self.recall([model])
            await self._memory.keep(self._name(model), orjson.dumps(self._learned[model]))
        except StateUnreachable:
            _LOG.warning("What the endpoint takes could not be kept for other processes", extra=facts)

    def _check_whether_free(self, model: str, reply: ChatReply) -> None:
        price = self.of(model)
        if price is not None and price.is_assumed and price.is_free and reply.said_usd:
            self._billed.add(model)
            self._known.clear()
            facts = {"action": "free_model_is_billed", "model": model, "said_usd": reply.said_usd}
            _LOG.warning("A model that was taken to cost nothing is billed; set Budget.PROMPT_PRICE", extra=facts)

    def _excess_of(self, request: ChatRequest, reply: ChatReply, before: Excess) -> Excess:
        usage, limit = reply.usage, completion_limit(request)
        found = before
        if usage is not None:
            found = replace(
                found,
                prompt=_beyond(usage.prompt_tokens, prompt_tokens_at_most(request), before.prompt),
                completion=_beyond(usage.completion_tokens, limit, before.completion) if limit else before.completion,
            )
        price, usd = self.of(request.endpoint.model), reply.cost_usd
        if price is None or usd is None:
            return found
        worst_usd = replace(price, excess=replace(found, cost=1.0)).worst_case(request)
        return replace(found, cost=_beyond(usd, worst_usd, before.cost) if worst_usd else before.cost)

    def _take(self, model: str, excess: Excess) -> None:
        self._learned[model] = excess
        self._known.clear()

    def _name(self, model: str) -> str:
        return f"excess/{self._identity}/{model}"


def _is_within(request: ChatRequest, reply: ChatReply, price: Price | None, known: Excess) -> bool:
    """Whether the reply took and cost no more than was reckoned with: nearly all do, so this is what each call pays."""
    usage, usd = reply.usage, reply.cost_usd
    if usage is not None and usage.completion_tokens > completion_limit(request) * known.completion * _NOISE:
        return False
    if usage is not None and usage.prompt_tokens > prompt_tokens_at_most(request) * known.prompt * _NOISE:
        return False
    return price is None or usd is None or usd <= price.worst_case(request) * _NOISE


def _beyond(found: float, allowed: float, before: float) -> float:
    """How many times over what was allowed, with a margin where that is more than was known before."""
    return before if found <= allowed * before * _NOISE else max(before, found / allowed * _MARGIN)


def _larger(one: Excess, other: Excess) -> Excess:
    return Excess(max(one.prompt, other.prompt), max(one.completion, other.completion), max(one.cost, other.cost))


def _kept_excess(kept: bytes | None) -> Excess | None:
    """What was learned before; None where nothing was, or what stands there is no such thing."""
    try:
        return as_declared(Excess, orjson.loads(kept or b"null"))
    except ValueError:
        return None
