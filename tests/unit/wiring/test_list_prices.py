"""Prices under the settings of a process: the user's own, those of the list, and where each comes from."""

from __future__ import annotations

import pytest

from troupe_batch.errors import SettingsError
from troupe_batch.llm.chat import Endpoint, Usage
from troupe_batch.llm.prices import Price
from troupe_batch.settings import Settings, load_settings
from troupe_batch.wiring.list_prices import look_up, price_list

OPENAI = Endpoint("openai", "gpt-6-luna")
REHEARSAL = Endpoint("rehearsal/abc/1", "llama3.2", is_rehearsal=True)


def settings(**options: str) -> Settings:
    return load_settings(environment={f"TROUPE_{name}": text for name, text in options.items()})


def price(endpoint: Endpoint, model: str | None = None, **options: str) -> Price:
    found = price_list(settings(**options), endpoint).of(model or endpoint.model)
    assert found is not None
    return found


def test_without_a_price_of_the_user_the_list_holds() -> None:
    assert (price(OPENAI).prompt, price(OPENAI).written) == (0.10, 0.125)


def test_a_price_of_the_user_holds_for_the_main_model_alone() -> None:
    own = {"BUDGET_PROMPT_PRICE": "1", "BUDGET_COMPLETION_PRICE": "2"}

    assert (price(OPENAI, **own).prompt, price(OPENAI, **own).completion) == (1.0, 2.0)
    assert price(OPENAI, "text-embedding-3-small", **own).prompt == 0.02


def test_what_the_user_leaves_out_stands_to_their_price_as_in_the_list() -> None:
    own = price(OPENAI, BUDGET_PROMPT_PRICE="1", BUDGET_CACHED_PRICE="0.1", BUDGET_COMPLETION_PRICE="5")

    assert own.written == pytest.approx(1.25)
    assert own.cost(Usage(300_000, 0, 100)) == pytest.approx((300_000 * 2.0 + 100 * 7.5) / 1e6)
    assert own.cost(Usage(1_000, 400, 100, 0, 200), "flex") == pytest.approx(
        (400 * 1.0 + 400 * 0.1 + 200 * 1.25 + 100 * 5.0) / 2e6
    )
    assert own.cost(Usage(1_000, 0, 100), "priority") == pytest.approx(2 * own.cost(Usage(1_000, 0, 100)))


def test_the_user_may_say_what_cache_writes_cost() -> None:
    own = price(OPENAI, BUDGET_PROMPT_PRICE="1", BUDGET_COMPLETION_PRICE="5", BUDGET_WRITTEN_PRICE="3")

    assert own.written == 3.0
    assert own.steps[0].rates.written == pytest.approx(6.0)


def test_half_a_price_is_a_mistake() -> None:
    with pytest.raises(SettingsError, match="set both or neither"):
        price(OPENAI, BUDGET_PROMPT_PRICE="1")


def test_settings_that_say_0_speak_of_an_endpoint_of_ones_own() -> None:
    far = Endpoint("https://models.example/v1", "ours")
    free = {"BUDGET_PROMPT_PRICE": "0", "BUDGET_COMPLETION_PRICE": "0"}

    assert price_list(settings(), far).of("ours") is None
    assert price(far, **free).is_free
    assert price(far, "another-of-ours", **free).is_free


@pytest.mark.parametrize(
    ("address", "is_free"), [("http://localhost:11434/v1", True), ("https://far.example/v1", False)]
)
def test_a_rehearsal_counts_what_the_same_run_would_cost_in_earnest(address: str, *, is_free: bool) -> None:
    found = price_list(settings(OPENAI_BASE_URL=address), REHEARSAL).of("llama3.2")

    assert (found is not None and found.is_free) == is_free
    assert price(Endpoint(REHEARSAL.identity, "gpt-6-luna", is_rehearsal=True)).prompt == 0.10


def test_a_look_up_has_a_day_and_leaves_out_what_nobody_knows() -> None:
    found = look_up(settings(), OPENAI, ("gpt-6-luna", "nobody-knows-it"))

    assert list(found.models) == ["gpt-6-luna"]
    assert (found.looked_up.year >= 2026, found.service_tier) == (True, None)


def test_a_tier_is_asked_for_only_where_there_are_tiers() -> None:
    local = settings(OPENAI_BASE_URL="http://localhost:11434/v1")

    assert look_up(settings(), OPENAI, (), tier="flex").service_tier == "flex"
    assert look_up(local, Endpoint("http://localhost:11434/v1", "llama3.2"), (), tier="flex").service_tier is None
