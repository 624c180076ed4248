"""Survey part of a job file: what people are told, shown and asked, and in how many calls."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from troupe_batch.expressions.kinds import Kind
from troupe_batch.llm.schemas import excess_of
from troupe_batch.spec_files import BuiltSpec
from troupe_batch.spec_messages import Place
from troupe_batch.studies.cases import Arm
from troupe_batch.studies.conditions import fact_mistakes, when_mistakes
from troupe_batch.studies.questions.options import Prose, Slug
from troupe_batch.studies.questions.questions import RESERVED_IDS, Question, Questions
from troupe_batch.studies.questions.when import ASKED_WHEN, FLOW, Condition, When, listed, names_in


class Asking(StrEnum):
    """Spread of the questions over model calls."""

    QUESTIONNAIRE = "questionnaire"
    BLOCK = "block"
    QUESTION = "question"


class OnFailure(StrEnum):
    """Course of a person's later questions when an earlier call brought no answer."""

    GO_ON = "go_on"
    STOP = "stop"


class LastTurns(BaseModel):
    """Memory of the last n turns only."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    last: int = Field(ge=1, le=500, description="How many earlier calls (questions or blocks) a person remembers.")


def _is_memory(value: Any) -> Any:
    if isinstance(value, Mapping | LastTurns) or value in ("none", "all"):
        return value
    raise ValueError(f"{str(value)[:40]!r} is no memory; write none, all or `last: 3`")


Memory: TypeAlias = Annotated[Literal["none", "all"] | LastTurns, BeforeValidator(_is_memory)]


class QuestionBlock(BaseModel):
    """Questions that belong together; with `asking: block` they share one call."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    names_elsewhere: ClassVar[Mapping[str, str]] = FLOW

    id: Slug = Field(description="Name of the block.")
    title: str | None = Field(default=None, max_length=200, description="A name for reports; people never see it.")
    when: When = ASKED_WHEN
    questions: Questions = Field(min_length=1, description="The questions of the block.")


class SurveySpec(BuiltSpec):
    """A questionnaire that every person answers on their own."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    names_elsewhere: ClassVar[Mapping[str, str]] = FLOW

    kind: Literal["survey"] = Field(default="survey", description="What kind of study this is.")
    introduction: Prose | None = Field(
        default=None, description="What everybody is told first: the occasion, the topic, the rules of this survey."
    )
    arms: tuple[Arm, ...] = Field(
        default=(), max_length=100, description="Experimental conditions; people are spread evenly over them at random."
    )
    asking: Asking = Field(
        default=Asking.QUESTIONNAIRE,
        description="One call for the whole questionnaire, for each block, or each question.",
    )
    memory: Memory = Field(
        default="all", description="Which earlier answers people see when asked in several calls: none, all or last: n."
    )
    on_failure: OnFailure = Field(
        default=OnFailure.GO_ON,
        description="go_on: ask the next question after one without an answer; stop: leave the rest as not_run.",
    )
    questions: Questions = Field(default=(), description="The questions, in order.")
    blocks: tuple[QuestionBlock, ...] = Field(
        default=(), max_length=200, description="The questions in blocks, in place of `questions`."
    )

    @model_validator(mode="after")
    def _has_questions(self) -> SurveySpec:
        if bool(self.questions) == bool(self.blocks):
            problem = "stand both" if self.questions else "are both missing"
            raise ValueError(f"`questions` and `blocks` {problem}; write one of them")
        return self

    @property
    def all_questions(self) -> tuple[Question, ...]:
        """Every question, in the order in which it is asked."""
        return self.questions or tuple(question for block in self.blocks for question in block.questions)

    @property
    def conditions(self) -> Mapping[str, tuple[str | Condition, ...]]:
        """Question -> what must hold before it is asked, that of its block first; without those always asked."""
        found = {one.id: (*listed(when), *listed(one.when)) for _, when, part in self._parts() for one in part}
        return {name: conditions for name, conditions in found.items() if conditions}

    @property
    def calls(self) -> tuple[tuple[Question, ...], ...]:
        """The questions of each call to somebody who is asked all of them, in order.

        A group is cut only before a question whose condition reads an answer that the same call would bring.
        """
        conditions = self.conditions
        calls: list[list[Question]] = []
        for group in self.groups:
            calls.append([])
            for question in group:
                reads = {name for one in conditions.get(question.id, ()) for name in names_in(one)}
                if not reads.isdisjoint(one.id for one in calls[-1]):
                    calls.append([])
                calls[-1].append(question)
        return tuple(tuple(call) for call in calls)

    @property
    def groups(self) -> tuple[tuple[Question, ...], ...]:
        """The questions that are asked together as far as their conditions allow, in order."""
        if self.asking == Asking.QUESTION:
            return tuple((question,) for question in self.all_questions)
        if self.asking == Asking.BLOCK and self.blocks:
            return tuple(block.questions for block in self.blocks)
        return (self.all_questions,)

    def resolved(self, folder: Path) -> SurveySpec:  # noqa: ARG002 -- other kinds read files
        """The same: it names no files."""
        return self

    def mistakes(self, *, is_whole: bool = True) -> Iterator[tuple[Place, str, str]]:
        """What is wrong between the parts of the study: place, problem, cure.

        `is_whole` False: parts of it could not be read, so only what is wrong whatever they are.
        """
        yield from self._ids()
        if is_whole and self.asking == Asking.BLOCK and not self.blocks:
            yield ("asking",), "asking is block but there are no blocks", "write `blocks:` or ask by question"
        if self.asking == Asking.QUESTIONNAIRE and isinstance(self.memory, LastTurns) and len(self.calls) == 1:
            yield ("memory",), "memory has no effect when all questions are one call", "remove it or ask by question"
        ids = [question.id for question in self.all_questions]
        for place, when, before in self._whens():
            yield from when_mistakes(place, when, before, ids, is_whole=is_whole, has_facts=True)
        for group in self.groups:
            if excess := excess_of([name for question in group for name in question.names_in_schema]):
                yield ("asking",), f"the questions of one call have {excess}", "ask by block or by question"
                return

    def fact_mistakes(self, facts: Mapping[str, Kind]) -> Iterator[tuple[Place, str, str]]:
        """What is wrong with conditions as they read facts of people, which are of these kinds."""
        ids = [question.id for question in self.all_questions]
        for place, when, before in self._whens():
            yield from fact_mistakes(place, when, before, ids, facts)

    def _parts(self) -> Iterator[tuple[Place, When, tuple[Question, ...]]]:
        """The blocks, or all questions where there are none: the place, the condition of all, the questions."""
        if not self.blocks:
            yield (), (), self.questions
        for number, block in enumerate(self.blocks):
            yield ("blocks", number), block.when, block.questions

    def _whens(self) -> Iterator[tuple[Place, When, Mapping[str, Question]]]:
        """Every condition: its place, and the questions before it."""
        before: dict[str, Question] = {}
        for place, when, questions in self._parts():
            yield (*place, "when"), when, before
            for index, question in enumerate(questions):
                yield (*place, "questions", index, "when"), question.when, before
                before[question.id] = question

    def _ids(self) -> Iterator[tuple[Place, str, str]]:
        for place in _repeats(self._question_places()):
            # Without regard to capitals: SQL engines would take `Q1` and `q1` for one column.
            yield (*place, "id"), "this question id stands twice (capitals do not count)", "rename one"
        for place, name in self._question_places():
            if name in RESERVED_IDS:
                yield (*place, "id"), f"`{name}` is a column of its own in the data", "choose another id"
        for place in _repeats((("arms", i), arm.id.casefold()) for i, arm in enumerate(self.arms)):
            yield (*place, "id"), "this arm id stands twice", "rename one"
        for place in _repeats((("blocks", i), block.id.casefold()) for i, block in enumerate(self.blocks)):
            yield (*place, "id"), "this block id stands twice", "rename one"

    def _question_places(self) -> Iterator[tuple[Place, str]]:
        for place, _, questions in self._parts():
            for index, question in enumerate(questions):
                yield (*place, "questions", index), question.id.casefold()


def _repeats(named: Iterable[tuple[Place, str]]) -> list[Place]:
    """The places whose name stood at an earlier place."""
    seen: set[str] = set()
    places = []
    for place, name in named:
        if name in seen:
            places.append(place)
        seen.add(name)
    return places
