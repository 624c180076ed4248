"""Prose about a person, written by a model in one call and checked in a second; what fails has a status and a reason.

Prose that contradicts the facts goes back to the model once, in a call of its own, and is checked again. Where it still
contradicts them it is left out, and the person is their facts alone. Prose that could not be checked is kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cache
from typing import Any

from troupe_batch.errors import RecordAndGoOn
from troupe_batch.factory.commission import TEMPLATES, Commission, hints_of
from troupe_batch.factory.contradictions import Contradiction, free_contradictions
from troupe_batch.factory.full_persona import full_schema, joined, settled_parts
from troupe_batch.factory.judging import check_request, judged
from troupe_batch.factory.particulars import CHANGED, asking_for_changes, changed_by, may_change_facts
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
    Sharing,
    strict_object,
)
from troupe_batch.persona.block import one_line
from troupe_batch.persona.persona import Persona
from troupe_batch.population.spec import EnrichLevel
from troupe_batch.simulation.person.person import TinyPerson

PURPOSE = "enrich"
CHECK_PURPOSE = "enrich_check"
REPAIR_PURPOSE = "enrich_repair"
FEWEST_TOKENS = {EnrichLevel.BIO: 400, EnrichLevel.FULL: 4_000}
"""Completion tokens that each reply may take, also where the limit for answers is lower: prose is longer than those."""

_PARTICULARS = "particularities.md"
_BIO_SCHEMA = ReplySchema(
    "bio",
    strict_object({"bio": {"type": "string"}}),
)


class EnrichStatus(StrEnum):
    """End of one person's enrichment; those without a person are also the status of the answers they owe."""

    NOT_ASKED = "not_asked"
    DONE = "done"
    UNCHECKED = "unchecked"
    CONTRADICTORY = "contradictory"
    REFUSED = "refused"
    UNREADABLE = "unreadable"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class ProseModel:
    """Model that writes the prose, about how many people, and with which sampling parameters.

    A low limit of tokens is raised for prose. `judge` is by default the model that writes.
    """

    endpoint: Endpoint
    parameters: Parameters = field(default_factory=Parameters)
    people: int = 1
    judge: Endpoint | None = None

    def parameters_for(self, level: EnrichLevel) -> Parameters:
        """The parameters as sent for prose of this level; without a limit the endpoint's own holds."""
        limit = self.parameters.max_completion_tokens
        if limit is None:
            return self.parameters
        return replace(self.parameters, max_completion_tokens=max(limit, FEWEST_TOKENS[level]))


@dataclass(frozen=True, slots=True)
class Enriched:
    """The person with the prose that was asked for; None, with a status and a reason, where it could not be had.

    CONTRADICTORY is the person as they were: what was written contradicts the facts, and `reason` says where.
    UNCHECKED is the person with the prose: nobody could say whether it contradicts the facts, and `reason` says why.
    """

    person: TinyPerson | None
    status: EnrichStatus
    calls: tuple[CallRecord, ...] = ()
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class ProsePrompt:
    """The messages that ask for one person's prose, and the schema of the reply."""

    messages: tuple[Message, ...]
    schema: ReplySchema


def enrichment_prompt(person: TinyPerson, commission: Commission) -> ProsePrompt:
    """What is asked about a person: the same rules first for everybody, the person last, so that caches can help."""
    level = commission.level
    schema = _BIO_SCHEMA if level == EnrichLevel.BIO else full_schema(settled_parts(person.persona.keys()))
    hints = "\n".join(f"- {hint}" for hint in hints_of(commission.seed, person.index))
    about = f"{person.block}\nLocale: {one_line(commission.locale)}\nHints\n{hints}"
    if may_change_facts(person):
        schema = asking_for_changes(schema, person)
        about = f"{about}\n\n{TEMPLATES.render(_PARTICULARS)}"
    return ProsePrompt((Message(Role.SYSTEM, _rules(level)), Message(Role.USER, about)), schema)


async def enrich(person: TinyPerson, model: ChatModel, *, commission: Commission, asking: ProseModel) -> Enriched:
    """The person with a bio or a full persona. Only StopTheJob and TryAgain errors leave this function."""
    prompt = enrichment_prompt(person, commission)
    if set(prompt.schema.schema["properties"]) <= set(person.persona):
        return Enriched(person, EnrichStatus.NOT_ASKED, reason="the persona is complete already")
    # One draw per person and seed: equal facts do not make two people share one life.
    sample = f"{commission.seed}.{person.index}"
    parameters = asking.parameters_for(commission.level)
    sharing = Sharing(1, asking.people, sample)
    request = ChatRequest(asking.endpoint, prompt.messages, sample, parameters, prompt.schema, sharing)
    first = await _checked_prose(person, model, request, commission.level, asking.judge, purpose=PURPOSE)
    if not first.contradicts:
        return _outcome(first, first.calls)
    again = _repair_of(request, first)
    second = await _checked_prose(person, model, again, commission.level, asking.judge, purpose=REPAIR_PURPOSE)
    calls = (*first.calls, *second.calls)
    if second.persona is None or second.contradicts:
        # Whatever came of the repair, the only prose at hand contradicts the facts.
        reason = first.reason if second.persona is None else second.reason
        facts_alone = (first if second.person is None else second).person
        return Enriched(facts_alone, EnrichStatus.CONTRADICTORY, calls, f"the prose was left out: {reason}")
    return _outcome(second, calls)


def prompt_digests(level: EnrichLevel) -> Mapping[str, str]:
    """SHA-256 (hex) of the templates that prose of this level is written by, by name; none where nothing is written."""
    # Nothing is said of one person in particular where many are written about by a job.
    others = {f"factory/{other}.md" for other in EnrichLevel if other != level} | {f"factory/{_PARTICULARS}"}
    return {} if level == EnrichLevel.NONE else {k: v for k, v in TEMPLATES.digests.items() if k not in others}


@dataclass(frozen=True, slots=True)
class _Written:
    """What one call brought, with its record and that of its check; `contradicts`: where facts and text are at odds.

    `person` has the facts that hold after all, without the prose; `persona` has the prose too.
    """

    calls: tuple[CallRecord, ...]
    status: EnrichStatus
    reason: str | None = None
    person: TinyPerson | None = None
    persona: Persona | None = None
    contradicts: tuple[Contradiction, ...] = ()


async def _checked_prose(
    person: TinyPerson,
    model: ChatModel,
    request: ChatRequest,
    level: EnrichLevel,
    judge: Endpoint | None,
    *,
    purpose: str,
) -> _Written:
    status, call = await _asked_call(person, model, request, purpose)
    value = {} if call.reply is None else call.reply.value
    if status == EnrichStatus.DONE and level == EnrichLevel.BIO and not str(value.get("bio") or "").strip():
        status, call = EnrichStatus.UNREADABLE, replace(call, reason="the reply holds an empty bio")
    if status != EnrichStatus.DONE:
        return _Written((call,), status, call.reason)
    person = changed_by(person, value) if may_change_facts(person) else person
    persona = _with_prose(person, level, value)
    # Only what was written now and is used: where a fact speaks, it has won already.
    written = {part: said for part, said in persona.as_dict().items() if person.persona.get(part) is None}
    if found := free_contradictions(written, person.name, person.facts):
        return _contradictory((call,), person, persona, found)
    status, check = await _asked_call(person, model, check_request(request, person, written, judge), CHECK_PURPOSE)
    if status != EnrichStatus.DONE or check.reply is None:
        reason = f"the prose was not checked: {check.reason}"
        return _Written((call, check), EnrichStatus.UNCHECKED, reason, person, persona)
    if found := judged(check.reply.value, person, written):
        return _contradictory((call, check), person, persona, found)
    return _Written((call, check), EnrichStatus.DONE, None, person, persona)


def _contradictory(
    calls: tuple[CallRecord, ...], person: TinyPerson, persona: Persona, found: tuple[Contradiction, ...]
) -> _Written:
    """The record of the text says what is wrong with it, whoever has found it."""
    reason = "; ".join(map(str, found))
    calls = (replace(calls[0], reason=reason), *calls[1:])
    return _Written(calls, EnrichStatus.CONTRADICTORY, reason, person, persona, found)


async def _asked_call(
    person: TinyPerson, model: ChatModel, request: ChatRequest, purpose: str
) -> tuple[EnrichStatus, CallRecord]:
    """How a call ended, and its record; DONE where the reply has a value."""
    call = CallRecord(purpose, request.key().hex(), request.sample, EnrichStatus.FAILED, None, None, person.person_id)
    try:
        reply = await model.complete(request)
    except RecordAndGoOn as error:
        return EnrichStatus.FAILED, replace(call, reason=str(error))
    status, reason = _status_of(reply)
    limit = request.parameters.max_completion_tokens
    if reply.status == ReplyStatus.TRUNCATED and limit is not None:
        reason = f"{reason} ({limit:,}): raise OpenAI.MAX_COMPLETION_TOKENS, or model.max_completion_tokens of the job"
    return status, replace(call, status=reply.status, reason=reason, reply=reply)


def _outcome(written: _Written, calls: tuple[CallRecord, ...]) -> Enriched:
    if written.person is None or written.persona is None:
        return Enriched(None, written.status, calls, written.reason)
    return Enriched(written.person.with_persona(written.persona), written.status, calls, written.reason)


def _repair_of(request: ChatRequest, first: _Written) -> ChatRequest:
    """The request, its reply, and what is wrong with it, as a draw of its own."""
    reply = first.calls[0].reply
    text = (reply.text if reply else None) or ""
    # Texts of a model and labels of a file: data, which must not pass for another part of the prompt.
    lines = [one_line(str(one)) for one in first.contradicts]
    wrong = TEMPLATES.render("repair.md", contradictions=lines)
    messages = (*request.messages, Message(Role.ASSISTANT, text), Message(Role.USER, wrong))
    return replace(request, messages=messages, sample=f"{request.sample}/contradiction")


def _status_of(reply: ChatReply) -> tuple[EnrichStatus, str | None]:
    if reply.status in (ReplyStatus.REFUSED, ReplyStatus.CONTENT_FILTERED):
        return EnrichStatus.REFUSED, reply.reason or f"the model wrote nothing: {reply.status}"
    if reply.status != ReplyStatus.OK or not isinstance(reply.value, Mapping):
        return EnrichStatus.UNREADABLE, reply.reason or f"the reply could not be read: {reply.status}"
    return EnrichStatus.DONE, None


def _with_prose(person: TinyPerson, level: EnrichLevel, value: Mapping[str, Any]) -> Persona:
    if level == EnrichLevel.BIO:
        return Persona(person.persona.as_dict() | {"bio": str(value["bio"]).strip()})
    return joined(person.persona, {part: said for part, said in value.items() if part != CHANGED}, person.facts)


@cache
def _rules(level: EnrichLevel) -> str:
    return TEMPLATES.render(f"{level}.md")
