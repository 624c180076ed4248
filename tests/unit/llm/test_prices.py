from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.doubles.models import request
from troupe_batch.llm.chat import (
    ChatReply,
    ChatRequest,
    Message,
    Parameters,
    ReplySchema,
    ReplyStatus,
    Role,
    Usage,
    strict_object,
)
from troupe_batch.llm.price_library import ListedPrices
from troupe_batch.llm.prices import (
    DEFAULT_MAX_COMPLETION_TOKENS,
    NO_EXCESS,
    Excess,
    Price,
    PriceList,
    PriceStep,
    Rates,
    Tariff,
    asking_for,
    billed_usd,
    prompt_tokens_at_most,
)
from troupe_batch.llm.request_body import with_schema

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


def test_the_bound_holds_what_is_written_where_the_schema_stands_in_the_prompt() -> None:
    schema = ReplySchema("answer", strict_object({"q1": {"type": "string", "description": "ü" * 300}}))
    asked = replace(request(), reply_schema=schema)

    written = sum(len(message.content.encode()) for message in with_schema(asked.messages, schema))

    assert written < prompt_tokens_at_most(asked) < written + 400


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


TIERED = Price(
    1.0,
    0.1,
    4.0,
    1.25,
    steps=(PriceStep(1_000, Rates(2.0, 0.2, 6.0, 2.5)),),
    tiers={
        "flex": Tariff(0.5, 0.05, 2.0, 0.625, steps=(PriceStep(1_000, Rates(1.0, 0.1, 3.0, 1.25)),)),
        "priority": Tariff(2.0, 0.2, 8.0, 2.5, steps=(PriceStep(1_000, Rates(4.0, 0.4, 12.0, 5.0)),)),
    },
)
"""A made-up price whose prompts above 1,000 tokens cost twice as much, in three tiers."""
FACTORS = {"default": Decimal(1), "flex": Decimal("0.5"), "priority": Decimal(2)}


def bill(usage: Usage, tier: str) -> Decimal:
    """What a service with these prices would bill, reckoned on its own and in whole numbers."""
    is_long = usage.prompt_tokens > 1_000
    fresh = usage.prompt_tokens - usage.cached_tokens - usage.cache_write_tokens
    prompt = fresh * Decimal(1) + usage.cached_tokens * Decimal("0.1") + usage.cache_write_tokens * Decimal("1.25")
    completion = usage.completion_tokens * Decimal(6 if is_long else 4)
    return ((2 if is_long else 1) * prompt + completion) * FACTORS[tier] / 1_000_000


@st.composite
def some_usage(draw: st.DrawFn, most_prompt: int = 2_000, most_completion: int = 300) -> Usage:
    prompt = draw(
        st.one_of(st.integers(1, most_prompt), st.sampled_from([min(most_prompt, n) for n in (999, 1_000, 1_001)]))
    )
    cached = draw(st.integers(0, prompt))
    return Usage(prompt, cached, draw(st.integers(0, most_completion)), 0, draw(st.integers(0, prompt - cached)))


@given(some_usage(), st.sampled_from(sorted(FACTORS)))
def test_a_call_costs_what_its_service_bills_in_the_tier_that_the_reply_names(usage: Usage, tier: str) -> None:
    assert TIERED.cost(usage, tier) == pytest.approx(float(bill(usage, tier)), rel=1e-12)
    assert TIERED.cost(usage, tier.upper()) == TIERED.cost(usage, tier)


@given(some_usage(), st.sampled_from([None, *FACTORS]), st.sampled_from([None, "turbo"]))
def test_where_the_tier_is_not_known_no_call_costs_less_than_its_service_may_bill(
    usage: Usage, asked: str | None, said: str | None
) -> None:
    served = {"default", asked or "default"} if said is None else set(FACTORS)

    cost = asking_for(asked, TIERED).cost(usage, said)

    assert cost >= max(float(bill(usage, tier)) for tier in served) - 1e-15


@given(st.data(), st.sampled_from([None, *FACTORS]), st.integers(0, 700))
def test_no_bill_is_above_the_worst_case_in_any_tier_that_was_asked_for(
    data: st.DataObject, asked: str | None, letters: int
) -> None:
    worded = replace(request(), messages=(Message(Role.USER, "x" * letters),))
    limited = replace(worded, parameters=Parameters(max_completion_tokens=50))
    usage = data.draw(some_usage(prompt_tokens_at_most(limited), 50))
    served = data.draw(st.sampled_from(sorted({"default", asked or "default"})))

    worst_usd = asking_for(asked, TIERED).worst_case(limited)

    assert worst_usd >= float(bill(usage, served)) - 1e-15


def test_a_worst_case_reckons_with_a_step_that_the_bound_reaches_though_the_prompt_may_not() -> None:
    short, long = (replace(request(), messages=(Message(Role.USER, "x" * n),)) for n in (10, 2_000))
    limits = Parameters(max_completion_tokens=1)

    assert TIERED.worst_case(replace(short, parameters=limits)) < 1_000 * 1.25 / 1e6
    assert TIERED.worst_case(replace(long, parameters=limits)) >= 2_000 * 2.5 / 1e6


@pytest.mark.parametrize("said", ["default", "Standard", "auto", "scale", "on_demand"])
def test_the_ordinary_tier_has_many_names(said: str) -> None:
    usage = Usage(100, 0, 10)

    assert asking_for("priority", TIERED).cost(usage, said) == TIERED.cost(usage)


def test_what_the_service_itself_says_that_it_bills_goes_before_the_list() -> None:
    reply = ChatReply(ReplyStatus.OK, "yes", usage=Usage(100, 0, 10), said_usd=0.5)

    assert billed_usd(TIERED, reply) == 0.5
    assert billed_usd(None, reply) == 0.5
    assert billed_usd(None, replace(reply, usage=None)) == 0.5


def test_a_service_that_says_it_bills_nothing_is_believed_only_of_what_is_free() -> None:
    reply = ChatReply(ReplyStatus.OK, "yes", usage=Usage(100, 0, 10), said_usd=0.0)

    assert billed_usd(TIERED, reply) == TIERED.cost(Usage(100, 0, 10))
    assert billed_usd(Price(0.0, 0.0, 0.0), replace(reply, usage=None)) == 0.0
    assert billed_usd(None, reply) is None


def test_a_price_is_stored_and_read_back_without_what_was_asked_and_learned() -> None:
    used = replace(TIERED, asked="flex", excess=Excess(2.0), as_of=date(2026, 11, 30), source="made up")

    found = Price.from_json(orjson.loads(orjson.dumps(used.as_json())))

    assert found == replace(used, asked=None, excess=NO_EXCESS)


@pytest.mark.parametrize("broken", [{"prompt": -1.0}, {"completion": None}, {"tiers": {"flex": 1}}, {"more": 1}])
def test_a_stored_price_that_cannot_be_is_refused(broken: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=next(iter(broken))):
        Price.from_json({**orjson.loads(orjson.dumps(TIERED.as_json())), **broken})
