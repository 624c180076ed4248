"""Lines of a script: what reaches people, in the order of the file, in interviews and worlds alike; and how it does."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Annotated, ClassVar, TypeAlias, assert_never

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, model_validator

from troupe_batch.simulation.person.person import TinyPerson
from troupe_batch.simulation.record.events import StimulusKind
from troupe_batch.simulation.world.world import TinyWorld
from troupe_batch.spec_messages import Place
from troupe_batch.studies.questions.options import Label, Prose
from troupe_batch.studies.questions.questions import RESERVED_IDS, Question
from troupe_batch.studies.questions.when import as_tuple, form_of
from troupe_batch.studies.values import ValueKind

PlacedMistake: TypeAlias = tuple[Place, str, str]

Lines: TypeAlias = Annotated[
    Annotated[Label, Tag("one")] | Annotated[tuple[Label, ...], Tag("list"), Field(min_length=1, max_length=20)],
    Discriminator(form_of),
]
"""One line of text, or several."""

_STIMULI = {
    "say": StimulusKind.CONVERSATION,
    "show": StimulusKind.VISUAL,
    "think": StimulusKind.THOUGHT,
    "goal": StimulusKind.INTERNAL_GOAL_FORMULATION,
    "move_to": StimulusKind.LOCATION,
}


class ScriptLine(BaseModel):
    """One thing that reaches people: exactly one of say, show, think, goal, move_to and context."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    further: ClassVar[tuple[str, ...]] = ()

    say: Prose | None = Field(default=None, description="Something said to people, by the one who leads through this.")
    show: Prose | None = Field(default=None, description="Something that people see.")
    think: Prose | None = Field(default=None, description="A thought that comes to people.")
    goal: Prose | None = Field(default=None, description="An aim that people make their own.")
    move_to: Label | None = Field(default=None, description="A place that people find themselves in from now on.")
    context: Lines | None = Field(
        default=None, description="What the situation is from now on, one line or a list of them."
    )

    @model_validator(mode="after")
    def _is_one_thing(self) -> ScriptLine:
        named = [name for name in self._names() if getattr(self, name) is not None]
        if len(named) != 1:
            found = f"stand together: {', '.join(named)}" if named else "are all missing"
            raise ValueError(f"{', '.join(self._names())} {found}; write exactly one of them")
        return self

    @classmethod
    def _names(cls) -> tuple[str, ...]:
        return (*_STIMULI, "context", *cls.further)

    @property
    def word(self) -> str:
        """Which of them it is, for example `say`."""
        return next(name for name in self._names() if getattr(self, name) is not None)

    @property
    def stimulus(self) -> tuple[StimulusKind, str] | None:
        """How it reaches people, and its text; None where it is no stimulus."""
        return next(((kind, text) for name, kind in _STIMULI.items() if (text := getattr(self, name))), None)


def question_mistakes(asked: Sequence[tuple[Place, Question]]) -> Iterator[PlacedMistake]:
    """What is wrong with the questions of a study, each at its place."""
    for place in repeats((place, question.id.casefold()) for place, question in asked):
        # Without regard to capitals: SQL engines would take `Q1` and `q1` for one column.
        yield (*place, "id"), "this question id stands twice (capitals do not count)", "rename one"
    for place, question in asked:
        if question.id.casefold() in RESERVED_IDS | {"seat", "seat_name"}:
            yield (*place, "id"), f"`{question.id}` is a column of its own in the data", "choose another id"
        if question.when != ():
            cure = "in an interview write it beside `ask`; else remove it"
            yield (*place, "when"), "only questions of surveys have a `when` of their own", cure


def act_question_mistakes(asked: Sequence[tuple[Place, Question]]) -> Iterator[PlacedMistake]:
    """What is wrong with questions that people answer while they act."""
    for place, question in asked:
        if question.id in ("actions", "cognitive_state"):
            yield (*place, "id"), f"`{question.id}` is a part of every reply", "choose another id"
        if question.value_kind is ValueKind.TEXT and question.info.dont_know is not None:
            problem = "an open question is answered aloud, and nobody can tell there what counts as not knowing"
            yield (*place, "dont_know"), problem, "remove it; who says nothing is `refused`"


def labels_of(question: Question) -> tuple[str, ...]:
    """The labels that an answer to the question can have; don't know is one of them where one label is chosen."""
    info = question.info
    match question.value_kind:
        case ValueKind.CODE | ValueKind.LABEL:
            return info.answerable
        case ValueKind.LABELS | ValueKind.RANKING:
            return info.labels
        case ValueKind.NUMBER | ValueKind.TEXT:
            return ()
    assert_never(question.value_kind)


def repeats(named: Iterable[tuple[Place, str]]) -> list[Place]:
    """The places whose name stood at an earlier place."""
    seen: set[str] = set()
    places = []
    for place, name in named:
        if name in seen:
            places.append(place)
        seen.add(name)
    return places


def reach_person(person: TinyPerson, line: ScriptLine, speaker: str) -> None:
    """The line reaches one person; what is said is said by the speaker."""
    if line.context is not None:
        person.change_context(as_tuple(line.context))
    elif line.stimulus is not None:
        kind, text = line.stimulus
        if kind is StimulusKind.CONVERSATION:
            person.listen(text, speaker)
        else:
            _PERSON_TAKES_IN[kind](person, text)


def reach_world(world: TinyWorld, seats: Sequence[int], line: ScriptLine, speaker: str) -> None:
    """The line reaches the people in these seats: one event where that is everybody, else one for each of them."""
    people = world.people
    if len(seats) < len(people):
        for seat in seats:
            reach_person(people[seat], line, speaker)
    elif line.context is not None:
        world.broadcast_context_change(as_tuple(line.context))
    elif line.stimulus is not None:
        kind, text = line.stimulus
        if kind is StimulusKind.CONVERSATION:
            world.broadcast(text, speaker)
        else:
            _ALL_TAKE_IN[kind](world, text)


_PERSON_TAKES_IN: Mapping[StimulusKind, Callable[[TinyPerson, str], object]] = {
    StimulusKind.VISUAL: TinyPerson.see,
    StimulusKind.THOUGHT: TinyPerson.think,
    StimulusKind.INTERNAL_GOAL_FORMULATION: TinyPerson.internalize_goal,
    StimulusKind.LOCATION: TinyPerson.move_to,
}
_ALL_TAKE_IN: Mapping[StimulusKind, Callable[[TinyWorld, str], object]] = {
    StimulusKind.VISUAL: TinyWorld.show,
    StimulusKind.THOUGHT: TinyWorld.broadcast_thought,
    StimulusKind.INTERNAL_GOAL_FORMULATION: TinyWorld.broadcast_internal_goal,
    StimulusKind.LOCATION: TinyWorld.move_everyone_to,
}
