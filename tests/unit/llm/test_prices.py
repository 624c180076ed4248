from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.doubles.models import request
from troupe_batch.llm.chat import ChatRequest, Message, Parameters, Role, Usage
from troupe_batch.llm.price_library import ListedPrices
from troupe_batch.llm.prices import DEFAULT_MAX_COMPLETION_TOKENS, Price, PriceList, prompt_tokens_at_most

PRICES = ListedPrices()


@pytest.mark.parametrize(
    ("model", "prompt"),
    [
        ("gpt-4o-mini", 0.15),
        ("gpt-4o-mini-2024-07-18", 0.15),
        ("gpt-4o-2024-08-06", 2.50),
        ("gpt-4o-2024-05-13", 5.00),
        ("gpt-5-nano-2025-08-07", 0.05),
        ("gpt-6-luna", 0.10),
    ],
)
def test_a_dated_name_has_the_price_of_its_model(model: str, prompt: float) -> None:
    price = PRICES.of(model)

    assert price is not None
    assert price.prompt == prompt


@pytest.mark.parametrize("model", ["gpt-5-super", "gpt-6-luna-mini", "gpt-4o-mini-2024", "llama-3", "gpt", "", None])
def test_an_unknown_model_has_no_price(model: str | None) -> None:
    assert PRICES.of(model) is None


def test_a_price_of_the_user_goes_first_and_may_add_a_name() -> None:
    mine = PriceList({"gpt-4o-mini": Price(1, 1, 1), "my-deployment": Price(2, 2, 2)}, beyond=PRICES)

    assert mine.of("gpt-4o-mini") == Price(1, 1, 1)
    assert mine.of("my-deployment") == Price(2, 2, 2)
    assert mine.of("gpt-4o-mini-2024-07-18") == PRICES.of("gpt-4o-mini-2024-07-18")
    assert PRICES.of("my-deployment") is None


def test_a_rehearsal_costs_nothing_whatever_the_model() -> None:
    free = PriceList.free().of("gpt-5")

    assert free is not None
    assert free.cost(Usage(10**6, 0, 10**6, 0)) == 0


def test_cached_tokens_are_charged_at_their_own_price() -> None:
    assert Price(10.0, 1.0, 100.0).cost(Usage(1000, 400, 10, 7)) == pytest.approx((600 * 10 + 400 + 10 * 100) / 1e6)


def test_tokens_that_are_written_to_the_prefix_cache_are_charged_at_their_own_price() -> None:
    price = PRICES.of("gpt-6-luna")
    usage = Usage(prompt_tokens=1_000, cached_tokens=300, completion_tokens=10, cache_write_tokens=600)

    assert price is not None
    assert price.cost(usage) == pytest.approx((100 * 0.10 + 300 * 0.01 + 600 * 0.125 + 10 * 0.50) / 1e6)


def test_where_writing_has_no_price_of_its_own_a_written_token_costs_as_much_as_any() -> None:
    assert Price(10.0, 1.0, 0.0).cost(Usage(100, cache_write_tokens=60)) == pytest.approx(100 * 10 / 1e6)


@given(st.integers(0, 3_000), st.integers(0, 3_000), st.integers(0, 3_000))
def test_no_usage_within_the_bound_of_a_request_costs_more_than_its_worst_case(a: int, b: int, c: int) -> None:
    asked = replace(request(), parameters=Parameters(max_completion_tokens=c))
    price = PRICES.of("gpt-6-luna")
    bound = prompt_tokens_at_most(asked)
    cached = min(a, bound)

    assert price is not None
    assert price.cost(Usage(bound, cached, c, 0, min(b, bound - cached))) <= price.worst_case(asked) + 1e-15


def test_the_worst_case_takes_the_limit_of_the_request_or_the_default() -> None:
    price, plain = Price(0.0, 0.0, 1.0), request()
    limited = replace(plain, parameters=Parameters(max_completion_tokens=10))

    assert price.worst_case(limited) == pytest.approx(10 / 1e6)
    assert price.worst_case(plain) == pytest.approx(DEFAULT_MAX_COMPLETION_TOKENS / 1e6)


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=1, max_size=4))
def test_the_bound_on_prompt_tokens_counts_every_byte_of_text_and_schema(texts: list[str]) -> None:
    asked: ChatRequest = replace(request(), messages=tuple(Message(Role.USER, text) for text in texts))

    bound = prompt_tokens_at_most(asked)

    assert bound > sum(len(text.encode()) for text in texts) + 4 * len(texts) + len('{"q1":')


@pytest.mark.parametrize(("model", "prompt"), [("text-embedding-3-small", 0.02), ("text-embedding-3-large", 0.13)])
def test_embeddings_have_a_price_for_what_they_read_alone(model: str, prompt: float) -> None:
    price = PRICES.of(model)

    assert price is not None
    assert (price.prompt, price.cached, price.completion) == (prompt, prompt, 0.0)


def test_one_price_is_a_list_on_which_all_models_cost_the_same() -> None:
    price = Price(1.0, 1.0, 2.0)

    assert price.of("gpt-5") is price
    assert price.of(None) is price


def test_a_list_may_say_what_all_other_models_cost() -> None:
    own, free = Price(1.0, 1.0, 2.0), Price(0.0, 0.0, 0.0)
    listed = PriceList({"mine": own}, otherwise=free)

    assert (listed.of("mine"), listed.of("nobody"), listed.of(None)) == (own, free, free)
