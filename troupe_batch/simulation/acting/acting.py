"""Act of a person: one call brings the actions and the new state of mind; a second only if there is more to see."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

from troupe_batch.errors import CannotAct, RecordAndGoOn
from troupe_batch.llm.chat import CacheState, ChatReply, ReplyStatus
from troupe_batch.simulation.acting.act_prompt import act_prompt, recalled_by
from troupe_batch.simulation.acting.act_schema import ActQuestion, act_schema, read_actions, read_answer, read_state
from troupe_batch.simulation.acting.faculties import carry_out
from troupe_batch.simulation.acting.inner_life import InnerLife
from troupe_batch.simulation.judging.quality import Scores, best_of, judged
from troupe_batch.simulation.people import Person
from troupe_batch.simulation.record.events import (
    Action,
    ActionKind,
    CognitiveState,
    Event,
    EventKind,
    EventStatus,
    Stimulus,
    StimulusKind,
)
from troupe_batch.simulation.record.memory import ActionResult

PURPOSE = "act"
_DONE = Action(ActionKind.DONE.value)
_BASIC = frozenset(ActionKind)
_CUT_SHORT = "You were cut short: what you said just now reached nobody."


@dataclass(frozen=True, slots=True)
class Act:
    """Act of a person: `actions` in order and ending in DONE, and one event for each of them.

    `performed` leaves out what was only repeated. `answer` holds what was asked for in the act, by property; it, and
    `reply_key` (hex), `cache` and `sample` (the name of the draw), are those of the last reply that was carried out.
    `calls` counts all calls, those of checks included.
    """

    actions: tuple[Action, ...]
    performed: tuple[Action, ...]
    events: tuple[Event, ...]
    calls: int
    answer: Mapping[str, Any]
    reply_key: str
    cache: CacheState
    sample: str


class _Generated(NamedTuple):
    """A reply that can be carried out."""

    actions: tuple[Action, ...]
    state: CognitiveState
    answer: dict[str, Any]
    reply: ChatReply
    key: str
    sample: str


async def act(person: Person, life: InnerLife, question: ActQuestion | None = None) -> Act:
    """Let the person take a turn. CannotAct where the reply is unusable; what the model raises passes through."""
    turn = _Turn(person, life, question)
    try:
        while await turn.round():
            pass
    except RecordAndGoOn as error:
        turn.break_off(error)
        raise
    return turn.finished()


class _Turn:
    """One act under way."""

    def __init__(self, person: Person, life: InnerLife, question: ActQuestion | None) -> None:
        self._person = person
        self._life = life
        self._mind = person.mind
        self._question = question
        self._calls = 0
        self._rounds = 0
        self._attempts = 0
        self._attempts_of_round = 1
        self._quality: float | None = None
        self._scores: Scores | None = None  # the latest there are
        self._actions: list[Action] = []
        self._performed: list[Action] = []
        self._events: list[Event] = []
        self._last: _Generated | None = None
        self._key: str | None = None  # of the reply that is carried out

    async def round(self) -> bool:
        """One call, carried out; whether there must be another, because there is something new to look at."""
        self._last = generated = await self._generate()
        self._key = generated.key
        self._rounds += 1
        has_results = False
        for action in generated.actions[:-1]:
            has_results |= await self._perform(action)
        self._life.mental_state.adopt(generated.state)
        settings = self._mind.settings
        return has_results and self._rounds < settings.max_rounds and len(self._actions) < settings.max_actions

    async def _generate(self) -> _Generated:
        """The reply to carry out; the best of several where acts are checked and attempts are left."""
        settings = self._mind.settings
        attempts = settings.quality_attempts - self._attempts if settings.checks_quality else 0
        if attempts < 1:
            self._quality, self._attempts_of_round = None, 1
            return await self._attempt(0, None)
        best = await best_of(self._attempt, self._judge, attempts=attempts, threshold=settings.quality_threshold)
        self._attempts += best.attempts
        self._attempts_of_round = best.attempts
        self._quality = best.scores.lowest if best.scores is not None else None
        self._scores = best.scores or self._scores
        if best.unscored_because is not None:
            self._record_failure("QUALITY_CHECK", best.unscored_because, best.unscored_call_key)
        return best.value

    async def _judge(self, generated: _Generated, number: int) -> Scores:  # noqa: ARG002 -- a draw of its own anyway
        life, mind = self._life, self._mind
        draw = life.next_draw(mind, self._person.person_id)
        with self._counted():
            return await judged(self._person, generated.actions, mind, draw)

    async def _attempt(self, number: int, feedback: str | None) -> _Generated:  # noqa: ARG002 -- as above
        person, life, mind = self._person, self._life, self._mind
        recalled = await recalled_by(life, mind)
        is_going_on = self._rounds > 0
        messages = act_prompt(
            person.block, life, mind, self._question, is_going_on=is_going_on, feedback=feedback, recalled=recalled
        )
        schema = act_schema(life.repertoire, self._question, mind.settings.max_actions)
        draw = life.next_draw(mind, person.person_id)
        with self._counted():
            reply = await mind.ask(PURPOSE, messages, schema, draw=draw)
        key = mind.calls[-1].key
        if reply.status is not ReplyStatus.OK:
            raise CannotAct(reply.status, reply.reason or "the reply gives no reason", call_key=key)
        # Again, although the model stack has done so: other models may stand behind a mind.
        value = schema.tidied(reply.value)
        if problem := schema.problem(value) or (schema.check(value) if schema.check is not None else None):
            raise CannotAct(ReplyStatus.UNREADABLE, problem, call_key=key)
        return _Generated(read_actions(value), read_state(value), read_answer(value), reply, key, draw)

    async def _perform(self, action: Action) -> bool:
        """Carry one action out; whether it brought something to see."""
        life = self._life
        event = self._record(action)
        if life.repeats.is_repeated(action):
            event.status = EventStatus.REPEATED
            return False
        self._performed.append(action)
        life.episodic.add(action, life.mental_state.datetime)
        if action.type in _BASIC:
            return False
        result = await carry_out(life.faculties, self._person, action, self._key)
        if result is None:
            return False
        life.episodic.add(ActionResult(action.type, result), life.mental_state.datetime)
        return True

    def finished(self) -> Act:
        """The act as a whole."""
        if self._last is None:
            raise ValueError("no round was played")
        done = self._record(_DONE)
        if self._scores is not None:
            done.details = self._scores.as_details()
        self._performed.append(_DONE)
        last = self._last
        remembered = self._question.remembered if self._question is not None else None
        if remembered is not None and (answered := remembered(last.answer)) is not None:
            self._life.perceive(Stimulus(StimulusKind.THOUGHT, answered))
        self._life.end_act()
        return Act(
            tuple(self._actions),
            tuple(self._performed),
            tuple(self._events),
            self._calls,
            last.answer,
            last.key,
            last.reply.cache,
            last.sample,
        )

    def break_off(self, error: RecordAndGoOn) -> None:
        """Put on record that the act brought nothing, or nothing further; what was said in it reaches nobody."""
        life = self._life
        is_unheard = False
        for event, action in zip(self._events, self._actions, strict=True):
            if event.type in (ActionKind.TALK, ActionKind.REACH_OUT) and event.status is EventStatus.HAPPENED:
                event.status, event.reason = EventStatus.UNDELIVERED, "the act broke off"
                life.repeats.take_back(action)
                is_unheard = True
        life.end_act(is_broken_off=True)
        if is_unheard:
            life.perceive(Stimulus(StimulusKind.VISUAL, _CUT_SHORT))
        self._record_failure("ACT", str(error) or type(error).__name__, error.call_key)

    @contextmanager
    def _counted(self) -> Iterator[None]:
        """Counts a call that came to an end; one that stops the job, or is tried again, keeps its draw for that."""
        try:
            yield
        except RecordAndGoOn:
            self._life.calls_made += 1
            self._calls += 1
            raise
        self._life.calls_made += 1
        self._calls += 1

    def _record_failure(self, what: str, reason: str, call_key: str | None) -> None:
        person = self._person
        event = Event(EventKind.FAILURE, what, actor_id=person.person_id, actor=person.name)
        event.status, event.reason, event.call_key = EventStatus.FAILED, reason, call_key
        self._life.record(event)

    def _record(self, action: Action) -> Event:
        person = self._person
        event = Event(EventKind.ACTION, action.type, action.content, person.person_id, person.name)
        event.target = action.target
        event.details = action.details
        event.quality = self._quality
        event.attempts = self._attempts_of_round
        event.call_key = self._key
        self._actions.append(action)
        self._events.append(event)
        self._life.record(event)
        return event
