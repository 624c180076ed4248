"""World part of a job file: who sits together, what happens to them, and what is read out of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, TypeAlias

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    NaiveDatetime,
    StringConstraints,
    Tag,
    field_validator,
    model_validator,
)

from troupe_batch.llm.schemas import excess_of
from troupe_batch.scalars import TruthValue, fact_of, in_nfc
from troupe_batch.simulation.extraction.fields import ExtractionSpec
from troupe_batch.simulation.world.turns import OnCannotAct
from troupe_batch.spec_files import BuiltSpec, did_you_mean
from troupe_batch.spec_messages import Place
from troupe_batch.studies.cases import COMPOSITION, Arm, Composition
from troupe_batch.studies.equipment import Documents, NamedFiles, Tools, equipment_mistakes, read_documents
from troupe_batch.studies.findings import extraction_mistakes
from troupe_batch.studies.judgement_spec import JudgementSpec, judgement_mistakes
from troupe_batch.studies.questions.options import Label, Prose
from troupe_batch.studies.questions.questions import Question
from troupe_batch.studies.questions.when import form_of
from troupe_batch.studies.script import (
    Lines,
    PlacedMistake,
    ScriptLine,
    act_question_mistakes,
    question_mistakes,
    repeats,
)
from troupe_batch.studies.world.seats import MOST_PEOPLE, SeatSpec

EVERYONE = "everyone"

_SeatNumber: TypeAlias = Annotated[int, Field(ge=1, le=MOST_PEOPLE, strict=True)]
_SeatName: TypeAlias = Annotated[str, StringConstraints(min_length=1, max_length=500), AfterValidator(in_nfc)]
_Seat: TypeAlias = Annotated[_SeatNumber | _SeatName, BeforeValidator(fact_of)]
Seats: TypeAlias = Annotated[
    Annotated[_Seat, Tag("one")]
    | Annotated[tuple[_Seat, ...], Tag("list"), Field(min_length=1, max_length=MOST_PEOPLE)],
    Discriminator(form_of),
]
_SEATS = "everyone, the name of seats, or a list of names and of numbers counted from 1 over all seats."


def as_several(seats: Seats) -> tuple[int | str, ...]:
    """One name or number, or a list of them, as a list."""
    return seats if isinstance(seats, tuple) else (seats,)


class Happening(ScriptLine):
    """One thing that reaches some or all of the people of a world."""

    to: Seats = Field(default=EVERYONE, description=f"Whom it reaches: {_SEATS}")


class WorldLine(Happening):
    """One line of the script of a world; it comes before the step `at`."""

    further: ClassVar[tuple[str, ...]] = ("ask",)

    at: int = Field(ge=1, le=10_000, strict=True, description="Before which step it comes, counted from 1.")
    ask: Question | None = Field(
        default=None, description="A question of any type: everybody it reaches answers in their act of this step."
    )


class Trigger(BaseModel):
    """Trigger of an intervention: everything named here must hold."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    step: int | None = Field(
        default=None, ge=1, le=10_000, strict=True, description="At the beginning of this step, counted from 1."
    )
    quiet_for: int | None = Field(
        default=None, ge=1, le=10_000, strict=True, description="Nobody has said anything for this many steps."
    )
    mentions: Lines | None = Field(
        default=None, description="Somebody said one of these words in the step before; capitals do not count."
    )
    text: Prose | None = Field(default=None, description="A model finds that this is true of what happened so far.")

    @model_validator(mode="after")
    def _names_something(self) -> Trigger:
        if all(value is None for value in (self.step, self.quiet_for, self.mentions, self.text)):
            raise ValueError("nothing is named; write step, quiet_for, mentions or text")
        return self


class InterventionSpec(BaseModel):
    """Something that happens as soon as certain things are so."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Label = Field(description="What it is called in the record.")
    when: Trigger = Field(description="When it happens.")
    do: Happening = Field(description="What happens then.")
    once: TruthValue = Field(default=True, description="false: whenever it holds, and not just the first time.")


class RelationSpec(BaseModel):
    """A relation between all pairs of some seats."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", json_schema_extra={"examples": [{"name": "colleague", "seats": [1, 2]}]}
    )

    name: Label = Field(description="What they are to each other, for example colleague.")
    seats: Seats = Field(description=f"Who: {_SEATS}")


def _form_of_relations(value: Any) -> str:
    return "list" if isinstance(value, list | tuple | Mapping) else "word"


Relations: TypeAlias = Annotated[
    Annotated[Literal["everyone", "none"], Tag("word")]
    | Annotated[tuple[RelationSpec, ...], Tag("list"), Field(min_length=1, max_length=1_000)],
    Discriminator(_form_of_relations),
]


class WorldSpec(BuiltSpec):
    """Many worlds, each with some people of its own, who act together over a number of steps."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["world"] = Field(default="world", description="What kind of study this is.")
    introduction: Prose | None = Field(
        default=None, description="What holds for everybody and throughout: the occasion, the topic, the rules."
    )
    arms: tuple[Arm, ...] = Field(
        default=(), max_length=100, description="Experimental conditions; worlds are spread evenly over them at random."
    )
    seats: tuple[SeatSpec, ...] = Field(default=(), max_length=30, description="Who sits in each world, seat by seat.")
    people_per_world: int | None = Field(
        default=None,
        ge=1,
        le=MOST_PEOPLE,
        strict=True,
        description="In place of `seats`: so many people.",
    )
    worlds: int | None = Field(
        default=None, ge=1, le=10_000_000, strict=True, description="How many worlds; default: as many as people allow."
    )
    composition: Composition = COMPOSITION
    documents: Documents = ()
    tools: Tools = ()
    relations: Relations = Field(
        default="everyone",
        description="everyone knows everyone; none: nobody does; or named relations, and only those reach each other.",
    )
    start: NaiveDatetime = Field(
        default=datetime(2025, 1, 6, 9),  # noqa: DTZ001 -- simulated time has no zone
        description="The simulated time at which each world begins, without a time zone.",
        examples=["2025-06-06T19:00"],
    )
    minutes_per_step: int = Field(
        default=15, ge=0, le=5_256_000, strict=True, description="How much simulated time passes in a step."
    )
    steps: int = Field(ge=1, le=10_000, strict=True, description="How many times everybody acts.")
    moderator: Label = Field(default="Moderator", description="Who says what the script says, as people hear it.")
    script: tuple[WorldLine, ...] = Field(default=(), max_length=1_000, description="What happens before which step.")
    interventions: tuple[InterventionSpec, ...] = Field(
        default=(), max_length=100, description="What happens as soon as certain things are so."
    )
    on_failure: OnCannotAct = Field(
        default=OnCannotAct.GO_ON, description="When somebody cannot act: the world goes on, or it fails as a whole."
    )
    judgements: tuple[JudgementSpec, ...] = Field(
        default=(), max_length=20, description="What a model judges of the people or the world when the script is over."
    )
    extraction: tuple[ExtractionSpec, ...] = Field(
        default=(), max_length=20, description="What is read out of each world when it is over."
    )

    @field_validator("start", mode="after")
    @classmethod
    def _is_a_round_time(cls, start: datetime) -> datetime:
        return start.replace(microsecond=0)

    @property
    def places(self) -> tuple[SeatSpec, ...]:
        """The seats with what everybody has at hand; one kind of seat where the file has only a number of people."""
        seats = self.seats or (SeatSpec(count=self.people_per_world or 1),)
        if not self.documents and not self.tools:
            return seats
        return tuple(seat.with_equipment(self.documents, self.tools) for seat in seats)

    @property
    def size(self) -> int:
        """How many people a world has."""
        return sum(seat.count for seat in self.places)

    @property
    def all_questions(self) -> tuple[Question, ...]:
        """Every question, in the order of the script."""
        return tuple(line.ask for line in self.script if line.ask is not None)

    def seats_of(self, to: Seats) -> tuple[int, ...]:
        """The seats that are meant, counted from 0 over all seats, in order; KeyError for a name that none has."""
        chosen: set[int] = set()
        named = self._named()
        for one in as_several(to):
            chosen.update((one - 1,) if isinstance(one, int) else named[one])
        return tuple(sorted(chosen))

    def resolved(self, folder: Path) -> WorldSpec:
        """The same with what its files hold in place of their paths; SpecError where one cannot be read."""
        files = NamedFiles(folder)
        documents = read_documents(self.documents, files)
        seats = tuple(seat.resolved(files, ("seats", index)) for index, seat in enumerate(self.seats))
        files.raise_if_any()
        return self.model_copy(update={"documents": documents, "seats": seats})

    def mistakes(self, *, is_whole: bool = True) -> Iterator[PlacedMistake]:
        """What is wrong between the parts of the study: place, problem, cure.

        `is_whole` False: parts of it could not be read, so only what is wrong whatever they are.
        """
        yield from self._seat_mistakes(is_whole=is_whole)
        if is_whole:
            yield from self._who_mistakes()
        asked = [(("script", i, "ask"), line.ask) for i, line in enumerate(self.script) if line.ask is not None]
        yield from question_mistakes(asked)
        yield from act_question_mistakes(asked)
        yield from self._step_mistakes()
        if is_whole:
            yield from self._ask_mistakes()
        for place in repeats((("arms", i), arm.id.casefold()) for i, arm in enumerate(self.arms)):
            yield (*place, "id"), "this arm id stands twice", "rename one"
        for place in repeats((("interventions", i), one.name.casefold()) for i, one in enumerate(self.interventions)):
            yield (*place, "name"), "this name stands twice", "rename one"
        yield from extraction_mistakes(self.extraction, has_world=True)
        yield from judgement_mistakes(self.judgements, self.extraction, has_world=True)

    def _seat_mistakes(self, *, is_whole: bool) -> Iterator[PlacedMistake]:
        yield from equipment_mistakes(self.documents, self.tools)
        if is_whole and bool(self.seats) == (self.people_per_world is not None):
            problem = "stand both" if self.seats else "are both missing"
            yield ("seats",), f"`seats` and `people_per_world` {problem}", "write one of them"
        if self.size > MOST_PEOPLE:
            yield ("seats",), f"a world has {self.size} seats, and {MOST_PEOPLE} is the most", "lower `count`"
        for index, seat in enumerate(self.seats):
            for place, problem, cure in seat.mistakes(self.documents):
                yield ("seats", index, *place), problem, cure
            if seat.name == EVERYONE:
                yield ("seats", index, "name"), "`everyone` means all people of a world", "choose another name"
        named = [(("seats", i), seat.name.casefold()) for i, seat in enumerate(self.seats) if seat.name is not None]
        for place in repeats(named):
            yield (*place, "name"), "this seat name stands twice", "rename one, or raise the `count` of the first"

    def _who_mistakes(self) -> Iterator[PlacedMistake]:
        for place, to in self._mentioned_seats():
            for one in as_several(to):
                if isinstance(one, int) and one > self.size:
                    yield place, f"there is no seat {one}; a world has {self.size}", "seats count from 1"
                elif isinstance(one, str) and one not in self._named():
                    yield place, f"no seat is called {one!r}", did_you_mean(one, [*self._named()])
        if isinstance(self.relations, tuple):
            for index, relation in enumerate(self.relations):
                if self._are_known(relation.seats) and len(self.seats_of(relation.seats)) < 2:
                    place = ("relations", index, "seats")
                    yield place, "a relation needs two people, and this is one seat", "name another seat"

    def _mentioned_seats(self) -> Iterator[tuple[Place, Seats]]:
        for index, line in enumerate(self.script):
            yield ("script", index, "to"), line.to
        for index, one in enumerate(self.interventions):
            yield ("interventions", index, "do", "to"), one.do.to
        if isinstance(self.relations, tuple):
            for index, relation in enumerate(self.relations):
                yield ("relations", index, "seats"), relation.seats

    def _step_mistakes(self) -> Iterator[PlacedMistake]:
        for index, line in enumerate(self.script):
            if line.at > self.steps:
                yield ("script", index, "at"), self._no_step(line.at), "lower it, or raise `steps`"
        for index, one in enumerate(self.interventions):
            place: Place = ("interventions", index, "when")
            if one.when.step is not None and one.when.step > self.steps:
                yield (*place, "step"), self._no_step(one.when.step), "lower it, or raise `steps`"
            if one.when.quiet_for is not None and one.when.quiet_for >= self.steps:
                problem = f"{self.steps} steps never leave {one.when.quiet_for} quiet ones before one"
                yield (*place, "quiet_for"), problem, "lower it, or raise `steps`"

    def _ask_mistakes(self) -> Iterator[PlacedMistake]:
        asking: dict[int, list[tuple[int, WorldLine]]] = {}
        for index, line in enumerate(self.script):
            if line.ask is not None and line.at <= self.steps:
                asking.setdefault(line.at, []).append((index, line))
        for _, lines in sorted(asking.items()):
            yield from self._same_act_mistakes(lines)

    def _same_act_mistakes(self, asking: Sequence[tuple[int, WorldLine]]) -> Iterator[PlacedMistake]:
        """Questions of one step are answered in one act, by those whom several of them reach."""
        asked_openly: set[int] = set()
        labels: list[str] = []
        for index, line in asking:
            if line.ask is None or not self._are_known(line.to):
                continue
            labels += line.ask.names_in_schema
            if excess := excess_of(labels):
                problem = f"the questions of step {line.at} have {excess}"
                yield ("script", index, "ask"), problem, "ask some in another step"
            if line.ask.kind == "open":
                seats = set(self.seats_of(line.to))
                if asked_openly & seats:
                    problem = f"a second open question in step {line.at} for the same people"
                    cure = "ask one a step: what is said aloud would answer both"
                    yield ("script", index, "ask"), problem, cure
                asked_openly |= seats

    def _no_step(self, step: int) -> str:
        return f"there is no step {step}; the world has {self.steps}"

    def _are_known(self, to: Seats) -> bool:
        named = self._named()
        return all(one <= self.size if isinstance(one, int) else one in named for one in as_several(to))

    def _named(self) -> dict[str, range]:
        named = {EVERYONE: range(self.size)}
        first = 0
        for seat in self.places:
            if seat.name is not None:
                named[seat.name] = range(first, first + seat.count)
            first += seat.count
        return named
