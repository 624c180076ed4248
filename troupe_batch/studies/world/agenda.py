"""Agenda of a world: its script, by step, with whom it asks; and the interventions of its job file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from troupe_batch.expressions.functions import mentions
from troupe_batch.simulation.judging.standard_propositions import quiet_recently
from troupe_batch.simulation.record.events import ActionKind, EventKind, EventStatus
from troupe_batch.simulation.world.interventions import Intervention
from troupe_batch.simulation.world.world import TinyWorld
from troupe_batch.studies.asking import Ask, Put
from troupe_batch.studies.questions.questions import Question
from troupe_batch.studies.questions.when import as_tuple
from troupe_batch.studies.script import ScriptLine, reach_world
from troupe_batch.studies.study import Answer, AnswerStatus, Unit
from troupe_batch.studies.world.spec import InterventionSpec, Seats, WorldSpec, as_several


@dataclass(frozen=True, slots=True)
class _Item:
    """A line, and the seats of those whom it reaches; a question reaches them as something said."""

    line: ScriptLine
    seats: tuple[int, ...]


class Agenda:
    """Everything about a world's script that does not depend on the people."""

    def __init__(self, spec: WorldSpec, *, seed: int) -> None:
        self._size = spec.size
        self._moderator = spec.moderator
        self._items: dict[int, list[_Item]] = {}
        self._ids = tuple(question.id for question in spec.all_questions)
        self._alone = {question.id: Ask([question], seed=seed) for question in spec.all_questions}
        self._reason: dict[str, str] = {}
        asked: dict[int, dict[int, list[Question]]] = {}
        for line in spec.script:
            seats = spec.seats_of(line.to)
            said = line if line.ask is None else ScriptLine(say=line.ask.text)
            self._items.setdefault(line.at, []).append(_Item(said, seats))
            if line.ask is not None:
                self._reason[line.ask.id] = f"asked only of {_seats_text(line.to)}"
                for seat in seats:
                    asked.setdefault(line.at, {}).setdefault(seat, []).append(line.ask)
        self._asks = _compiled_asks(asked, self._alone, seed)

    def begin(self, step: int, unit: Unit, world: TinyWorld) -> Mapping[int, Put]:
        """Lets happen what comes before the step (from 1), and asks what is asked in it: seat -> questions."""
        for item in self._items.get(step, ()):
            reach_world(world, item.seats, item.line, self._moderator)
        people = world.people
        puts = {seat: ask.put_to(people[seat], unit) for seat, ask in self._asks.get(step, {}).items()}
        for put in puts.values():
            world.ask(put.extra, [put.person])
        return puts

    def in_order(
        self, given: Mapping[tuple[int, str], Answer], absent: Sequence[Answer] | None = None
    ) -> tuple[Answer, ...]:
        """One answer per seat and question, seat by seat; whoever was not asked has skipped the question.

        In a world that ended early they have the answer of `absent` instead, which holds one for all of them.
        """
        wanted = [(seat, name) for seat in range(self._size) for name in self._ids]
        if absent is not None:
            return tuple([given.get(one, missing) for one, missing in zip(wanted, absent, strict=True)])
        return tuple([given.get(one) or self._skipped(one[1]) for one in wanted])

    def absent(self, status: AnswerStatus, reason: str) -> tuple[Answer, ...]:
        """One answer per seat and question, all with this status and reason."""
        return tuple(
            answer
            for _ in range(self._size)
            for name in self._ids
            for answer in self._alone[name].absent(status, reason)
        )

    def examples(self) -> Mapping[str, Any]:
        """Typed answers of ordinary length, by question."""
        return {name: value for ask in self._alone.values() for name, value in ask.example().items()}

    def _skipped(self, name: str) -> Answer:
        return self._alone[name].absent(AnswerStatus.SKIPPED, self._reason[name])[0]


def _compiled_asks(
    asked: Mapping[int, Mapping[int, Sequence[Question]]], alone: Mapping[str, Ask], seed: int
) -> dict[int, dict[int, Ask]]:
    """Step -> seat -> what is asked there, in one act; seats that are asked the same share it."""
    together: dict[tuple[str, ...], Ask] = {(name,): ask for name, ask in alone.items()}
    compiled: dict[int, dict[int, Ask]] = {}
    for step, by_seat in asked.items():
        for seat, questions in sorted(by_seat.items()):
            ids = tuple(question.id for question in questions)
            if ids not in together:
                together[ids] = Ask(questions, seed=seed)
            compiled.setdefault(step, {})[seat] = together[ids]
    return compiled


def _seats_text(to: Seats) -> str:
    return ", ".join(f"seat {one}" if isinstance(one, int) else one for one in as_several(to))


def interventions_of(spec: WorldSpec) -> tuple[Intervention, ...]:
    """Made once: they keep nothing of what happened, so all worlds of the study share them."""
    return tuple(_intervention(one, spec) for one in spec.interventions)


def _intervention(one: InterventionSpec, spec: WorldSpec) -> Intervention:
    made = Intervention(one.name, once=one.once)
    when = one.when
    if when.step is not None:
        made.when_step(when.step)
    if when.quiet_for is not None:
        steps = when.quiet_for
        made.when(lambda world: quiet_recently(world, last_steps=steps))
    if when.mentions is not None:
        words = as_tuple(when.mentions)
        made.when(lambda world: _was_mentioned(world, words))
    if when.text is not None:
        made.when_text(when.text)
    seats = spec.seats_of(one.do.to)
    return made.effect(lambda world: reach_world(world, seats, one.do, spec.moderator))


def _was_mentioned(world: TinyWorld, words: Sequence[str]) -> bool:
    """Whether somebody said one of the words in the step before this one."""
    for event in reversed(world.journal.events):
        if event.step is None or event.step < world.step - 1:
            return False
        is_said = event.kind is EventKind.ACTION and event.type == ActionKind.TALK
        if is_said and event.status is EventStatus.HAPPENED and event.content and mentions(event.content, words):
            return True
    return False
