"""Dialects: which service stands at an address, what the settings pin, and what is left out after a refusal."""

from __future__ import annotations

import pytest

from troupe_batch.llm.chat import SchemaMode
from troupe_batch.llm.connection import Pins, dialect_at, services


@pytest.mark.parametrize(
    ("address", "service"),
    [
        ("https://api.openai.com/v1", "openai"),
        ("https://eu.api.openai.com/v1", "openai"),
        ("https://mine.openai.azure.com/openai/v1/", "azure"),
        ("https://openrouter.ai/api/v1", "openrouter"),
        ("https://api.mistral.ai/v1", "mistral"),
        ("https://generativelanguage.googleapis.com/v1beta/openai/", "gemini"),
        ("https://api.anthropic.com/v1/", "anthropic"),
        ("https://api.x.ai/v1", "xai"),
        ("http://localhost:8000/v1", "vllm"),
        ("http://gpu-box:30000/v1", "sglang"),
        ("http://192.168.1.7:11434/v1", "ollama"),
        ("http://127.0.0.1:8080/v1", "llamacpp"),
        ("http://[::1]:4000", "litellm"),
        ("http://localhost:1234/v1", "compatible"),
        ("https://llm.example.org:8000/v1", "compatible"),
        ("https://notopenrouter.ai.example.org/v1", "compatible"),
    ],
)
def test_a_service_is_known_by_its_host_or_its_port_on_a_local_network(address: str, service: str) -> None:
    assert dialect_at(address).service == service


def test_each_service_that_the_table_names_has_a_dialect() -> None:
    for name in services():
        assert dialect_at("", Pins(service=name)).service == name


def test_what_the_settings_pin_holds_against_the_table() -> None:
    pins = Pins(service="mistral", limit_field="max_completion_tokens", sends_seed=True, schema_mode=SchemaMode.JSON)

    found = dialect_at("http://localhost:8000/v1", pins)

    assert (found.service, found.limit_field, found.seed()) == ("mistral", "max_completion_tokens", "random_seed")
    assert found.schema_mode is SchemaMode.JSON
    assert dialect_at("https://api.openai.com/v1", Pins(sends_seed=True)).seed() == "seed"
    assert dialect_at("http://localhost:8000/v1", Pins(sends_seed=False)).seed() is None


def test_what_is_refused_is_left_out_and_the_other_name_of_the_limit_takes_over() -> None:
    start = dialect_at("http://localhost:1234/v1")

    without = start.without(("max_tokens", "seed"), keywords=("pattern",))

    assert (start.limit_field, start.seed()) == ("max_tokens", "seed")
    assert (without.limit_field, without.seed()) == ("max_completion_tokens", None)
    assert "pattern" in without.unknown_keywords
    assert without.without(("max_completion_tokens",)).limit_field is None


def test_no_effort_is_written_as_each_service_wants_it() -> None:
    sent = {name: dialect_at("", Pins(service=name)).effort.sent("none") for name in services()}

    assert sent["openai"] == ("reasoning_effort", "none")
    assert sent["openrouter"] == ("reasoning.effort", "none")
    assert sent["vllm"] == ("chat_template_kwargs.enable_thinking", False)
    assert sent["deepseek"] == ("thinking.type", "disabled")
    assert sent["anthropic"] is None
    assert dialect_at("", Pins(service="vllm")).effort.sent("high") == ("reasoning_effort", "high")
