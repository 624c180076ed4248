"""Bills of services with many habits of counting: the real stack, over real HTTP, against a fake with its own books."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.doubles.endpoint import Books, FakeEndpoint, Habits, fake_endpoint
from troupe_batch.errors import BudgetSpent, EndpointUnsuitable, SettingsError, TroupeError
from troupe_batch.llm.chat import ChatRequest, Message, Parameters, Role, Usage
from troupe_batch.llm.prices import Price, PriceStep, Rates, Tariff
from troupe_batch.llm.spending import Spending
from troupe_batch.planning.prices import PlanPrices
from troupe_batch.settings import load_settings
from troupe_batch.wiring.caps import Cap
from troupe_batch.wiring.endpoints import choose_endpoint
from troupe_batch.wiring.model_stack import open_model

MODEL = "made-up"
RULES = "You are a person. " * 300  # a prefix that is long enough to be kept
# The prices of the fake's own books, in our words.
PRICE = Price(
    1.0,
    0.1,
    4.0,
    1.25,
    steps=(PriceStep(272_000, Rates(2.0, 0.2, 6.0, 2.5)),),
    tiers={
        "flex": Tariff(0.5, 0.05, 2.0, 0.625, steps=(PriceStep(272_000, Rates(1.0, 0.1, 3.0, 1.25)),)),
        "priority": Tariff(2.0, 0.2, 8.0, 2.5, steps=(PriceStep(272_000, Rates(4.0, 0.4, 12.0, 5.0)),)),
    },
)


@dataclass
class Outcome:
    """What a number of calls came to."""

    spending: Spending
    bill_usd: float
    errors: list[TroupeError] = field(default_factory=list)


async def spent_on(  # noqa: PLR0913 -- a run in its parts
    server: FakeEndpoint,
    folder: Path,
    *,
    calls: int = 6,
    price: Price | None = PRICE,
    cap_usd: float | None = 50.0,
    tier: str | None = None,
    prompt: str = "",
    **more: str,
) -> Outcome:
    """A stack that asks the fake for so many answers, one after the other."""
    environment = {"TROUPE_OPENAI_BASE_URL": server.url, "TROUPE_STORAGE_STATE_FOLDER": str(folder / "state"), **more}
    settings = load_settings(environment=environment)
    endpoint = choose_endpoint(settings, model=MODEL)
    frozen = None if price is None else PlanPrices({MODEL: price}, datetime.now(UTC).date(), tier)
    cap = None if cap_usd is None else Cap("bill", cap_usd, nothing_spent)
    found = Outcome(Spending(), 0.0)
    async with await open_model(settings, endpoint, cap=cap, is_shared=False, frozen=frozen) as stack:
        for number in range(calls):
            messages = (Message(Role.SYSTEM, RULES + prompt), Message(Role.USER, f"How do you do, number {number}?"))
            request = ChatRequest(endpoint, messages, str(number), Parameters(max_completion_tokens=200))
            try:
                await stack.model.complete(request)
            except TroupeError as error:
                found.errors.append(error)
        found.spending, found.bill_usd = stack.spending, server.books.usd
    return found


async def nothing_spent() -> Spending | None:
    return None


SAID = {
    "plain": Habits(),
    "a cache of prefixes": Habits(prefix_cache="prefix"),
    "cache writes": Habits(prefix_cache="breakpoints"),
    "reasoning": Habits(reasoning_tokens=80),
    "reasoning in the total alone": Habits(reasoning_tokens=80, hides_reasoning=True),
    "reasoning beside the completion": Habits(reasoning_tokens=80, usage="xai", prefix_cache="prefix"),
    "hits and misses": Habits(prefix_cache="prefix", usage="deepseek"),
    "a prompt without its cache": Habits(prefix_cache="breakpoints", usage="anthropic"),
    "a cheap tier": Habits(service_tier="flex", prefix_cache="breakpoints"),
    "a dear tier": Habits(service_tier="priority", reasoning_tokens=40),
    "the ordinary tier by name": Habits(service_tier="default"),
    "a limit that is ignored": Habits(reasoning_tokens=900, ignores_limit=True),
    "more tokens than bytes": Habits(bytes_per_token=0.4),
}


@pytest.mark.parametrize("name", SAID)
async def test_what_is_counted_is_the_bill(name: str, tmp_path: Path) -> None:
    async with fake_endpoint(SAID[name]) as server:
        found = await spent_on(server, tmp_path)

    assert found.errors == []
    assert found.spending.usd == pytest.approx(found.bill_usd, rel=1e-9)
    assert found.spending.uncertain_calls == 0


async def test_prompts_of_more_than_272_000_tokens_cost_by_their_step(tmp_path: Path) -> None:
    async with fake_endpoint(Habits(bytes_per_token=1.0)) as server:
        found = await spent_on(server, tmp_path, calls=1, prompt="x" * 272_000)
        short = await spent_on(server, tmp_path, calls=1)

    assert found.spending.prompt_tokens > 272_000
    assert found.spending.usd == pytest.approx(found.bill_usd, rel=1e-9)
    assert found.spending.usd > 272_000 * 2 / 1e6
    assert short.spending.usd < 0.02


@pytest.mark.parametrize("usage", ["absent", "zero", "negative"])
async def test_where_nothing_is_said_no_less_than_the_bill_is_counted(usage: str, tmp_path: Path) -> None:
    async with fake_endpoint(Habits(usage=usage)) as server:  # type: ignore[arg-type] # one of the literals
        found = await spent_on(server, tmp_path)

    assert found.spending.usd >= found.bill_usd
    assert (found.spending.calls, found.spending.silent_calls) == (6, 6)


async def test_what_the_service_says_that_it_bills_goes_before_every_list(tmp_path: Path) -> None:
    async with fake_endpoint(Habits(says_cost=True), Books(prompt_price=3.0, completion_price=9.0)) as server:
        listed = await spent_on(server, tmp_path)
        server.books.usd = 0.0
        unlisted = await spent_on(server, tmp_path / "unlisted", price=None, cap_usd=None)

    assert listed.spending.usd == pytest.approx(listed.bill_usd)
    assert unlisted.spending.usd == pytest.approx(unlisted.bill_usd)
    assert unlisted.spending.unpriced == 0


async def test_a_cap_holds_but_for_the_first_call_of_a_server_that_ignores_its_limit(tmp_path: Path) -> None:
    async with fake_endpoint(Habits(reasoning_tokens=5_000, ignores_limit=True)) as server:
        found = await spent_on(server, tmp_path, calls=40, cap_usd=0.2)

    assert found.spending.usd == pytest.approx(found.bill_usd, rel=1e-9)
    assert 0.1 < found.bill_usd <= 0.2
    assert {type(error) for error in found.errors} == {BudgetSpent}
    assert found.spending.over_calls == 1


async def test_what_one_process_learned_the_next_one_reserves_from_its_first_call_on(tmp_path: Path) -> None:
    async with fake_endpoint(Habits(reasoning_tokens=5_000, ignores_limit=True)) as server:
        first = await spent_on(server, tmp_path, calls=1, cap_usd=1.0)
        second = await spent_on(server, tmp_path, calls=1, cap_usd=0.01, prompt="Anew. ")

    assert (first.spending.over_calls, first.errors) == (1, [])
    assert (second.spending.calls, [type(error) for error in second.errors]) == (0, [BudgetSpent])


async def test_workers_that_are_at_it_learn_from_each_other_at_their_next_shard(redis_url: str, tmp_path: Path) -> None:
    habits = Habits(reasoning_tokens=5_000, ignores_limit=True)
    async with fake_endpoint(habits) as server:
        environment = {"TROUPE_OPENAI_BASE_URL": server.url, "TROUPE_REDIS_BROKER_URL": redis_url}
        settings = load_settings(environment={**environment, "TROUPE_STORAGE_STATE_FOLDER": str(tmp_path)})
        endpoint, cap = choose_endpoint(settings, model=MODEL), Cap("fleet", 0.03, nothing_spent)
        frozen = PlanPrices({MODEL: PRICE}, datetime.now(UTC).date())
        request = ChatRequest(endpoint, (Message(Role.USER, "Hi."),), "0", Parameters(max_completion_tokens=200))
        async with (
            await open_model(settings, endpoint, cap=cap, frozen=frozen) as one,
            await open_model(settings, endpoint, cap=cap, frozen=frozen) as other,
        ):
            await one.model.complete(request)
            await other.keep_cap()
            with pytest.raises(BudgetSpent):
                await other.model.complete(replace(request, sample="1"))

    assert len(server.chats) == 1
    assert server.books.usd > 0.02


@pytest.mark.parametrize(("tier", "factor"), [("flex", 0.5), ("priority", 2.0), (None, 1.0)])
async def test_a_tier_is_asked_for_where_the_service_has_tiers_and_priced_as_the_reply_says(
    tier: str | None, factor: float, tmp_path: Path
) -> None:
    async with fake_endpoint(Habits(service_tier=tier)) as server:
        found = await spent_on(server, tmp_path, tier=tier, TROUPE_OPENAI_SERVICE="openai")
        asked = {chat.body.get("service_tier") for chat in server.chats}

    assert asked == {tier}
    assert found.spending.usd == pytest.approx(found.bill_usd)
    assert found.spending.usd == pytest.approx(factor * PRICE.cost(found_usage(found)))


async def test_a_cheap_tier_that_the_reply_does_not_confirm_counts_as_the_ordinary_one(tmp_path: Path) -> None:
    async with fake_endpoint() as server:
        found = await spent_on(server, tmp_path, tier="flex", TROUPE_OPENAI_SERVICE="openai")

    assert found.spending.usd == pytest.approx(found.bill_usd)


async def test_under_a_cap_a_dear_tier_needs_a_price(tmp_path: Path) -> None:
    async with fake_endpoint() as server:
        with pytest.raises(SettingsError, match="no price is known for service tier fast of made-up"):
            await spent_on(server, tmp_path, tier="fast", TROUPE_OPENAI_SERVICE="openai")
        assert server.chats == []


async def test_a_model_of_this_machine_runs_under_a_cap_without_any_price(tmp_path: Path) -> None:
    async with fake_endpoint(Habits(usage="absent")) as server:
        found = await spent_on(server, tmp_path, price=None, cap_usd=0.0)

    assert found.errors == []
    assert (found.spending.calls, found.spending.usd, found.spending.unpriced) == (6, 0.0, 0)


async def test_a_gateway_on_this_machine_that_bills_ends_a_run_with_a_cap_after_its_first_call(tmp_path: Path) -> None:
    async with fake_endpoint(Habits(says_cost=True)) as server:
        found = await spent_on(server, tmp_path, price=None)

    assert len(server.chats) == 1
    assert found.spending.usd == pytest.approx(found.bill_usd)
    assert {type(error) for error in found.errors} == {EndpointUnsuitable}
    assert "Budget.PROMPT_PRICE" in str(found.errors[0])


def found_usage(found: Outcome) -> Usage:
    total = found.spending
    return Usage(
        total.prompt_tokens,
        total.cached_tokens,
        total.completion_tokens,
        total.reasoning_tokens,
        total.cache_write_tokens,
    )
