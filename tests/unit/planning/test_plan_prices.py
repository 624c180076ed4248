"""Prices that a plan froze: what they are worth to workers, to a resume, and to whoever looks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

import orjson
import pytest

from troupe_batch.errors import ResultsDamaged
from troupe_batch.llm.prices import Price, PriceList, PriceStep, Rates, Tariff
from troupe_batch.planning.plan import Plan, as_resumed, differences
from troupe_batch.planning.prices import PlanPrices, changes, price_text, rates_text

Make = Callable[..., Plan]
DAY = date(2026, 11, 30)
LUNA = Price(
    0.10,
    0.01,
    0.50,
    0.125,
    steps=(PriceStep(272_000, Rates(0.20, 0.02, 0.75, 0.25)),),
    tiers={"flex": Tariff(0.05, 0.005, 0.25, 0.0625)},
    as_of=date(2026, 11, 9),
    source="OpenAI, by a list",
)
DEARER = replace(LUNA, prompt=0.12, as_of=date(2026, 12, 1))


def priced(plan: Plan, price: Price = LUNA, tier: str | None = None, **more: Price) -> Plan:
    return replace(plan, prices=PlanPrices({plan.endpoint.model: price, **more}, DAY, tier))


def test_a_plan_keeps_its_prices_when_it_is_stored(make: Make) -> None:
    plan = priced(make(), tier="flex")

    assert Plan.from_json(plan.to_json()).prices == plan.prices


def test_prices_change_no_digest_and_are_no_difference(make: Make) -> None:
    plain = make()

    assert priced(plain).digest == priced(plain, DEARER).digest == plain.digest
    assert differences(priced(plain), priced(plain, DEARER)) == []


def test_a_plan_of_before_prices_were_frozen_has_none_and_takes_those_of_its_resume(make: Make) -> None:
    old = make()

    assert Plan.from_json(old.to_json()).prices is None
    assert as_resumed(priced(old), old).prices == priced(old).prices


def test_a_resume_keeps_the_frozen_prices_and_takes_todays_for_models_that_had_none(make: Make) -> None:
    plan = make()
    frozen, now = priced(plan, LUNA), priced(plan, DEARER, embedder=Price(0.02, 0.02, 0.0))

    kept = as_resumed(now, frozen).prices

    assert kept is not None
    assert kept.models == {plan.endpoint.model: LUNA, "embedder": Price(0.02, 0.02, 0.0)}
    assert kept.looked_up == DAY


def test_a_resume_asks_for_the_tier_that_is_wanted_now(make: Make) -> None:
    kept = as_resumed(priced(make(), tier="flex"), priced(make(), tier=None)).prices

    assert kept is not None
    assert kept.service_tier == "flex"


def test_a_price_that_has_changed_since_is_told_and_one_that_is_only_dated_anew_is_not(make: Make) -> None:
    model = make().endpoint.model

    assert changes(priced(make(), replace(LUNA, as_of=DAY)).prices, priced(make()).prices) == []
    (line,) = changes(priced(make(), DEARER).prices, priced(make()).prices)
    assert line.startswith(f"the price of {model} has changed since the run was planned on 2026-11-30: $0.12 prompt")
    assert "the run goes on counting with $0.1 prompt" in line
    assert changes(None, priced(make()).prices) == changes(priced(make()).prices, None) == []


@pytest.mark.parametrize(
    "broken",
    [
        {},
        {"models": {"gpt": {"prompt": -1.0, "cached": 0.0, "completion": 0.0}}},
        {"models": {"gpt": 3}},
        {"models": []},
        {"looked_up": "yesterday"},
        {"service_tier": 7},
    ],
)
def test_stored_prices_that_cannot_be_are_damage(make: Make, broken: dict[str, Any]) -> None:
    body = orjson.loads(priced(make()).to_json())
    body["prices"] = {**body["prices"], **broken} if broken else {}

    with pytest.raises(ResultsDamaged):
        Plan.from_json(orjson.dumps(body))


def test_calls_are_billed_by_the_frozen_prices_in_the_tier_that_is_asked_for(make: Make) -> None:
    plan = priced(make(), tier="flex")
    beyond = PriceList({}, otherwise=DEARER)

    assert plan.prices is not None
    prices = plan.prices.list(beyond=beyond)

    assert prices.of(plan.endpoint.model) == replace(LUNA, asked="flex")
    assert prices.of("only-a-reply-names-it") == DEARER


def test_a_price_says_its_classes_its_source_and_its_age() -> None:
    text = price_text("gpt-6-luna", LUNA, DAY, tier=None, today=DAY)

    assert text == (
        "gpt-6-luna: $0.1 prompt, $0.01 of it read from a cache, $0.125 written to it, $0.5 completion (per 1M tokens; "
        "more above 272,000 tokens); OpenAI, by a list, as of 2026-11-09 (21 days old)"
    )
    assert "$0.05 prompt" in price_text("gpt-6-luna", LUNA, DAY, tier="flex", today=DAY)
    assert "in tier flex" in price_text("gpt-6-luna", LUNA, DAY, tier="flex", today=DAY)


@pytest.mark.parametrize(
    ("days", "age"), [(0, "looked up 2026-11-30 (today)"), (1, "(1 day old)"), (400, "(400 days old)")]
)
def test_a_price_without_a_day_of_its_own_is_as_old_as_its_plan(days: int, age: str) -> None:
    price = replace(LUNA, as_of=None)

    assert price_text("m", price, DAY, tier=None, today=date.fromordinal(DAY.toordinal() + days)).endswith(age)


def test_what_is_free_is_said_to_cost_nothing_and_what_costs_by_the_call_says_so() -> None:
    assert rates_text(Price(0.0, 0.0, 0.0)) == "$0"
    assert rates_text(Price(1.0, 1.0, 0.0, per_call=0.012)) == "$1 prompt, $0.012 a call (per 1M tokens)"
