"""Request, reply and record of a call, and the one-method seam that every model stands behind."""

from __future__ import annotations

import hashlib
import operator
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from functools import cached_property
from typing import Any, Protocol

import jsonschema_rs
import orjson

from troupe_batch.llm.schemas import words_digest

CACHE_KEY_VERSION = 1
_RAW = 400


class Role(StrEnum):
    """Speaker of a message, in the words of the OpenAI API."""

    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a conversation; text only."""

    role: Role
    content: str


def strict_object(properties: Mapping[str, Any]) -> dict[str, Any]:
    """The JSON Schema of an object with exactly these properties, all required: the strict form of the OpenAI API."""
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(properties),
        "additionalProperties": False,
    }


@dataclass(frozen=True)
class ReplySchema:
    """The JSON Schema that a reply must match, in the strict form of the OpenAI API.

    Make one per distinct schema and share it: its digest and its compiled validator are kept on the object.
    `check` says what is wrong with a value that matches the schema and still cannot be used, such as a contradiction;
    None where nothing is. `tidy` gives a reply the form that was asked for where only one reading of it is possible,
    before anything is checked. `keeps` says of a value that cannot be used in whole whether a part of it is kept, and
    the rest asked for alone: such a reply is not repaired, and is stored for what it is. None of the three is sent,
    nor part of the digest.
    """

    name: str
    schema: Mapping[str, Any]
    check: Callable[[Any], str | None] | None = field(default=None, compare=False, repr=False)
    tidy: Callable[[Any], Any] | None = field(default=None, compare=False, repr=False)
    keeps: Callable[[Any], bool] | None = field(default=None, compare=False, repr=False)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the JSON of name and schema, hex. The order of properties counts: models answer in it."""
        return hashlib.sha256(orjson.dumps([self.name, self.schema])).hexdigest()

    @cached_property
    def size(self) -> int:
        """How many bytes name and schema have as JSON: an endpoint shows them to the model."""
        return len(orjson.dumps(dict(self.schema))) + len(self.name)

    def tidied(self, value: Any) -> Any:
        """The value in the form that was asked for, as far as there is only one reading of it."""
        return value if self.tidy is None else self.tidy(value)

    def is_kept_in_part(self, value: Any) -> bool:
        """Whether a part of a value that cannot be used in whole is kept."""
        return self.keeps is not None and self.keeps(value)

    def problem(self, value: Any) -> str | None:
        """The first way in which `value` breaks the schema, in words; None where it matches."""
        if self._validator.is_valid(value):
            return None
        for error in self._validator.iter_errors(value):
            place = "".join(f"[{step!r}]" for step in error.instance_path)
            return f"{place}: {error.message}" if place else error.message
        return "it does not match the schema"

    @cached_property
    def _validator(self) -> jsonschema_rs.Validator:
        return jsonschema_rs.validator_for(dict(self.schema))


class SchemaMode(StrEnum):
    """Way of asking an endpoint for JSON of a schema: it enforces it, or the prompt says it, JSON mode or not."""

    STRICT = "strict"
    JSON = "json"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Service that answers, as far as that can change the answer.

    `identity` is "openai", "azure/<host>", a base URL, or "rehearsal/<respondent digest>/<seed>":
    never a key, and never the port that a rehearsal server happens to listen on.
    """

    identity: str
    model: str
    is_rehearsal: bool = False
    schema_mode: SchemaMode = SchemaMode.STRICT

    def as_json(self) -> dict[str, Any]:
        """As JSON values; the schema mode only where it is none of the API's own."""
        body: dict[str, Any] = {"identity": self.identity, "model": self.model, "is_rehearsal": self.is_rehearsal}
        return body if self.schema_mode is SchemaMode.STRICT else {**body, "schema_mode": str(self.schema_mode)}


@dataclass(frozen=True, slots=True)
class Parameters:
    """Sampling parameters as sent; None means that the endpoint's default holds and nothing is sent.

    `larger_limit` is what a reply that reaches `max_completion_tokens` is asked for with once more; None: it is not.
    """

    temperature: float | None = None
    top_p: float | None = None
    max_completion_tokens: int | None = None
    reasoning_effort: str | None = None
    larger_limit: int | None = None

    def as_json(self) -> dict[str, Any]:
        """As JSON values; without what older plans do not know, where it says nothing."""
        body = asdict(self)
        if self.larger_limit is None:
            del body["larger_limit"]
        return body


@dataclass(frozen=True, slots=True)
class Sharing:
    """Part of a request that others of its run have too, so that a service need not read it anew each time.

    About `requests` requests begin with the same first `messages` messages and have the same schema. `by` is whose
    request it is: those of one person or unit may have more in common than that.
    """

    messages: int = 0
    requests: int = 1
    by: str = ""


ALONE = Sharing()
"""Of a request that nobody knows another like."""


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """Everything that can change the answer: no time-outs, no priorities, no unit.

    `sample` names the draw: two requests that differ only in it are two independent answers. `sharing` changes none,
    so it is no part of the cache key, nor of what makes two requests equal.
    """

    endpoint: Endpoint
    messages: tuple[Message, ...]
    sample: str
    parameters: Parameters = field(default_factory=Parameters)
    reply_schema: ReplySchema | None = None
    sharing: Sharing = field(default=ALONE, compare=False)

    def key(self) -> bytes:
        """The cache key: 32 bytes, SHA-256 of a canonical JSON array of all fields that can change the answer."""
        p = self.parameters
        larger = () if p.larger_limit is None else (p.larger_limit,)
        # An array of arrays: orjson quotes every string, so no two different requests share bytes.
        fields = [
            CACHE_KEY_VERSION,
            self.endpoint.identity,
            self.endpoint.model,
            [[m.role, m.content] for m in self.messages],
            [p.temperature, p.top_p, p.max_completion_tokens, p.reasoning_effort, *larger],
            self.reply_schema.digest if self.reply_schema else None,
            self.sample,
        ]
        if self.reply_schema is not None and self.endpoint.schema_mode is not SchemaMode.STRICT:
            fields.append([self.endpoint.schema_mode, words_digest()])
        return hashlib.sha256(orjson.dumps(fields)).digest()


class ReplyStatus(StrEnum):
    """End of a reply. Only `OK` carries an answer; each of the others is an absence with a name."""

    OK = "ok"
    REFUSED = "refused"
    CONTENT_FILTERED = "content_filtered"
    TRUNCATED = "truncated"
    UNREADABLE = "unreadable"


class CacheState(StrEnum):
    """Origin of a reply: the cache, a call of our own, or a call that another waiter had in flight."""

    HIT = "hit"
    MISS = "miss"
    JOINED = "joined"
    OFF = "off"


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens as the endpoint counted them; reasoning is part of completion.

    Cached tokens were read from the endpoint's prefix cache, cache-write tokens were stored in it for a price of their
    own: two parts of prompt that do not overlap.
    """

    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0
    reasoning_tokens: int = 0
    cache_write_tokens: int = 0

    def counts(self) -> tuple[int, int, int, int, int]:
        """The counts in the order of the fields, as they are stored; `Usage(*counts)` reads shorter ones of before."""
        return (
            self.prompt_tokens,
            self.cached_tokens,
            self.completion_tokens,
            self.reasoning_tokens,
            self.cache_write_tokens,
        )

    def __add__(self, other: Usage) -> Usage:
        return Usage(*map(operator.add, self.counts(), other.counts()))


@dataclass(frozen=True, slots=True)
class ChatReply:
    """Reply as it came back. `value` is the parsed JSON where the request had a schema, and None unless status is OK.

    One exception: UNREADABLE because of the schema's own `check`, or where the schema `keeps` a part, has the value.

    `usage` is None when the endpoint did not say; `cost_usd` is what this reply cost *now* (0.0 for a cache hit),
    None when no price is known. `attempts` counts the calls that were sent for it now, the repair round included:
    0 for a hit. `service_tier` is what the endpoint says that it served the call with, and `said_usd` what it says that
    it bills for it, each None where it says nothing.
    `key` is the cache key of the request where a cache computed it, so that nobody needs to hash twice. `is_doubtful`:
    the server may have read only a part of the prompt; such a reply is never stored.
    """

    status: ReplyStatus
    text: str | None = None
    value: Any = None
    reason: str | None = None
    usage: Usage | None = None
    cost_usd: float | None = None
    latency_s: float = 0.0
    attempts: int = 1
    is_repaired: bool = False
    cache: CacheState = CacheState.OFF
    model: str | None = None
    finish_reason: str | None = None
    service_tier: str | None = None
    said_usd: float | None = None
    key: bytes | None = None
    is_doubtful: bool = False

    @property
    def raw_reply(self) -> str | None:
        """The first 400 characters of what came, for those who look why it is no answer; None where it is one."""
        return None if self.status is ReplyStatus.OK or not self.text else self.text[:_RAW]

    def after(self, first: ChatReply) -> ChatReply:
        """The same reply, with what an earlier one to the same question took and cost as well."""
        usages = (first.usage, self.usage)
        return replace(
            self,
            usage=None if usages[0] is None or usages[1] is None else usages[0] + usages[1],
            cost_usd=_both(first.cost_usd, self.cost_usd),
            said_usd=_both(first.said_usd, self.said_usd),
            latency_s=first.latency_s + self.latency_s,
            attempts=first.attempts + self.attempts,
        )


def _both(first: float | None, second: float | None) -> float | None:
    return None if first is None or second is None else first + second


class ChatModel(Protocol):
    """Answers one request. Raises only errors of the TryAgain, RecordAndGoOn and StopTheJob branches."""

    async def complete(self, request: ChatRequest) -> ChatReply:
        """The reply to `request`."""
        ...


@dataclass(frozen=True, slots=True)
class CallRecord:
    """One row of `llm_calls`: what a unit asked for and how it went, failures included.

    `person_id` is whose call it was, None where it was made for all of a unit, or where a unit is one person anyway.
    `asks` are the parts that the reply was to have, where its unit broke off before it could say what they mean.
    """

    purpose: str
    key: str
    sample: str
    status: str
    reason: str | None
    reply: ChatReply | None
    person_id: str | None = None
    asks: tuple[str, ...] = ()
