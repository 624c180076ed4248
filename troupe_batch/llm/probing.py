"""Probes: what an endpoint can do, found out by a handful of calls before a run depends on it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

import orjson

from troupe_batch.errors import EndpointMissing, GaveUp, RecordAndGoOn
from troupe_batch.llm.chat import (
    ChatModel,
    ChatReply,
    ChatRequest,
    Message,
    ReplySchema,
    ReplyStatus,
    Role,
    SchemaMode,
    strict_object,
)
from troupe_batch.llm.embeddings import EmbeddingRequest, vector_of
from troupe_batch.shown_text import shown

AWAY = "no answer"
"""What is said of an endpoint that gave none for now: nothing was found out, so nothing of it is kept."""

MOST_CALLS = 5
"""The most calls that one probe makes."""

# Estimates of tokens are within 21 % for 95 % of texts, and other vocabularies need more tokens, hardly ever fewer.
_CUT_BELOW, _CUT_FROM = 0.6, 300
_DEAR_FROM = 3.0
_CLEARLY_LONGER = 1.05
_MUCH_REASONING = 0.2
_FIRST_CHARACTERS = 160
_CONTRARY = (
    Message(Role.SYSTEM, "You take part in a test of a program."),
    Message(Role.USER, "Reply with the word hello alone. Write no JSON, no braces and no quotation marks."),
)
_SMALL = ReplySchema("probe", strict_object({"choice": {"type": "string", "enum": ["first", "second"]}}))
_SHOWN = ("answers", "schema enforced", "order", "prompt", "usage", "reasoning", "embeddings")
_NEXT_MODE = {SchemaMode.STRICT: "json", SchemaMode.JSON: "none"}


class Grade(StrEnum):
    """Grade of how well something is there: what is bad stops a run."""

    GOOD = "good"
    WARNING = "warning"
    BAD = "bad"


_WORST_FIRST = (Grade.BAD, Grade.WARNING, Grade.GOOD)


@dataclass(frozen=True, slots=True)
class Ability:
    """One thing that an endpoint can do or not, in words with the setting that helps."""

    what: str
    verdict: Grade
    says: str


@dataclass(frozen=True, slots=True)
class PlannedRequest:
    """A request as a run would send it; `prompt_tokens` is our estimate of its prompt."""

    request: ChatRequest
    prompt_tokens: int


async def probe(model: ChatModel, planned: Sequence[PlannedRequest]) -> tuple[list[Ability], int]:
    """What the endpoint behind `model` can do, and how many calls it took to find out.

    It is asked with the planned requests, under draws of their own.

    At most `MOST_CALLS` calls: one for each of the first planned requests, one against the grain of an enforced schema
    where there is room, and a second try where a reply cannot be read. Raises what stops a job.
    """
    prober = _Prober(model)
    for one in planned[:MOST_CALLS]:
        await prober.ask(one)
    strict = [one.request for one in planned if _enforces(one.request)]
    if strict and prober.has_answered and prober.calls < MOST_CALLS:
        await prober.ask_against_the_grain(strict[0])
    return prober.found(), prober.calls


def in_order(abilities: Iterable[Ability]) -> list[Ability]:
    """The abilities, what a reader wants to know first at the front."""
    return sorted(abilities, key=lambda one: _SHOWN.index(one.what) if one.what in _SHOWN else len(_SHOWN))


class _Prober:
    def __init__(self, model: ChatModel) -> None:
        self._model = model
        self._abilities: list[Ability] = []
        self._counted: list[tuple[int, int]] = []
        self.calls = 0
        self.has_answered = False

    def found(self) -> list[Ability]:
        """One line for each ability: the worst that was seen of it."""
        worst = sorted([*self._abilities, *_cut_alike(self._counted)], key=lambda one: _WORST_FIRST.index(one.verdict))
        return in_order({one.what: one for one in reversed(worst)}.values())

    async def ask(self, planned: PlannedRequest) -> None:
        """Judges the reply to a planned request; one that cannot be read is asked for once more."""
        request = replace(planned.request, sample=f"probe/{planned.request.sample}")
        reply = await self._reply(request)
        if reply is None:
            return
        if isinstance(request, EmbeddingRequest):
            self._abilities.append(_embedding(reply, request))
            return
        if reply.status is ReplyStatus.UNREADABLE and self.calls < MOST_CALLS:
            again = await self._reply(replace(request, sample=f"{request.sample}/again"))
            reply = reply if again is None else again
        self.has_answered = True
        self._abilities += _judged(planned, reply)
        if reply.usage is not None:
            self._counted.append((planned.prompt_tokens, reply.usage.prompt_tokens))

    async def ask_against_the_grain(self, like: ChatRequest) -> None:
        """Whether JSON comes although the prompt asks for none: only an endpoint that enforces schemas does that."""
        request = replace(like, messages=_CONTRARY, reply_schema=_SMALL, sample="probe/grain")
        reply = await self._reply(request)
        if reply is None:
            return
        if reply.status is ReplyStatus.OK:
            self._abilities.append(Ability("schema enforced", Grade.GOOD, "JSON schemas are enforced"))
        elif reply.status is ReplyStatus.UNREADABLE:
            says = "JSON schemas are not enforced, only hoped for: each reply is checked, and repaired by one more call"
            says += "; OpenAI.SCHEMA_MODE = json or none puts the schema into the prompt, where such models see it"
            self._abilities.append(Ability("schema enforced", Grade.WARNING, says))

    async def _reply(self, request: ChatRequest) -> ChatReply | None:
        self.calls += 1
        try:
            return await self._model.complete(request)
        except GaveUp as error:
            self._abilities.append(Ability(AWAY, Grade.WARNING, f"no answer for now: {error}"))
        except (RecordAndGoOn, EndpointMissing) as error:
            if isinstance(error, EndpointMissing) and not isinstance(request, EmbeddingRequest):
                raise
            self._abilities.append(_refused(request, error))
        return None


def _refused(request: ChatRequest, error: Exception) -> Ability:
    if isinstance(request, EmbeddingRequest):
        says = f"no embeddings, which surveys do without and people who look things up need: {error}"
        return Ability("embeddings", Grade.BAD, says)
    says = f"{request.endpoint.model} refuses what the job asks: {error}; OpenAI.SCHEMA_MODE = json or none puts the "
    says += "schema into the prompt; or name another model"
    return Ability("answers", Grade.BAD, says)


def _enforces(request: ChatRequest) -> bool:
    return request.reply_schema is not None and request.endpoint.schema_mode is SchemaMode.STRICT


def _judged(planned: PlannedRequest, reply: ChatReply) -> Iterable[Ability]:
    request = planned.request
    yield _answered(request, reply)
    if reply.status is ReplyStatus.OK and request.reply_schema is not None:
        yield _ordered(request.reply_schema, reply)
    yield from _counted(planned, reply)


def _answered(request: ChatRequest, reply: ChatReply) -> Ability:
    model = request.endpoint.model
    if reply.status is ReplyStatus.OK:
        return Ability("answers", Grade.GOOD, f"{model} answers in {reply.latency_s:.1f} s, as the schema says")
    if reply.status is ReplyStatus.TRUNCATED:
        return Ability("answers", Grade.BAD, f"{model}: {reply.reason}; {_more_room(request, reply)}")
    if reply.status is not ReplyStatus.UNREADABLE:
        return Ability("answers", Grade.WARNING, f"{model} gave no answer ({reply.status}): {reply.reason}")
    said = shown((reply.text or "")[:_FIRST_CHARACTERS])
    mode = _NEXT_MODE.get(request.endpoint.schema_mode)
    cure = (
        f"set OpenAI.SCHEMA_MODE = {mode}, or name another model"
        if mode
        else "name another model, or its OpenAI.SERVICE"
    )
    return Ability("answers", Grade.BAD, f"{model}: two replies could not be read: {reply.reason}: {said}; {cure}")


def _more_room(request: ChatRequest, reply: ChatReply) -> str:
    usage, limit = reply.usage, request.parameters.max_completion_tokens
    larger = "raise `max_completion_tokens` of the job's model or OpenAI.MAX_COMPLETION_TOKENS"
    larger += f" (now {limit:,})" if limit else ""
    if usage is None or not usage.reasoning_tokens:
        return larger
    return (
        f"{usage.reasoning_tokens:,} of {usage.completion_tokens:,} tokens were hidden reasoning: "
        f"set `reasoning_effort` of the job's model or OpenAI.REASONING_EFFORT to none, or {larger}"
    )


def _ordered(schema: ReplySchema, reply: ChatReply) -> Ability:
    try:
        written = orjson.loads(reply.text or "")
    except orjson.JSONDecodeError:  # within other words: the order was not enforced, and it was read all the same
        written = reply.value
    if _keeps_order(schema.schema, written):
        return Ability("order", Grade.GOOD, "the order of properties is kept")
    says = "the order of properties is not kept: what is to be thought of first may be written last"
    return Ability("order", Grade.WARNING, says)


def _keeps_order(schema: Any, value: Any) -> bool:
    """Whether the keys of a value stand in the order of the schema's properties, all the way down."""
    if isinstance(value, list) and isinstance(schema, dict):
        return all(_keeps_order(schema.get("items"), one) for one in value)
    if not isinstance(value, dict) or not isinstance(schema, dict) or "properties" not in schema:
        return True
    wanted = [name for name in schema["properties"] if name in value]
    written = [name for name in value if name in schema["properties"]]
    return wanted == written and all(_keeps_order(schema["properties"][name], value[name]) for name in wanted)


def _counted(planned: PlannedRequest, reply: ChatReply) -> Iterable[Ability]:
    usage, expected = reply.usage, planned.prompt_tokens
    if reply.status is ReplyStatus.CONTENT_FILTERED:
        return  # what a filter turns away is not counted
    if usage is None:
        says = "the endpoint says no usage: what a call costs is not known, and under a cost cap it counts at its most"
        yield Ability("usage", Grade.WARNING, says)
        return
    said = f"{usage.prompt_tokens:,} prompt tokens counted where about {expected:,} were sent"
    if expected >= _CUT_FROM and usage.prompt_tokens < _CUT_BELOW * expected:
        says = f"{said}: the server cuts long prompts; give it a longer context (Ollama: OLLAMA_CONTEXT_LENGTH)"
        yield Ability("prompt", Grade.BAD, says)
    else:
        yield Ability("prompt", Grade.GOOD, f"the longest prompt: {said}")
    is_dear = usage.prompt_tokens > _DEAR_FROM * max(expected, _CUT_FROM)
    yield Ability("usage", Grade.WARNING if is_dear else Grade.GOOD, said if is_dear else "usage is said")
    yield _reasoning(planned.request, reply)


def _cut_alike(counted: Sequence[tuple[int, int]]) -> Iterable[Ability]:
    """Prompts of clearly different lengths that all count the same were cut to it."""
    expected, counts = [one for one, _ in counted], {count for _, count in counted}
    if len(counted) > 1 and len(counts) == 1 and max(expected) > _CLEARLY_LONGER * min(expected):
        says = f"prompts of about {min(expected):,} and of about {max(expected):,} tokens both count {counts.pop():,}"
        yield Ability("prompt", Grade.BAD, f"{says}: the server cuts long prompts; give it a longer context")


def _reasoning(request: ChatRequest, reply: ChatReply) -> Ability:
    usage = reply.usage
    if usage is None or not usage.reasoning_tokens:
        return Ability("reasoning", Grade.GOOD, "no hidden reasoning")
    share = usage.reasoning_tokens / max(1, usage.completion_tokens)
    says = f"{share:.0%} of the completion tokens are hidden reasoning, which is paid for"
    is_wanted = request.parameters.reasoning_effort not in (None, "none")
    if is_wanted or share < _MUCH_REASONING:
        return Ability("reasoning", Grade.GOOD, says)
    return Ability("reasoning", Grade.WARNING, f"{says}; OpenAI.REASONING_EFFORT = none asks for none")


def _embedding(reply: ChatReply, request: EmbeddingRequest) -> Ability:
    if reply.status is not ReplyStatus.OK:
        says = f"{request.endpoint.model} gave no embedding: {reply.reason}; see OpenAI.EMBEDDING_MODEL"
        return Ability("embeddings", Grade.BAD, says)
    return Ability("embeddings", Grade.GOOD, f"embeddings of {len(vector_of(reply))} dimensions")
