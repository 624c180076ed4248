"""Prose about a person, written by a model in one call; what fails has a status and a reason, never a made-up text."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any

from troupe_batch.errors import RecordAndGoOn
from troupe_batch.factory.full_persona import full_schema, joined, settled_parts
from troupe_batch.llm.chat import (
    CallRecord,
    ChatModel,
    ChatReply,
    ChatRequest,
    Endpoint,
    Message,
    Parameters,
    ReplySchema,
    ReplyStatus,
    Role,
    strict_object,
)
from troupe_batch.persona import Persona
from troupe_batch.population import EnrichLevel
from troupe_batch.simulation import TinyPerson

PURPOSE = "enrich"
_PROMPTS = Path(__file__).parent / "prompts"
_BIO_SCHEMA = ReplySchema(
    "bio",
    strict_object({"bio": {"type": "string"}}),
)


class EnrichStatus(StrEnum):
    """How the enrichment of one person ended; the words are those of the answers that depend on it."""

    NOT_ASKED = "not_asked"
    DONE = "done"
    REFUSED = "refused"
    UNREADABLE = "unreadable"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Asking:
    """Which model writes the prose, and with which sampling parameters."""

    endpoint: Endpoint
    parameters: Parameters = field(default_factory=Parameters)


@dataclass(frozen=True, slots=True)
class Enriched:
    """The person with the prose that was asked for; None, with a status and a reason, where it could not be had."""

    person: TinyPerson | None
    status: EnrichStatus
    calls: tuple[CallRecord, ...] = ()
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Prompt:
    """The messages that ask for one person's prose, and the schema of the reply."""

    messages: tuple[Message, ...]
    schema: ReplySchema


def enrichment_prompt(person: TinyPerson, level: EnrichLevel, locale: str) -> Prompt:
    """What is asked about a person: the same rules first for everybody, the person last, so that caches can help."""
    schema = _BIO_SCHEMA if level == EnrichLevel.BIO else full_schema(settled_parts(person.persona.keys()))
    about = f"{person.block}\nLocale: {locale}"
    return Prompt((Message(Role.SYSTEM, _rules(level)), Message(Role.USER, about)), schema)


async def enrich(
    person: TinyPerson, model: ChatModel, *, level: EnrichLevel, locale: str, sample: str, asking: Asking
) -> Enriched:
    """The person with a bio or a full persona. Only StopTheJob and TryAgain errors leave this function."""
    prompt = enrichment_prompt(person, level, locale)
    if set(prompt.schema.schema["properties"]) <= set(person.persona):
        return Enriched(person, EnrichStatus.NOT_ASKED, reason="the persona is complete already")
    request = ChatRequest(asking.endpoint, prompt.messages, sample, asking.parameters, prompt.schema)
    key = request.key().hex()
    try:
        reply = await model.complete(request)
    except RecordAndGoOn as error:
        call = CallRecord(PURPOSE, key, sample, EnrichStatus.FAILED, str(error), None, person.person_id)
        return Enriched(None, EnrichStatus.FAILED, (call,), str(error))
    status, reason = _status_of(reply, level)
    call = CallRecord(PURPOSE, key, sample, reply.status, reason, reply, person.person_id)
    if status != EnrichStatus.DONE:
        return Enriched(None, status, (call,), reason)
    return Enriched(person.with_persona(_with_prose(person, level, reply.value)), status, (call,))


def _status_of(reply: ChatReply, level: EnrichLevel) -> tuple[EnrichStatus, str | None]:
    if reply.status in (ReplyStatus.REFUSED, ReplyStatus.CONTENT_FILTERED):
        return EnrichStatus.REFUSED, reply.reason or f"the model wrote no prose: {reply.status}"
    if reply.status != ReplyStatus.OK or not isinstance(reply.value, Mapping):
        return EnrichStatus.UNREADABLE, reply.reason or f"the reply could not be read: {reply.status}"
    if level == EnrichLevel.BIO and not str(reply.value.get("bio") or "").strip():
        return EnrichStatus.UNREADABLE, "the reply holds an empty bio"
    return EnrichStatus.DONE, None


def _with_prose(person: TinyPerson, level: EnrichLevel, value: Mapping[str, Any]) -> Persona:
    if level == EnrichLevel.BIO:
        return Persona(person.persona.as_dict() | {"bio": str(value["bio"]).strip()})
    return joined(person.persona, value, person.facts)


@cache
def _rules(level: EnrichLevel) -> str:
    return (_PROMPTS / f"{level}.md").read_text(encoding="utf-8")


def prompt_digests(level: EnrichLevel) -> Mapping[str, str]:
    """SHA-256 (hex) of the template that writes prose of this level, by name; none where nothing is written."""
    if level == EnrichLevel.NONE:
        return {}
    return {f"factory/{level}.md": hashlib.sha256(_rules(level).encode()).hexdigest()}
