"""Body of a chat request, as the dialect of its endpoint wants it written."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import orjson

from troupe_batch.errors import EndpointUnsuitable
from troupe_batch.llm.chat import ChatRequest, Message, ReplySchema, SchemaMode
from troupe_batch.llm.connection import Dialect
from troupe_batch.llm.prefix_cache import Beginning, CacheRule, Mark, Prefixes, cache_rule
from troupe_batch.llm.schemas import asking_for, without_keywords

# 31 bits: some servers read the seed into a signed 32-bit integer.
_SEED_MASK = 0x7FFFFFFF
_MARKS: dict[Mark, tuple[str, dict[str, str]]] = {
    Mark.BREAKPOINT: ("prompt_cache_breakpoint", {"mode": "explicit"}),
    Mark.CACHE_CONTROL: ("cache_control", {"type": "ephemeral"}),
}
_JSON_MODE = orjson.Fragment(b'{"type":"json_object"}')


class BodyWriter:
    """Writes bodies that ask for a tier of service, if any, and say what they share with others.

    Each schema is serialised once per dialect, and each shared beginning is counted once.
    """

    def __init__(self, prefixes: Prefixes, service_tier: str | None = None) -> None:
        self._prefixes = prefixes
        self._service_tier = service_tier
        self._formats: dict[tuple[str, frozenset[str]], orjson.Fragment] = {}

    def body(self, request: ChatRequest, dialect: Dialect) -> dict[str, Any]:
        """The fields of the request; EndpointUnsuitable where the service has none for what is asked."""
        parameters = request.parameters
        body: dict[str, Any] = {"model": request.endpoint.model, "messages": request.messages}
        if parameters.temperature is not None:
            body["temperature"] = parameters.temperature
        if parameters.top_p is not None:
            body["top_p"] = parameters.top_p
        if parameters.max_completion_tokens is not None and dialect.limit_field is not None:
            body[dialect.limit_field] = parameters.max_completion_tokens
        if parameters.reasoning_effort is not None:
            _set_effort(body, parameters.reasoning_effort, dialect)
        if (seed_field := dialect.seed()) is not None:
            body[seed_field] = seed_of(request.sample)
        if self._service_tier in dialect.tiers and "service_tier" not in dialect.refused:
            body["service_tier"] = self._service_tier
        if request.reply_schema is not None:
            self._ask_for(body, request.reply_schema, request, dialect)
        rule = cache_rule(dialect.service, request.endpoint.model, dialect.prefix_cache)
        _say_what_is_shared(body, self._prefixes.beginning(request, rule), rule, dialect.refused)
        return body

    def _ask_for(self, body: dict[str, Any], schema: ReplySchema, request: ChatRequest, dialect: Dialect) -> None:
        mode = request.endpoint.schema_mode
        if mode is SchemaMode.STRICT:
            body["response_format"] = self._format(schema, dialect.unknown_keywords)
            return
        body["messages"] = with_schema(request.messages, schema)
        if mode is SchemaMode.JSON:
            body["response_format"] = _JSON_MODE

    def _format(self, schema: ReplySchema, unknown: frozenset[str]) -> orjson.Fragment:
        """The `response_format` of a schema."""
        if (fragment := self._formats.get((schema.digest, unknown))) is None:
            sent = without_keywords(schema.schema, unknown) if unknown else schema.schema
            inner = {"name": schema.name, "strict": True, "schema": sent}
            fragment = orjson.Fragment(orjson.dumps({"type": "json_schema", "json_schema": inner}))
            self._formats[schema.digest, unknown] = fragment
        return fragment


def seed_of(sample: str) -> int:
    """The `seed` that is sent for a sample: 31 bits of its SHA-256."""
    return int.from_bytes(hashlib.sha256(sample.encode()).digest()[:4], "big") & _SEED_MASK


def with_schema(messages: Sequence[Message], schema: ReplySchema) -> tuple[Message, ...]:
    """The messages with the schema at the end of the first one, which is the text that most prompts of a run share."""
    first = messages[0]
    asked = f"{first.content}\n\n{asking_for(schema.schema)}"
    return (Message(first.role, asked), *messages[1:])


def _say_what_is_shared(
    body: dict[str, Any], beginning: Beginning | None, rule: CacheRule, refused: frozenset[str]
) -> None:
    """Tells a service that caches beginnings which requests have one in common, and where it ends."""
    if beginning is not None and rule.takes_key and "prompt_cache_key" not in refused:
        body["prompt_cache_key"] = beginning.key
    if rule.mark is None or _MARKS[rule.mark][0] in refused:
        return
    if rule.has_modes and "prompt_cache_options" not in refused:
        # Else all that follows is stored as well, each time, and never read.
        body["prompt_cache_options"] = {"mode": "explicit"}
    if beginning is not None and beginning.is_long:
        messages = list(body["messages"])
        last = messages[beginning.messages - 1]
        part = {"type": "text", "text": last.content, **dict((_MARKS[rule.mark],))}
        messages[beginning.messages - 1] = {"role": last.role, "content": [part]}
        body["messages"] = messages


def _set_effort(body: dict[str, Any], effort: str, dialect: Dialect) -> None:
    if not dialect.effort.takes(effort):
        raise EndpointUnsuitable(
            f"{dialect.service} takes no reasoning effort {effort!r}, only {', '.join(dialect.effort.values)}; change "
            "`reasoning_effort` in the job's model or OpenAI.REASONING_EFFORT"
        )
    if (sent := dialect.effort.sent(effort)) is None:
        return
    path, value = sent
    *outer, last = path.split(".")
    place = body
    for name in outer:
        place = place.setdefault(name, {})
    place[last] = value
