"""Interview part of a job file: a conversation, line by line, that each person goes through on their own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar, Literal

from pydantic import ConfigDict, Field, model_validator

from troupe_batch.llm.schemas import excess_of
from troupe_batch.scalars import TruthValue
from troupe_batch.simulation.extraction.fields import ExtractionSpec
from troupe_batch.spec_files import BuiltSpec
from troupe_batch.spec_messages import Place
from troupe_batch.studies.cases import Arm
from troupe_batch.studies.conditions import when_mistakes
from troupe_batch.studies.equipment import Documents, NamedFiles, Tools, equipment_mistakes, read_documents
from troupe_batch.studies.findings import extraction_mistakes
from troupe_batch.studies.judgement_spec import JudgementSpec, judgement_mistakes
from troupe_batch.studies.questions.options import Label, Prose
from troupe_batch.studies.questions.questions import Question
from troupe_batch.studies.questions.when import When
from troupe_batch.studies.script import PlacedMistake, ScriptLine, act_question_mistakes, question_mistakes, repeats
from troupe_batch.studies.survey.spec import OnFailure


class InterviewLine(ScriptLine):
    """One line of an interview, for those whose earlier answers fit `when`."""

    further: ClassVar[tuple[str, ...]] = ("ask",)

    ask: Question | None = Field(default=None, description="A question of any type; the reply to it is one act.")
    when: When = Field(
        default=(),
        description="Conditions on this person's earlier answers, expressions or mappings; all of them must hold.",
    )
    silent: TruthValue = Field(default=False, description="With say: true lets the person only listen.")
    act: TruthValue = Field(
        default=False, description="With anything that is not said or asked: true lets the person act."
    )

    @model_validator(mode="after")
    def _fits_its_flags(self) -> InterviewLine:
        if self.silent and self.say is None:
            raise ValueError(f"`silent` belongs to say; `{self.word}` is without an act, or needs one")
        if self.act and (self.say is not None or self.ask is not None):
            raise ValueError(f"people act after `{self.word}` anyway; remove `act`")
        return self

    @property
    def has_act(self) -> bool:
        """Whether the person acts after it."""
        return self.act or self.ask is not None or (self.say is not None and not self.silent)


class InterviewSpec(BuiltSpec):
    """A scripted conversation with each person."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["interview"] = Field(default="interview", description="What kind of study this is.")
    introduction: Prose | None = Field(
        default=None, description="What holds for everybody and throughout: the occasion, the topic, the rules."
    )
    interviewer: Label = Field(default="Interviewer", description="Who speaks, as people hear it.")
    arms: tuple[Arm, ...] = Field(
        default=(), max_length=100, description="Experimental conditions; people are spread evenly over them at random."
    )
    script: tuple[InterviewLine, ...] = Field(min_length=1, max_length=500, description="The lines, in order.")
    documents: Documents = ()
    tools: Tools = ()
    on_failure: OnFailure = Field(
        default=OnFailure.GO_ON,
        description="go_on: go on after an act that brought nothing; stop: leave the rest as not_run.",
    )
    judgements: tuple[JudgementSpec, ...] = Field(
        default=(), max_length=20, description="What a model judges of each person when the script is over."
    )
    extraction: tuple[ExtractionSpec, ...] = Field(
        default=(), max_length=20, description="What is read out of each conversation when it is over."
    )

    @property
    def all_questions(self) -> tuple[Question, ...]:
        """Every question, in the order of the script."""
        return tuple(line.ask for line in self.script if line.ask is not None)

    def resolved(self, folder: Path) -> InterviewSpec:
        """The same with every file's text in place of its path; SpecError where one cannot be read."""
        files = NamedFiles(folder)
        documents = read_documents(self.documents, files)
        files.raise_if_any()
        return self.model_copy(update={"documents": documents})

    def mistakes(self, *, is_whole: bool = True) -> Iterator[PlacedMistake]:
        """What is wrong between the parts of the study: place, problem, cure.

        `is_whole` False: parts of it could not be read, so only what is wrong whatever they are.
        """
        asked: list[tuple[Place, Question]] = [
            (("script", i, "ask"), line.ask) for i, line in enumerate(self.script) if line.ask is not None
        ]
        yield from question_mistakes(asked)
        yield from act_question_mistakes(asked)
        for place, question in asked:
            if excess := excess_of(question.names_in_schema):
                yield place, f"it has {excess}", "split it"
        for place in repeats((("arms", i), arm.id.casefold()) for i, arm in enumerate(self.arms)):
            yield (*place, "id"), "this arm id stands twice", "rename one"
        yield from self._conditions(is_whole=is_whole)
        yield from equipment_mistakes(self.documents, self.tools)
        yield from extraction_mistakes(self.extraction, has_world=False)
        yield from judgement_mistakes(self.judgements, self.extraction, has_world=False)
        if is_whole and not asked and not self.extraction and not any(line.has_act for line in self.script):
            yield ("script",), "nobody ever acts in this script", "say or ask something, or set `act: true`"

    def _conditions(self, *, is_whole: bool) -> Iterator[PlacedMistake]:
        before: dict[str, Question] = {}
        ids = [question.id for question in self.all_questions]
        for index, line in enumerate(self.script):
            yield from when_mistakes(("script", index, "when"), line.when, before, ids, is_whole=is_whole)
            if line.ask is not None:
                before[line.ask.id] = line.ask
