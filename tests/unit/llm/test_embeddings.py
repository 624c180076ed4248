from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.doubles.embeddings import CHAT, EMBEDDING, WordModel, embedding_reply
from tests.doubles.models import ScriptedModel, request
from troupe_batch.errors import EndpointDown, EndpointFaulty, EndpointMissing, EndpointUnsuitable, GaveUp
from troupe_batch.llm.books import Books, Metered
from troupe_batch.llm.budget import Budgeted, MemoryBudget
from troupe_batch.llm.cache import Cached
from troupe_batch.llm.chat import (
    CacheState,
    ChatModel,
    ChatReply,
    ChatRequest,
    Endpoint,
    Message,
    Parameters,
    ReplyStatus,
    Role,
    Usage,
)
from troupe_batch.llm.embeddings import EmbeddingRequest, embedding_body, read_embedding, vector_of
from troupe_batch.llm.error_bodies import NoReply
from troupe_batch.llm.outage import OutageAware
from troupe_batch.llm.prices import Price, PriceList
from troupe_batch.llm.rate_limit import ExpectedTokens
from troupe_batch.llm.repair import Repairing
from troupe_batch.llm.reply_store import MemoryReplyStore
from troupe_batch.llm.retry import Retrying, RetryPolicy
from troupe_batch.llm.tokens import TokenCounter

SOUP = EmbeddingRequest.of(EMBEDDING, "cold soup")
PRICES = PriceList({CHAT.model: Price(1.0, 1.0, 4.0), EMBEDDING.model: Price(0.02, 0.02, 0.0)})
# Two letters, so that requests of both kinds come to be alike in all but their kind.
WORDS = st.text("ae", max_size=2)


def body(embedding: Any, **fields: Any) -> bytes:
    usage = {"prompt_tokens": 2, "total_tokens": 2}
    answer = {"data": [{"index": 0, "embedding": embedding}], "model": "m-2", "usage": usage, **fields}
    return orjson.dumps(answer)


def as_base64(*values: float) -> str:
    return base64.b64encode(np.array(values, "<f4").tobytes()).decode()


@given(st.lists(st.tuples(WORDS, WORDS, WORDS, st.booleans()), min_size=2, max_size=2, unique=True))
@settings(max_examples=1000)
def test_no_two_different_requests_share_a_key_whatever_their_kind(parts: list[tuple[str, str, str, bool]]) -> None:
    first, second = (
        EmbeddingRequest.of(Endpoint(identity, model), text)
        if embeds
        else ChatRequest(
            Endpoint(identity, model), (Message(Role.USER, text),), "embedding", Parameters(max_completion_tokens=0)
        )
        for identity, model, text, embeds in parts
    )

    assert first.key() != second.key()


def test_equal_texts_are_one_request_whoever_asks() -> None:
    assert EmbeddingRequest.of(EMBEDDING, "cold soup").key() == SOUP.key()
    assert len(SOUP.key()) == 32


def test_what_is_sent_names_model_text_and_base64() -> None:
    assert embedding_body(SOUP) == {
        "model": "text-embedding-3-small",
        "input": "cold soup",
        "encoding_format": "base64",
    }


@pytest.mark.parametrize("embedding", [as_base64(3, 0, 4), [3.0, 0, 4]])
def test_a_vector_is_read_from_base64_and_from_numbers_and_has_length_one(embedding: Any) -> None:
    reply = read_embedding(body(embedding))

    assert (reply.status, reply.usage, reply.model) == (ReplyStatus.OK, Usage(prompt_tokens=2), "m-2")
    assert reply.text == as_base64(3, 0, 4)
    assert vector_of(reply) == pytest.approx([0.6, 0.0, 0.8])
    assert vector_of(reply).dtype == np.float32


def test_a_reply_without_counts_has_none() -> None:
    assert read_embedding(body([1.0], usage=None)).usage is None
    assert read_embedding(body([1.0], usage={"prompt_tokens": "2"})).usage is None


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"[]",
        b'{"data": []}',
        b'{"data": [{}]}',
        body("not base64!"),
        body(base64.b64encode(b"12345").decode()),
        body(""),
        body([]),
        body(None),
        body(["x"]),
        body([[1.0, 2.0]]),
        body([0.0, 0.0]),
        body(as_base64(float("nan"), 1.0)),
        body(as_base64(float("inf"), 1.0)),
    ],
)
def test_a_body_without_a_usable_vector_is_no_reply(answer: bytes) -> None:
    with pytest.raises(NoReply):
        read_embedding(answer)


async def test_an_embedding_is_cached_whole_and_joined_by_all_who_ask_at_once() -> None:
    model, store = WordModel(), MemoryReplyStore()

    replies = await asyncio.gather(*(Cached(model, store).complete(SOUP) for _ in range(3)))
    hit = await Cached(model, store).complete(SOUP)

    assert model.asked == ["cold soup"]
    assert sorted(reply.cache for reply in replies) == [CacheState.JOINED, CacheState.JOINED, CacheState.MISS]
    assert (hit.cache, hit.cost_usd, hit.key) == (CacheState.HIT, 0.0, SOUP.key())
    assert (vector_of(hit) == vector_of(replies[0])).all()
    assert hit.usage == Usage(prompt_tokens=3)


async def test_an_embedding_passes_the_repair_round_untouched() -> None:
    model = ScriptedModel([embedding_reply([1.0])])

    assert (await Repairing(model).complete(SOUP)).status is ReplyStatus.OK
    assert model.asked == [SOUP]


def test_an_embedding_reserves_its_prompt_and_no_completion() -> None:
    price = Price(1.0, 1.0, 1_000_000.0)

    assert 0 < price.worst_case(SOUP) < 1e-3
    assert ExpectedTokens().of(SOUP) == len("cold soup") // 4


def test_the_tokens_of_an_embedding_are_those_of_its_text() -> None:
    counter = TokenCounter(len, "characters")

    assert counter.count_request(SOUP) == len("cold soup")
    assert counter.count_request(request("Soup?", schema=None)) == 3 + 4 + len("Soup?")


async def test_a_call_costs_what_its_own_model_costs() -> None:
    books = Books()
    unsaid = replace(embedding_reply([1.0]), usage=None)
    metered = Metered(ScriptedModel([unsaid]), books, PRICES)

    await metered.complete(SOUP)

    assert books.total().uncertain_usd == pytest.approx(PRICES.of(EMBEDDING.model).worst_case(SOUP))  # type: ignore[union-attr]  # listed above
    await metered.complete(replace(request(), endpoint=CHAT))
    assert books.total().uncertain_usd > 4 * 4096 / 1e6
    await metered.complete(EmbeddingRequest.of(replace(EMBEDDING, model="unknown"), "soup"))
    assert books.total().unpriced == 1


async def test_a_budget_holds_and_settles_an_embedding_by_its_own_price() -> None:
    budget = MemoryBudget(0.0001)  # too little for any chat request at these prices

    reply = replace(embedding_reply([1.0]), cost_usd=3 * 0.02 / 1e6)
    metered = Metered(ScriptedModel([reply]), books := Books(), PRICES)
    await Budgeted(metered, budget, PRICES, books).complete(SOUP)

    status = await budget.status()
    assert status.held_usd == 0
    assert status.spent_usd == pytest.approx(3 * 0.02 / 1e6, abs=1e-9)


async def test_a_model_without_a_price_is_never_asked_under_a_cap() -> None:
    model = ScriptedModel([embedding_reply([1.0])])

    with pytest.raises(EndpointUnsuitable, match="no price is known for text-embedding-3-small"):
        await Budgeted(model, MemoryBudget(1.0), PriceList({}), Books()).complete(SOUP)
    assert model.asked == []


class EmbeddingsOnly:
    """An endpoint whose embedding model knows nothing of chat, and fails for some texts."""

    def __init__(self, fails: Callable[[str], bool]) -> None:
        self._fails = fails
        self.asked: list[ChatRequest] = []

    async def complete(self, request: ChatRequest) -> ChatReply:
        self.asked.append(request)
        if not isinstance(request, EmbeddingRequest):
            raise EndpointMissing("404: this model does not chat")
        if self._fails(request.text):
            raise EndpointFaulty("500")
        return embedding_reply([1.0])

    def model(self) -> ChatModel:
        async def no_wait(_: float) -> None:
            pass

        return OutageAware(Retrying(self, RetryPolicy.of(2), sleep=no_wait), self, patience_s=60)


async def test_one_text_that_always_fails_is_not_taken_for_an_outage() -> None:
    endpoint = EmbeddingsOnly(lambda text: text == "cold soup")

    with pytest.raises(GaveUp):
        await endpoint.model().complete(SOUP)

    assert [type(asked) for asked in endpoint.asked] == [EmbeddingRequest] * 4
    assert all(asked.endpoint == EMBEDDING for asked in endpoint.asked)


async def test_an_outage_is_noticed_on_embeddings_too() -> None:
    with pytest.raises(EndpointDown):
        await EmbeddingsOnly(lambda _: True).model().complete(SOUP)
