"""List prices by the endpoint that charges them."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from troupe_batch.llm.chat import Usage
from troupe_batch.llm.connection import dialect_at
from troupe_batch.llm.price_library import ListedPrices, PriceFile
from troupe_batch.llm.prices import Price, PriceStep, Rates

NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)
PROJECT = Path(__file__).resolve().parents[3]
LUNA = "gpt-6-luna"
OF_ANYBODY = ["llama3.2", "openai/gpt-oss-20b", "gpt-oss:20b", "deepseek-r1:8b", "gemma3:27b", "ours"]


def price_at(identity: str, model: str, *, moment: datetime = NOON, file: PriceFile | None = None) -> Price:
    price = ListedPrices(identity, moment=moment, file=file).of(model)
    assert price is not None
    return price


def test_gpt_6_luna_has_three_classes_of_prompt_tokens_a_step_and_four_tiers() -> None:
    luna = price_at("openai", LUNA)

    assert (luna.prompt, luna.cached, luna.written, luna.completion) == (0.10, 0.01, 0.125, 0.50)
    assert luna.steps == (PriceStep(272_000, Rates(0.20, 0.02, 0.75, 0.25)),)
    assert {name: tier.prompt for name, tier in luna.tiers.items()} == {
        "flex": 0.05,
        "batch": 0.05,
        "priority": 0.20,
        "fast": 0.20,
    }
    assert luna.tiers["fast"].steps == (PriceStep(272_000, Rates(0.40, 0.04, 1.50, 0.50)),)


@pytest.mark.parametrize("model", [LUNA, "gpt-4o-mini", "gpt-4.1", "gpt-5", "gpt-5.1", "text-embedding-3-small"])
def test_a_list_price_names_its_source_and_its_day(model: str) -> None:
    price = price_at("openai", model)

    assert price.source.startswith("OpenAI, by genai-prices ")
    assert isinstance(price.as_of, date)
    assert not price.is_assumed


def test_the_library_that_the_list_speaks_of_is_the_one_that_is_installed_with_the_lock_file() -> None:
    stated = PriceFile.read((PROJECT / "troupe_batch" / "llm" / "prices.toml").read_text()).version

    for lock in ("requirements.lock", "requirements-dev.lock"):
        found = re.search(r"^genai-prices==(\S+)", (PROJECT / lock).read_text(), re.MULTILINE)
        assert found is not None
        assert found[1] == stated


@pytest.mark.parametrize(
    ("identity", "model", "prompt"),
    [
        ("https://openrouter.ai/api/v1", "deepseek/deepseek-chat", 0.2574),
        ("https://api.deepseek.com/v1", "deepseek-chat", 0.27),
        ("azure/ours.openai.azure.com", LUNA, 0.10),
        ("https://ours.openai.azure.com/openai/v1", LUNA, 0.10),
        ("https://api.mistral.ai/v1", "mistral-large-latest", 2.0),
        ("https://generativelanguage.googleapis.com/v1beta/openai", "models/gemini-2.5-flash", 0.3),
        ("https://api.moonshot.ai/v1", "kimi-k2", 0.57),
    ],
)
def test_the_same_model_costs_what_the_service_behind_the_address_charges(
    identity: str, model: str, prompt: float
) -> None:
    assert price_at(identity, model).prompt == prompt


def test_a_model_costs_at_one_service_what_another_does_not_know() -> None:
    assert ListedPrices("https://openrouter.ai/api/v1", moment=NOON).of("deepseek-chat") is None
    assert ListedPrices("azure/ours.openai.azure.com", moment=NOON).of("my-deployment") is None


@pytest.mark.parametrize(
    "identity", ["http://10.0.0.3:4000/v1", "https://api.openai.com.example/v1", "http://proxy/v1"]
)
def test_a_gateway_is_taken_to_charge_what_the_only_maker_of_a_model_does_and_that_is_said(identity: str) -> None:
    price = price_at(identity, f"openai/{LUNA}")

    assert price.is_assumed
    assert price.source.startswith("taken to cost at ")
    assert price.source.endswith(price_at("openai", LUNA).source)
    assert price.prompt == 0.10


@pytest.mark.parametrize(
    "model", ["llama3.2", "openai/gpt-oss-20b", "gpt-oss:20b", "deepseek-r1:8b", "gemma3:27b", "ours"]
)
def test_a_model_that_anybody_may_serve_has_no_price_at_an_unknown_address(model: str) -> None:
    assert ListedPrices("http://10.0.0.3:4000/v1", moment=NOON).of(model) is None


@pytest.mark.parametrize(
    "model", ["llama3.2", "openai/gpt-oss-20b", "gpt-oss:20b", "deepseek-r1:8b", "gemma3:27b", "ours"]
)
@pytest.mark.parametrize(
    "identity", ["http://localhost:11434/v1", "http://127.0.0.1:8000/v1", "http://[::1]:8000/v1", "http://127.9.0.1/v1"]
)
def test_a_server_on_this_machine_is_taken_to_cost_nothing(identity: str, model: str) -> None:
    price = price_at(identity, model)

    assert price.is_free
    assert price.is_assumed
    assert "this machine" in price.source


def test_a_gateway_on_this_machine_says_nothing_of_what_stands_behind_it() -> None:
    here = "http://localhost:4000/v1"

    assert ListedPrices(here, is_gateway=True).of("my-alias") is None
    assert dialect_at(here).is_gateway
    assert not dialect_at("http://localhost:8000/v1").is_gateway


@pytest.mark.parametrize("model", ["gpt-4o-mini", "anthropic/claude-opus-5", LUNA])
def test_a_gateway_on_this_machine_is_not_free(model: str) -> None:
    assert price_at("http://localhost:4000/v1", model).prompt > 0


@pytest.mark.parametrize("model", ["gpt-5-super", "gpt-6-luna-mini", "claude-opus-99"])
def test_a_maker_s_model_that_nobody_knows_is_not_free_on_this_machine(model: str) -> None:
    assert ListedPrices("http://localhost:4000/v1", moment=NOON).of(model) is None


def test_a_model_that_is_given_away_costs_nothing_and_one_without_a_price_is_not_taken_for_it() -> None:
    gift = price_at("https://openrouter.ai/api/v1", "meta-llama/llama-3.1-8b-instruct:free")

    assert gift.is_free
    assert not gift.is_assumed
    assert ListedPrices("https://generativelanguage.googleapis.com/v1beta", moment=NOON).of("gemma-3-27b-it") is None


def test_a_price_that_rises_tomorrow_is_that_of_a_run_that_lasts_overnight() -> None:
    google, model = "https://generativelanguage.googleapis.com/v1beta/openai", "gemini-4-argon"

    before = price_at(google, model, moment=datetime(2026, 11, 27, 12, tzinfo=UTC))
    on_the_eve = price_at(google, model, moment=datetime(2026, 11, 30, 2, tzinfo=UTC))

    assert on_the_eve.prompt == 4.0
    assert before.prompt < on_the_eve.prompt


@pytest.mark.parametrize("hour", [0, 5, 12, 18])
def test_a_price_that_changes_with_the_hour_is_the_dearest_of_the_day(hour: int) -> None:
    at = datetime(2026, 11, 30, hour, tzinfo=UTC)

    assert price_at("https://api.deepseek.com/v1", "deepseek-v4-pro", moment=at).prompt == 1.32


def test_a_tier_of_another_provider_is_taken_over_only_where_it_is_dearer() -> None:
    assert {"flex", "batch"}.isdisjoint(price_at("azure/ours.openai.azure.com", LUNA).tiers)
    assert "priority" in price_at("azure/ours.openai.azure.com", LUNA).tiers


def test_a_charge_for_each_call_is_part_of_the_price() -> None:
    sonar = price_at("https://api.perplexity.ai", "sonar")

    assert sonar.cost(Usage(1_000_000, 0, 0)) == pytest.approx(1.0 + 0.012)


def test_what_the_file_knows_better_goes_before_the_library_with_dated_names_too() -> None:
    text = """
    [library]
    version = "0.2.3"
    as_of = 2026-11-09
    [makers]
    [overrides.openai.gpt-6-luna]
    prompt = 1.0
    cached = 0.5
    completion = 2.0
    as_of = 2026-11-30
    source = "https://example.org/prices"
    [overrides.openai.gpt-6-luna.tiers.flex]
    prompt = 0.5
    cached = 0.25
    completion = 1.0
    """
    file = PriceFile.read(text)

    assert price_at("openai", LUNA, file=file).prompt == 1.0
    assert price_at("openai", f"{LUNA}-2026-09-22", file=file).tiers["flex"].prompt == 0.5
    assert price_at("openai", "gpt-4o-mini", file=file).prompt == 0.15


@given(
    model=st.sampled_from([LUNA, "gpt-5-mini", "gpt-4o-mini", "gpt-4o-2024-05-13", "gpt-5.4", "gpt-6-sol", "o3"]),
    tier=st.sampled_from([None, "default", "flex", "priority", "fast"]),
    prompt=st.sampled_from([1, 1_024, 271_999, 272_000, 272_001, 900_000]),
    read=st.integers(0, 100),
    written=st.integers(0, 100),
    completion=st.sampled_from([0, 1, 120, 128_000]),
)
@settings(max_examples=200)
def test_our_bill_is_that_of_the_library_itself(
    model: str, tier: str | None, prompt: int, read: int, written: int, completion: int
) -> None:
    import genai_prices

    cached = prompt * read // 100
    stored = (prompt - cached) * written // 100
    price = price_at("openai", model)
    said = tier if tier in {*price.tiers, "default"} else None
    theirs = genai_prices.calc_price(
        genai_prices.Usage(
            input_tokens=prompt, cache_read_tokens=cached, cache_write_tokens=stored, output_tokens=completion
        ),
        model,
        provider_id="openai",
        genai_request_timestamp=NOON,
        price_context=None if said is None else {"service_tier": said},
    )

    ours = price.cost(Usage(prompt, cached, completion, 0, stored), said)

    assert ours == pytest.approx(float(theirs.total_price), rel=1e-9, abs=1e-15)
