"""Endpoints that take more than a request allows, and what is reserved from then on."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.doubles.models import ScriptedModel, ok, request
from troupe_batch.errors import BudgetSpent, EndpointUnsuitable, StateUnreachable
from troupe_batch.llm.books import Books, Metered
from troupe_batch.llm.budget import Budgeted, MemoryBudget
from troupe_batch.llm.chat import ChatReply, ChatRequest, Parameters, Usage
from troupe_batch.llm.embeddings import EmbeddingRequest
from troupe_batch.llm.endpoint_memory import FileEndpointMemory
from troupe_batch.llm.learned_prices import LearnedPrices
from troupe_batch.llm.prices import Price, PriceList, prompt_tokens_at_most

PRICE = Price(1.0, 0.5, 4.0)
ASKED = replace(request(), parameters=Parameters(max_completion_tokens=100))
BOUND = prompt_tokens_at_most(ASKED)
MODEL = ASKED.endpoint.model


def reply(prompt: int = 10, completion: int = 10, *, price: Price = PRICE, times: float = 1.0) -> ChatReply:
    usage = Usage(prompt, 0, completion)
    return replace(ok(), usage=usage, cost_usd=price.cost(usage) * times)


def worst(prices: LearnedPrices, asked: ChatRequest = ASKED) -> float:
    price = prices.of(asked.endpoint.model)
    assert price is not None
    return price.worst_case(asked)


async def test_a_reply_within_its_bounds_teaches_nothing() -> None:
    prices = LearnedPrices(PRICE, "here")

    await prices.look(ASKED, reply(BOUND, 100))

    assert worst(prices) == PRICE.worst_case(ASKED)


async def test_a_server_that_ignores_its_limit_is_reserved_for_whatever_the_next_limit_is() -> None:
    prices, shorter = LearnedPrices(PRICE, "here"), replace(ASKED, parameters=Parameters(max_completion_tokens=10))

    await prices.look(ASKED, reply(completion=500))

    assert worst(prices, shorter) >= PRICE.cost(Usage(BOUND, 0, 50))
    assert worst(prices, shorter) < PRICE.worst_case(shorter) * 6


async def test_a_server_that_counts_more_than_was_sent_is_reserved_for() -> None:
    prices = LearnedPrices(PRICE, "here")

    await prices.look(ASKED, reply(prompt=BOUND * 3))

    assert worst(prices) >= PRICE.cost(Usage(BOUND * 3, 0, 100))


async def test_a_server_that_charges_more_than_its_list_is_reserved_for() -> None:
    prices = LearnedPrices(PRICE, "here")

    await prices.look(ASKED, reply(BOUND, 100, times=2.5))

    assert worst(prices) >= 2.5 * PRICE.cost(Usage(BOUND, 0, 100))


async def test_what_one_model_does_is_not_held_against_another() -> None:
    prices = LearnedPrices(PRICE, "here")

    await prices.look(ASKED, reply(completion=500))

    assert prices.of("another") == PRICE


async def test_an_embedding_has_no_limit_that_could_be_passed() -> None:
    prices = LearnedPrices(PRICE, "here")
    asked = EmbeddingRequest.of(ASKED.endpoint, "soup")

    await prices.look(asked, reply(4, 0))

    assert worst(prices, asked) == PRICE.worst_case(asked)


@given(st.lists(st.tuples(st.integers(1, 2_000), st.integers(0, 1_000)), min_size=1, max_size=6))
async def test_after_any_replies_the_like_of_each_would_be_held_in_full(seen: list[tuple[int, int]]) -> None:
    prices = LearnedPrices(PRICE, "here")

    for prompt, completion in seen:
        await prices.look(ASKED, reply(prompt, completion))

    assert worst(prices) >= max(PRICE.cost(Usage(prompt, 0, completion)) for prompt, completion in seen)


async def test_it_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    prices = LearnedPrices(PRICE, "here")

    with caplog.at_level(logging.WARNING):
        for completion in (200, 300, 900):
            await prices.look(ASKED, reply(completion=completion))

    assert [record.action for record in caplog.records] == ["excess_learned"]  # type: ignore[attr-defined]  # in `extra`


async def test_other_processes_and_later_runs_begin_with_what_was_learned(tmp_path: Path) -> None:
    first, second = (LearnedPrices(PRICE, "here", FileEndpointMemory(tmp_path)) for _ in range(2))
    elsewhere = LearnedPrices(PRICE, "elsewhere", FileEndpointMemory(tmp_path))

    await first.look(ASKED, reply(completion=500))
    await second.look(ASKED, reply(prompt=BOUND * 3))
    await first.recall([MODEL])
    await elsewhere.recall([MODEL])

    assert worst(first) == worst(second) > PRICE.worst_case(ASKED)
    assert worst(elsewhere) == PRICE.worst_case(ASKED)


@pytest.mark.parametrize("kept", [b"", b"null", b"[]", b'{"prompt": 0.1}', b'{"prompt": "x"}', b"{", b'{"more": 2.0}'])
async def test_what_is_kept_and_cannot_be_is_left_out_of_account(tmp_path: Path, kept: bytes) -> None:
    memory = FileEndpointMemory(tmp_path)
    await memory.keep(f"excess/here/{MODEL}", kept)
    prices = LearnedPrices(PRICE, "here", memory)

    await prices.recall([MODEL])

    assert worst(prices) == PRICE.worst_case(ASKED)


class Away:
    """A memory that cannot be reached."""

    async def recall(self, name: str) -> bytes | None:
        raise StateUnreachable(name)

    async def keep(self, name: str, value: bytes) -> None:
        raise StateUnreachable(f"{name}: {value!r}")


async def test_without_its_memory_a_process_still_learns_for_itself() -> None:
    prices = LearnedPrices(PRICE, "here", Away())

    await prices.recall([MODEL])
    await prices.look(ASKED, reply(completion=500))

    assert worst(prices) > PRICE.worst_case(ASKED)


def stack_of(says: ChatReply, prices: LearnedPrices, budget: MemoryBudget) -> tuple[Budgeted, Books]:
    books = Books()
    return Budgeted(Metered(ScriptedModel([says, says]), books, prices, look=prices.look), budget, prices, books), books


async def test_calls_that_follow_are_reserved_by_what_was_learned() -> None:
    prices = LearnedPrices(PRICE, "here")
    model, books = stack_of(reply(completion=900), prices, MemoryBudget(1.0))
    careful, _ = stack_of(reply(), prices, MemoryBudget(PRICE.worst_case(ASKED) * 3))

    await model.complete(ASKED)

    assert books.total().cost_usd == PRICE.cost(Usage(10, 0, 900))
    with pytest.raises(BudgetSpent):
        await careful.complete(ASKED)


async def test_a_server_of_this_machine_that_says_what_it_bills_is_no_free_one() -> None:
    free, budget = Price(0.0, 0.0, 0.0, is_assumed=True), MemoryBudget(1.0)
    prices = LearnedPrices(PriceList({MODEL: free}), "here")
    model, books = stack_of(replace(ok(), cost_usd=0.25, said_usd=0.25), prices, budget)

    await model.complete(ASKED)

    assert ((await budget.status()).spent_usd, books.total().usd) == (0.25, 0.25)
    with pytest.raises(EndpointUnsuitable, match=r"set Budget\.PROMPT_PRICE"):
        await model.complete(ASKED)
