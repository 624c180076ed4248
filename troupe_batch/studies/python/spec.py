"""Part of a job file that names an async function of the user's, and what comes of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, StringConstraints

from troupe_batch.simulation.extraction.fields import ExtractionSpec
from troupe_batch.spec_files import BuiltSpec
from troupe_batch.studies.cases import COMPOSITION, Arm, Composition
from troupe_batch.studies.findings import extraction_mistakes
from troupe_batch.studies.questions.options import Prose
from troupe_batch.studies.questions.questions import Question
from troupe_batch.studies.script import PlacedMistake, act_question_mistakes, question_mistakes, repeats

_NAME = r"[A-Za-z_][A-Za-z0-9_]*"


class PythonSpec(BuiltSpec):
    """A study written in Python: `async def function(case)` is awaited once for each unit."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["python"] = Field(default="python", description="What kind of study this is.")
    function: Annotated[str, StringConstraints(pattern=rf"^{_NAME}(\.{_NAME})*:{_NAME}$", max_length=500)] = Field(
        description="Where the function is: package.module:name, importable wherever workers run.",
        examples=["studies.haggling:haggle"],
    )
    introduction: Prose | None = Field(
        default=None, description="What holds for everybody and throughout; it stands in every prompt."
    )
    arms: tuple[Arm, ...] = Field(
        default=(), max_length=100, description="Experimental conditions; units are spread evenly over them at random."
    )
    people_per_unit: int = Field(default=1, ge=1, le=1_000, strict=True, description="How many people each unit has.")
    composition: Composition = COMPOSITION
    calls_per_unit: int = Field(
        default=1,
        ge=0,
        le=1_000_000,
        strict=True,
        description="About how many model calls a unit makes; decides how many units a worker takes at once.",
    )
    questions: tuple[Question, ...] = Field(
        default=(), max_length=500, description="What the function answers, for each person of the unit."
    )
    extraction: tuple[ExtractionSpec, ...] = Field(
        default=(), max_length=20, description="What the function finds; it hands findings over by `case.finding`."
    )

    @property
    def size(self) -> int:
        """How many people a unit has."""
        return self.people_per_unit

    @property
    def all_questions(self) -> tuple[Question, ...]:
        """Every question, in the order of the file."""
        return self.questions

    def resolved(self, folder: Path) -> PythonSpec:  # noqa: ARG002 -- other kinds read files
        """The same: it names no files."""
        return self

    def mistakes(self, *, is_whole: bool = True) -> Iterator[PlacedMistake]:
        """What is wrong between the parts of the study: place, problem, cure.

        `is_whole` False: parts of it could not be read, so only what is wrong whatever they are.
        """
        asked = [(("questions", index), question) for index, question in enumerate(self.questions)]
        yield from question_mistakes(asked)
        yield from act_question_mistakes(asked)
        for place in repeats((("arms", i), arm.id.casefold()) for i, arm in enumerate(self.arms)):
            yield (*place, "id"), "this arm id stands twice", "rename one"
        yield from extraction_mistakes(self.extraction, has_world=True)
        if is_whole and not self.questions and not self.extraction:
            yield (
                ("questions",),
                "the study answers no question and extracts nothing",
                "add `questions` or `extraction`",
            )
