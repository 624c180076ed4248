"""Findings: read by a model from what people or a world lived through, typed and never made up; or made by rules."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Any, Self, TypeAlias

import orjson

from troupe_batch.errors import FixTheInput, RecordAndGoOn
from troupe_batch.llm.chat import CacheState, ChatReply, Message, ReplyStatus, Role
from troupe_batch.simulation.arguments import a_text
from troupe_batch.simulation.extraction.fields import CategoryField, ExtractionSpec, Fields, FieldSpec, fields_from
from troupe_batch.simulation.extraction.reading import FieldRow, UnreadableFinding, findings_schema, read_findings
from troupe_batch.simulation.judging.judging import (
    digest,
    disarmed,
    id_of,
    material,
    mind_for,
    rules_text,
    with_occasion,
)
from troupe_batch.simulation.mind import Mind
from troupe_batch.simulation.people import Observed, is_person
from troupe_batch.simulation.record.events import ActionKind, Event, EventKind, EventStatus

PURPOSE = "extract"
_PROMPTS = Path(__file__).parent / "prompts"
_FORMS = {
    "text": "text",
    "number": "a number",
    "integer": "a whole number",
    "yes_no": "true or false",
}
ReducerRule: TypeAlias = Callable[[Event], Mapping[str, Any] | None]


class ExtractionStatus(StrEnum):
    """End of an extraction; only `FOUND` carries findings."""

    FOUND = "found"
    NONE_FOUND = "none_found"
    REFUSED = "refused"
    UNREADABLE = "unreadable"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Extraction:
    """Findings of one call. Each has a value or None for each field; None means that the material is silent.

    `reason` says why there are no findings. `call_key` is the hex key of the call in `llm_calls`, `sample` the name of
    its draw; `cache` is None where the call failed.
    """

    status: ExtractionStatus
    findings: tuple[FieldRow, ...] = ()
    reason: str | None = None
    call_key: str | None = None
    sample: str | None = None
    cache: CacheState | None = None


class ResultsExtractor:
    """Reads findings out of transcripts by one call each. Share one among any number of people and worlds."""

    def __init__(self, mind: Mind | None = None) -> None:
        self._mind = mind

    async def extract_results_from_agent(
        self,
        person: Observed,
        objective: str,
        fields: Sequence[FieldSpec | str] | Mapping[str, str],
        *,
        many: bool = False,
        situation: str = "",
    ) -> Extraction:
        """What the person's own transcript says about the objective; never raises RecordAndGoOn errors.

        A field is a FieldSpec, or just a name for a text; a mapping gives each name a description. `situation` tells
        the reader what the material comes from.
        """
        return await self._extract(person, _task(objective, fields, many=many, situation=situation))

    async def extract_results_from_world(
        self,
        world: Observed,
        objective: str,
        fields: Sequence[FieldSpec | str] | Mapping[str, str],
        *,
        many: bool = False,
        situation: str = "",
        thoughts: bool = False,
    ) -> Extraction:
        """As `extract_results_from_agent`, from what others could hear and see in a world; also from `thoughts` if so.

        What nobody heard, because it was repeated or reached nobody, is left out.
        """
        task = _task(objective, fields, many=many, situation=situation)
        return await self._extract(world, replace(task, thoughts=thoughts))

    async def extract(self, target: Observed, spec: ExtractionSpec, *, situation: str = "") -> Extraction:
        """What a job file asks for, from a person or a world."""
        return await self._extract(target, _Task(spec.objective, spec.fields, spec.many, situation, spec.thoughts))

    async def _extract(self, target: Observed, task: _Task) -> Extraction:
        mind = mind_for(target, self._mind)
        draw = mind.draw_of(f"{PURPOSE}.{task.digest}.{id_of(target)}", 0)
        schema = findings_schema(task.fields, many=task.many)
        try:
            messages = task.messages(target, mind.premise)
            reply = await mind.ask(PURPOSE, messages, schema, draw=draw, endpoint=mind.reasoning)
        except RecordAndGoOn as error:
            why = str(error) or type(error).__name__
            return Extraction(ExtractionStatus.FAILED, (), why, mind.calls[-1].key, draw)
        status, findings, reason = _findings_in(reply, task)
        return Extraction(status, findings, reason, mind.calls[-1].key, draw, reply.cache)


def extraction_messages(
    target: Observed, spec: ExtractionSpec, *, situation: str = "", premise: str = ""
) -> tuple[Message, ...]:
    """The messages that ask for what a job file wants of a person or a world, for estimates and looking at prompts."""
    return _Task(spec.objective, spec.fields, spec.many, situation, spec.thoughts).messages(target, premise)


@dataclass(frozen=True, slots=True)
class _Task:
    """What to look for; the same for every target, so that its text is written once."""

    objective: str
    fields: Fields
    many: bool
    situation: str
    thoughts: bool = True

    @property
    def digest(self) -> str:
        return digest(_instructions(self))

    def messages(self, target: Observed, premise: str) -> tuple[Message, ...]:
        """Rules, task and occasion first, which are equal for all targets of an arm, and the material last."""
        system = with_occasion(f"{rules_text(_PROMPTS / 'extract.md')}\n\n{_instructions(self)}", premise)
        return Message(Role.SYSTEM, system), Message(Role.USER, material(target, is_open=not self.thoughts))


def _task(
    objective: str, fields: Sequence[FieldSpec | str] | Mapping[str, str], *, many: bool, situation: str
) -> _Task:
    if not a_text(objective, "an objective").strip():
        raise FixTheInput("an extraction needs an objective; say what to look for")
    try:
        return _Task(objective.strip(), fields_from(fields), many, situation.strip())
    except ValueError as error:
        raise FixTheInput(f"the fields of an extraction: {error}") from error


@lru_cache(maxsize=256)
def _instructions(task: _Task) -> str:
    lines = ["# What to look for", "", disarmed(task.objective)]
    if task.situation:
        lines += ["", f"The material: {disarmed(task.situation)}"]
    lines += ["", "# Fields", ""]
    lines += [f"- `{field.id}` ({_form(field)}): {field.text}" for field in task.fields]
    lines += ["", _MANY if task.many else _ONE]
    return "\n".join(lines)


_MANY = (
    "Reply with one JSON object: `findings`, a list with one object of these fields for each thing that was found, in "
    "the order of the material. The same thing found twice is one finding. Where there is none, the list is empty."
)
_ONE = (
    "Reply with one JSON object that has exactly these fields. Where the material holds nothing of what is looked "
    "for, every field is null."
)


def _form(field: FieldSpec) -> str:
    if isinstance(field, CategoryField):
        return "one of " + orjson.dumps(list(field.labels)).decode()
    form = _FORMS[field.type]
    low, high = getattr(field, "minimum", None), getattr(field, "maximum", None)
    form += f", at least {low:g}" if low is not None else ""
    return form + (f", at most {high:g}" if high is not None else "")


def _findings_in(reply: ChatReply, task: _Task) -> tuple[ExtractionStatus, tuple[FieldRow, ...], str | None]:
    if reply.status in (ReplyStatus.REFUSED, ReplyStatus.CONTENT_FILTERED):
        return ExtractionStatus.REFUSED, (), reply.reason or f"the model did not answer: {reply.status}"
    if reply.status is not ReplyStatus.OK:
        return ExtractionStatus.UNREADABLE, (), reply.reason or f"the reply could not be read: {reply.status}"
    try:
        findings = read_findings(reply.value, task.fields, many=task.many)
    except UnreadableFinding as problem:
        return ExtractionStatus.UNREADABLE, (), str(problem)
    if not findings:
        return ExtractionStatus.NONE_FOUND, (), "the material holds nothing of what was looked for"
    return ExtractionStatus.FOUND, findings, None


class ResultsReducer:
    """Turns events into rows: each rule makes a row, or None, of each event of its type."""

    def __init__(self) -> None:
        self._rules: dict[str, list[ReducerRule]] = {}

    def add_reduction_rule(self, trigger: str, rule: ReducerRule) -> Self:
        """Apply `rule` to events of this type: an action such as TALK, or a stimulus such as CONVERSATION.

        Several rules of one type apply in the order in which they were added.
        """
        self._rules.setdefault(str(trigger), []).append(rule)
        return self

    def reduce(self, source: Observed | Iterable[Event], *, only_happened: bool = True) -> list[dict[str, Any]]:
        """The rows of a world, a person or a list of events, in the order in which things happened.

        Of a person: what they did, and what was done or said to them or to everyone there. Talk that reached nobody,
        repeated actions and failures count with `only_happened=False`; the rule sees their `status`.
        """
        counted = (one for one in _events(source) if not only_happened or one.status is EventStatus.HAPPENED)
        made = (rule(event) for event in counted for rule in self._rules.get(str(event.type), ()))
        return [dict(row) for row in made if row is not None]


def _events(source: Observed | Iterable[Event]) -> Iterable[Event]:
    if isinstance(source, Iterable):
        return source
    if not is_person(source):
        return source.journal.events
    # In a world, people share its journal.
    return [event for event in source.journal.events if _concerns(event, source.person_id)]


def _concerns(event: Event, person_id: str) -> bool:
    if person_id in (event.actor_id, event.target_id):
        return True
    # Thoughts and the use of tools have no target either, and are nobody else's.
    is_for_everyone = event.kind is not EventKind.ACTION or event.type == ActionKind.TALK
    return event.target_id is None and is_for_everyone and event.kind is not EventKind.FAILURE
