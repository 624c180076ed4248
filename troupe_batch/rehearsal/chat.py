"""Chat completion, from the bytes of the request to the bytes of the reply; no clock, no network, no chance."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson

from troupe_batch.rehearsal.conduct import Conduct
from troupe_batch.rehearsal.faults import FaultKind
from troupe_batch.rehearsal.prefix_cache import CachingRefused, Controls, PrefixCache, prompt_bytes, read_controls
from troupe_batch.rehearsal.prompt import Prompt
from troupe_batch.rehearsal.replies import Reply, Said, TokenCount, completion, invalid, reasoning_tokens, tokens_in
from troupe_batch.rehearsal.reply_plan import Refused, ReplyPlan
from troupe_batch.seeded import DrawStream
from troupe_batch.truths.strings import MARK, sentence
from troupe_batch.truths.truth import SchemaRejected

_PLANS = 1_000
_REFUSAL = MARK + "I'm sorry, but I can't help with that."
_REASONING = 0x5851F42D4C957F2D


class BadRequest(Exception):
    """The request is refused before anything is made up; `reply` is what to send."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.status)
        self.reply = reply


@dataclass(frozen=True, slots=True)
class ChatCall:
    """A chat request, read as far as this server needs it; `caching` is None where its model has no breakpoints."""

    model: str
    prompt: Prompt
    prompt_text: bytes
    caching: Controls | None
    schema: dict[str, Any] | None
    schema_key: bytes
    wants_json: bool
    max_tokens: int | None
    reasoning_effort: str | None
    service_tier: str | None = None

    @property
    def prompt_tokens(self) -> int:
        """Tokens of everything that the model reads, the schema included."""
        return tokens_in(self.prompt_text)

    @property
    def reserved_tokens(self) -> int:
        """Tokens that count against the limit per minute: the larger of what is read and what may be written."""
        return max(self.prompt_tokens, self.max_tokens or 0)


def read_chat(body: bytes, model_in_path: str | None) -> ChatCall:
    """The request in `body`; BadRequest where it is no chat request that this server can answer."""
    data = read_json_object(body)
    model = data.get("model") or model_in_path
    if not isinstance(model, str):
        raise BadRequest(invalid("you must provide a model parameter", param="model"))
    if data.get("stream"):
        raise BadRequest(invalid("the rehearsal server does not stream", param="stream", code="unsupported_value"))
    if data.get("n") not in (None, 1):
        raise BadRequest(invalid("the rehearsal server gives one choice", param="n", code="unsupported_value"))
    messages = _messages(data)
    form = data.get("response_format")
    form = form if isinstance(form, dict) else {}
    schema, schema_key = _schema_and_bytes(form)
    return ChatCall(
        model=model,
        prompt=Prompt(messages),
        prompt_text=prompt_bytes(schema_key, messages),
        caching=_caching(data, schema_key, model),
        schema=schema,
        schema_key=schema_key,
        wants_json=form.get("type") == "json_object",
        max_tokens=_max_tokens(data),
        reasoning_effort=_text_or_none(data, "reasoning_effort"),
        service_tier=_text_or_none(data, "service_tier"),
    )


class ChatEngine:
    """Answers chat calls in the way of the respondents, deterministically by the call's key."""

    def __init__(self, conduct: Conduct) -> None:
        self._conduct = conduct
        self._plans: dict[bytes, ReplyPlan] = {}
        self.prefixes = PrefixCache()

    def answer(
        self, call: ChatCall, *, key: int, asked: int, fault: FaultKind | None, headers: dict[str, str]
    ) -> Reply:
        """The reply, spoiled by `fault` where that is one that spoils replies; it is sent with these headers."""
        said = self._spoiled(call, self._said(call, key), key, fault)
        reasoning = reasoning_tokens(call.model, call.reasoning_effort, DrawStream(key ^ _REASONING))
        said, written = _within_limit(said, call.max_tokens, reasoning)
        found = self.prefixes.found(call.model, call.prompt_text, call.caching)
        tokens = TokenCount(call.prompt_tokens, found.read, written + reasoning, reasoning, found.written)
        has_usage = fault is not FaultKind.MISSING_USAGE
        body = completion(
            f"rehearsal-{key:016x}-{asked}", call.model, said, tokens, call.service_tier, with_usage=has_usage
        )
        is_usable = (fault is None or fault in _HARMLESS) and said.finish_reason == "stop" and said.refusal is None
        return Reply(200, body, headers, fault=fault, is_usable=is_usable, tokens=tokens, found=found)

    def _said(self, call: ChatCall, key: int) -> Said:
        if call.schema is None:
            text = sentence(DrawStream(key))
            return Said(orjson.dumps({"answer": text}).decode() if call.wants_json else text)
        try:
            return Said(orjson.dumps(self._plan(call).reply(call.prompt, key)).decode())
        except Refused:
            return Said(None, refusal=_REFUSAL)

    @staticmethod
    def _spoiled(call: ChatCall, said: Said, key: int, fault: FaultKind | None) -> Said:
        if fault in _SPOILING:
            return _SPOILING[fault](said.text or "")
        if fault is FaultKind.SCHEMA_VIOLATION and call.schema is not None:
            return Said(_against_schema(said.text or "", DrawStream(key)))
        return said

    def _plan(self, call: ChatCall) -> ReplyPlan:
        plan = self._plans.get(call.schema_key)
        if plan is None and call.schema is not None:
            try:
                name, schema = call.schema["name"], call.schema["schema"]
                plan = self._conduct.plan(name, schema, is_strict=bool(call.schema.get("strict")))
            except (SchemaRejected, RecursionError) as error:
                problem = f"Invalid schema for response_format '{call.schema.get('name')}': {error}"
                raise BadRequest(invalid(problem, param="response_format", code="invalid_schema")) from error
            if len(self._plans) >= _PLANS:
                self._plans.pop(next(iter(self._plans)))
            self._plans[call.schema_key] = plan
        assert plan is not None  # noqa: S101 -- for the type checker: callers ask only where there is a schema
        return plan


def _cut_reply(text: str) -> Said:
    return Said(text[: len(text) * 2 // 3], finish_reason="length")


def _invalid(text: str) -> Said:
    return Said(text.replace('"', "'").removesuffix("}") if text else "{")


_SPOILING: dict[FaultKind | None, Callable[[str], Said]] = {
    FaultKind.REFUSAL: lambda _: Said(None, refusal=_REFUSAL),
    FaultKind.PLAIN_REFUSAL: lambda _: Said(_REFUSAL),
    FaultKind.CONTENT_FILTER: lambda _: Said("", finish_reason="content_filter"),
    FaultKind.THINKING: lambda text: Said(f"<think>\n{MARK}Let me see.\n</think>\n\n{text}"),
    FaultKind.TRUNCATED: _cut_reply,
    FaultKind.INVALID_JSON: _invalid,
}
_HARMLESS = (FaultKind.THINKING, FaultKind.MISSING_USAGE)


def read_json_object(body: bytes) -> dict[str, Any]:
    """The JSON object in `body`; BadRequest where there is none."""
    try:
        data = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise BadRequest(invalid(f"We could not parse the JSON body of your request: {error}")) from error
    if not isinstance(data, dict):
        raise BadRequest(invalid("the body of the request must be a JSON object"))
    return data


def _messages(data: dict[str, Any]) -> list[dict[str, Any]]:
    messages = data.get("messages")
    if not isinstance(messages, list) or not messages:
        raise BadRequest(invalid("messages must be a list of at least one message", param="messages"))
    for number, message in enumerate(messages):
        if not isinstance(message, dict) or not isinstance(message.get("role"), str):
            raise BadRequest(invalid("a message must be an object with a role", param=f"messages[{number}]"))
    return messages


def _schema_and_bytes(form: dict[str, Any]) -> tuple[dict[str, Any] | None, bytes]:
    if form.get("type") != "json_schema":
        return None, b""
    schema = form.get("json_schema")
    if not isinstance(schema, dict) or not isinstance(schema.get("name"), str):
        raise BadRequest(invalid("json_schema must be an object with a name", param="response_format.json_schema"))
    if not isinstance(schema.get("schema"), dict):
        raise BadRequest(invalid("json_schema needs a schema", param="response_format.json_schema.schema"))
    return schema, orjson.dumps(schema)


def _caching(data: dict[str, Any], schema_key: bytes, model: str) -> Controls | None:
    try:
        return read_controls(data, schema_key, model)
    except CachingRefused as error:
        raise BadRequest(invalid(str(error), param=error.param, code="invalid_value")) from error


def _max_tokens(data: dict[str, Any]) -> int | None:
    limit = data.get("max_completion_tokens", data.get("max_tokens"))
    if limit is not None and (not isinstance(limit, int) or limit < 1):
        raise BadRequest(invalid("max_completion_tokens must be an integer above 0", param="max_completion_tokens"))
    return limit


def _text_or_none(data: dict[str, Any], name: str) -> str | None:
    value = data.get(name)
    return value if isinstance(value, str) else None


def _within_limit(said: Said, limit: int | None, reasoning: int) -> tuple[Said, int]:
    """What fits into the token limit of the request, and its tokens; hidden reasoning takes its part first."""
    text = said.text if said.text is not None else said.refusal or ""
    written = tokens_in(text.encode())
    if limit is None or written + reasoning <= limit:
        return said, written
    room = max(0, limit - reasoning)
    return Said(text[: room * 4], finish_reason="length"), room


def _against_schema(text: str, draws: DrawStream) -> str:
    """The same JSON with one thing missing or of a kind that no schema allows there."""
    value = orjson.loads(text) if text else {}
    name = next(iter(value), None) if isinstance(value, dict) else None
    if name is None:
        return '{"unasked":true}'
    if draws.uniform() < 0.5:
        del value[name]
    else:
        value[name] = [[]]
    return orjson.dumps(value).decode()
