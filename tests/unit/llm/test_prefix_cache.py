"""Which rule of prefix caching holds where, and what a request tells its service because of it."""

from __future__ import annotations

from typing import Any, get_args

import orjson
import pytest

from troupe_batch.llm.chat import ChatRequest, Endpoint, Message, ReplySchema, Role, Sharing, strict_object
from troupe_batch.llm.connection import Dialect, Pins, dialect_at, services
from troupe_batch.llm.prefix_cache import CacheRule, Mark, Matches, Prefixes, cache_rule, keys_at, rule_names
from troupe_batch.llm.request_body import BodyWriter
from troupe_batch.rehearsal.prefix_cache import has_breakpoints
from troupe_batch.settings import PrefixCaching

OPENAI = dialect_at("https://api.openai.com/v1")
LONG, SHORT = "rule " * 2_000, "rule " * 300
SCHEMA = ReplySchema("answers", strict_object({"buy": {"type": "boolean"}}))


class Words:
    """Counts words."""

    def count_prompt(self, messages: Any, reply_schema: Any = None) -> int:  # noqa: ARG002 -- a schema is no words
        return sum(len(message.content.split()) for message in messages)


def request(rules: str = LONG, own: str = "I am Ann.", **more: Any) -> ChatRequest:
    fields = {"reply_schema": SCHEMA, "sharing": Sharing(1, 1_000, own), **more}
    model = fields.pop("model", "gpt-6-luna")
    messages = (Message(Role.SYSTEM, rules), Message(Role.USER, own))
    return ChatRequest(Endpoint("test", model), messages, "0", **fields)


def body(asked: ChatRequest, dialect: Dialect = OPENAI) -> dict[str, Any]:
    """What goes over the wire."""
    written: dict[str, Any] = orjson.loads(orjson.dumps(BodyWriter(Prefixes(Words())).body(asked, dialect)))
    return written


@pytest.mark.parametrize(
    ("service", "model", "name", "fewest"),
    [
        ("openai", "gpt-6-luna", "breakpoints", 1_024),
        ("openai", "gpt-5.6-terra", "breakpoints", 1_024),
        ("openai", "gpt-7", "breakpoints", 1_024),
        ("openai", "gpt-5.5", "automatic", 1_024),
        ("openai", "gpt-4o-mini", "automatic", 1_024),
        ("openai", "o3", "automatic", 1_024),
        ("azure", "gpt-6-luna", "breakpoints", 1_024),
        ("azure", "our-gpt-6-luna", "breakpoints", 1_024),
        ("azure", "our-deployment", "automatic", 1_024),
        ("openai", "ft:gpt-4o-mini:us:1", "automatic", 1_024),
        ("openai", "chatgpt-6-latest", "automatic", 1_024),
        ("rehearsal", "gpt-6-luna", "breakpoints", 1_024),
        ("litellm", "openai/gpt-6-luna", "breakpoints", 1_024),
        ("litellm", "our-alias", "none", 0),
        ("openrouter", "openai/gpt-6-luna", "breakpoints", 1_024),
        ("openrouter", "openai/gpt-4o", "by_itself", 1_024),
        ("openrouter", "anthropic/claude-haiku-4.5", "cache_control", 4_096),
        ("openrouter", "anthropic/claude-sonnet-4.6", "cache_control", 2_048),
        ("openrouter", "anthropic/claude-sonnet-4.5", "cache_control", 1_024),
        ("openrouter", "google/gemini-3-flash", "by_itself", 1_024),
        ("mistral", "mistral-small", "automatic", 64),
        ("vllm", "qwen", "by_itself", 16),
        ("anthropic", "claude-haiku-4.5", "none", 0),
        ("compatible", "gpt-6-luna", "none", 0),
        ("nobody's", "gpt-6-luna", "none", 0),
    ],
)
def test_the_rule_is_that_of_the_service_for_the_model(service: str, model: str, name: str, fewest: int) -> None:
    rule = cache_rule(service, model)

    assert (rule.name, rule.fewest_tokens) == (name, fewest)


def test_the_rehearsal_server_and_the_table_agree_on_which_models_have_breakpoints() -> None:
    models = ["gpt-6-luna", "gpt-5.6", "gpt-5.6-sol-2026-06-27", "gpt-6.1-sol", "gpt-10", "gpt-5.5", "gpt-5", "gpt-4o"]
    models += [
        "gpt-5-mini-2025-08-07",
        "gpt-4.1",
        "gpt-oss-120b",
        "rehearsal",
        "o3",
        "gpt-55.6x",
        "gpt-5.61",
        "our-gpt-6-luna",
    ]

    assert [cache_rule("rehearsal", m).mark is Mark.BREAKPOINT for m in models] == [has_breakpoints(m) for m in models]


def test_the_settings_name_the_rules_and_the_table_only_services_that_there_are() -> None:
    assert set(get_args(PrefixCaching)) == set(rule_names())
    assert all(cache_rule(service, "some-model").matches in Matches for service in services())
    assert cache_rule("compatible", "x", "cache_control").mark is Mark.CACHE_CONTROL


@pytest.mark.parametrize(("tokens", "cached"), [(1_023, 0), (1_024, 1_024), (1_151, 1_024), (1_152, 1_152)])
def test_a_beginning_is_cached_from_its_shortest_on_in_steps(tokens: int, cached: int) -> None:
    assert cache_rule("openai", "gpt-4o").cached(tokens) == cached
    assert cache_rule("openai", "gpt-6-luna").cached(tokens) == (tokens if tokens >= 1_024 else 0)
    assert CacheRule().cached(tokens) == 0


def test_the_end_of_a_long_shared_beginning_is_marked_and_nothing_else_is_stored() -> None:
    sent = body(request())

    marked, own = sent["messages"]
    part = {"type": "text", "text": LONG, "prompt_cache_breakpoint": {"mode": "explicit"}}
    assert marked == {"role": "system", "content": [part]}
    assert own == {"role": "user", "content": "I am Ann."}
    assert sent["prompt_cache_options"] == {"mode": "explicit"}
    assert 0 < len(sent["prompt_cache_key"]) <= 64


@pytest.mark.parametrize("asked", [request(SHORT), request(sharing=Sharing())])
def test_what_is_short_or_shared_by_nobody_is_not_stored_at_all(asked: ChatRequest) -> None:
    sent = body(asked)

    assert [message["content"] for message in sent["messages"]] == [message.content for message in asked.messages]
    assert sent["prompt_cache_options"] == {"mode": "explicit"}
    assert ("prompt_cache_key" in sent) is bool(asked.sharing.messages)


def test_an_older_model_is_told_the_key_alone() -> None:
    sent = body(request(model="gpt-4o-mini"))

    assert sent["messages"][0]["content"] == LONG
    assert "prompt_cache_key" in sent
    assert "prompt_cache_options" not in sent


@pytest.mark.parametrize(
    "address", ["http://localhost:8000/v1", "https://llm.example.org/v1", "https://api.anthropic.com/v1"]
)
def test_a_service_that_is_not_known_to_take_hints_is_told_nothing(address: str) -> None:
    sent = body(request(), dialect_at(address))

    assert not [name for name in sent if name.startswith("prompt_cache")]
    assert sent["messages"][0]["content"] == LONG


def test_a_gateway_to_anthropic_is_told_in_its_own_words() -> None:
    sent = body(
        request("rule " * 5_000, model="anthropic/claude-haiku-4.5"), dialect_at("https://openrouter.ai/api/v1")
    )

    [part] = sent["messages"][0]["content"]
    assert part["cache_control"] == {"type": "ephemeral"}
    assert not [name for name in sent if name.startswith("prompt_cache")]


def test_what_the_settings_pin_holds_at_any_address() -> None:
    dialect = dialect_at("https://llm.example.org/v1", Pins(prefix_cache="breakpoints"))

    assert "prompt_cache_breakpoint" in body(request(), dialect)["messages"][0]["content"][0]


@pytest.mark.parametrize(
    ("refused", "left"),
    [
        ({"prompt_cache_key"}, {"prompt_cache_options"}),
        ({"prompt_cache_options", "prompt_cache_breakpoint"}, {"prompt_cache_key"}),
    ],
)
def test_what_the_endpoint_has_refused_is_left_out(refused: set[str], left: set[str]) -> None:
    sent = body(request(), OPENAI.without(refused))

    assert {name for name in sent if name.startswith("prompt_cache")} == left
    assert isinstance(sent["messages"][0]["content"], str) is ("prompt_cache_breakpoint" in refused)


def test_the_key_is_that_of_what_is_shared_in_every_process() -> None:
    other_schema = ReplySchema("answers", strict_object({"like": {"type": "boolean"}}))
    same = [request(sharing=Sharing(1, 100, name), own=name) for name in ("Ann", "Bob", "Cleo")]
    others = [request(LONG + "!"), request(reply_schema=other_schema), request(model="gpt-6.1-sol")]

    keys = [body(asked)["prompt_cache_key"] for asked in same]
    other_keys = [body(asked)["prompt_cache_key"] for asked in others]

    assert len(set(keys)) == 1
    assert len({keys[0], *other_keys}) == 4
    # As written by another process, on another day.
    assert keys[0] == "c5578a70175e7c2c631768f893c25154-0"


def test_a_large_run_is_spread_over_keys_so_that_one_write_serves_about_200_reads() -> None:
    asked = [request(own=f"I am {n}.", sharing=Sharing(1, 10_000, str(n))) for n in range(10_000)]
    writer = BodyWriter(Prefixes(Words()))

    keys = [writer.body(one, OPENAI)["prompt_cache_key"] for one in asked]

    per_key = [keys.count(key) for key in set(keys)]
    assert len(per_key) == 50
    assert 130 < min(per_key) <= max(per_key) < 270
    assert writer.body(asked[7], OPENAI)["prompt_cache_key"] == keys[7]


def test_a_run_with_a_limit_has_no_more_keys_than_its_pace_needs() -> None:
    asked = [request(own=f"I am {n}.", sharing=Sharing(1, 10_000, str(n))) for n in range(1_000)]
    writer = BodyWriter(Prefixes(Words(), keys_at(60)))

    assert len({writer.body(one, OPENAI)["prompt_cache_key"] for one in asked}) == keys_at(60) == 4
    assert (keys_at(None), keys_at(1), keys_at(15), keys_at(16), keys_at(1_000_000)) == (512, 1, 1, 2, 512)


def test_a_service_that_takes_no_key_has_one_beginning_for_all() -> None:
    assert cache_rule("openrouter", "anthropic/claude-haiku-4.5").keys(100_000) == 1
    assert cache_rule("openai", "gpt-6-luna").keys(100_000) == 500


def test_sharing_changes_neither_the_reply_that_is_kept_nor_what_is_equal() -> None:
    one, other = request(), request(sharing=Sharing())

    assert one.key() == other.key()
    assert one == other
