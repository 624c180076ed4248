"""Consolidation of an episode into a summary and facts: one call, between acts, never while listening."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from troupe_batch.errors import RecordAndGoOn
from troupe_batch.llm.chat import Message, ReplySchema, ReplyStatus, Role, strict_object
from troupe_batch.simulation.acting.inner_life import InnerLife
from troupe_batch.simulation.judging.judging import with_occasion
from troupe_batch.simulation.people import Person
from troupe_batch.simulation.record.events import Event, EventKind, EventStatus
from troupe_batch.simulation.record.memory import lines_of
from troupe_batch.simulation.templates import render

PURPOSE = "consolidate"
_TYPE = "CONSOLIDATION"


async def consolidate(person: Person, life: InnerLife, *, keep: int = 0) -> bool:
    """Consolidate the episode but for its last `keep` entries (at most half of them); whether it was.

    Where the call brings nothing usable, the memory stays as it is and the failure is on record.
    """
    mind = person.mind
    episode = life.episodic.episode
    through = len(episode) - min(keep, len(episode) // 2)
    if not mind.settings.consolidates or through < 1:
        return False
    lines = "\n".join(lines_of(episode[:through]))
    messages = (_rules(mind.premise), Message(Role.USER, f"{person.block}\n\n<memory>\n{lines}\n</memory>"))
    draw = life.next_draw(mind, person.person_id)
    try:
        reply = await mind.ask(PURPOSE, messages, _SCHEMA, draw=draw)
    except RecordAndGoOn as error:
        life.calls_made += 1
        return _failed(person, life, str(error) or type(error).__name__)
    life.calls_made += 1
    key = mind.calls[-1].key
    if reply.status is not ReplyStatus.OK:
        return _failed(person, life, f"{reply.status}: {reply.reason}", key)
    if problem := _SCHEMA.problem(reply.value) or _summary_problem(reply.value):
        return _failed(person, life, f"{ReplyStatus.UNREADABLE}: {problem}", key)
    life.episodic.consolidate(reply.value["summary"].strip(), through=through)
    life.semantic.add(*reply.value["facts"])
    event = Event(EventKind.CHANGE, _TYPE, reply.value["summary"].strip(), person.person_id, person.name)
    event.call_key = key
    life.record(event)
    return True


def _failed(person: Person, life: InnerLife, reason: str, call_key: str | None = None) -> bool:
    event = Event(EventKind.FAILURE, _TYPE, actor_id=person.person_id, actor=person.name)
    event.status, event.reason, event.call_key = EventStatus.FAILED, reason, call_key
    life.record(event)
    return False


def _summary_problem(value: Any) -> str | None:
    return None if value["summary"].strip() else "summary is empty; say what happened"


@lru_cache(maxsize=256)
def _rules(premise: str) -> Message:
    return Message(Role.SYSTEM, with_occasion(render("consolidate.md"), premise))


_SCHEMA = ReplySchema(
    "consolidation",
    strict_object({"summary": {"type": "string"}, "facts": {"type": "array", "items": {"type": "string"}}}),
    _summary_problem,
)
