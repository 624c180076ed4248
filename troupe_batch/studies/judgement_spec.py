"""Judgements as they stand in a job file: claims, and expectations of people, judged when a script is over."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from troupe_batch.simulation.extraction.fields import ExtractionSpec, FieldId, Text
from troupe_batch.studies.script import PlacedMistake, repeats
from troupe_batch.studies.study import ExtractionInfo, FieldInfo, FieldType

DEFAULT_QUESTIONS = 3
_VARIABLE = re.compile(r"\{\{[^{}]*\}\}")

SCORE = FieldInfo("score", FieldType.INTEGER, "How true the claim is, from 0 (the opposite is) to 9 (throughout).")
HOLDS = FieldInfo("holds", FieldType.YES_NO, "Whether the claim is true.")
VALIDATION_SCORE = FieldInfo(
    "validation_score", FieldType.NUMBER, "How well the person meets the expectations, from 0 to 1."
)
CONFIDENCE = FieldInfo("confidence", FieldType.NUMBER, "How sure the judge is, from 0 to 1.")
JUSTIFICATION = FieldInfo("justification", FieldType.TEXT, "What decides it, in the words of the judge.")


class StandardClaim(StrEnum):
    """Claims that are worth judging in most studies."""

    PERSONA_ADHERENCE = "persona_adherence"
    HARD_PERSONA_ADHERENCE = "hard_persona_adherence"
    SELF_CONSISTENCY = "self_consistency"
    FLUENCY = "fluency"
    TASK_COMPLETION = "task_completion"
    DIVERGENCE = "divergence"
    CONVERGENCE = "convergence"


_OF_ONE_PERSON = frozenset(
    {StandardClaim.PERSONA_ADHERENCE, StandardClaim.HARD_PERSONA_ADHERENCE, StandardClaim.SELF_CONSISTENCY}
)
_OF_SEVERAL_PEOPLE = frozenset({StandardClaim.DIVERGENCE, StandardClaim.CONVERGENCE})


class JudgementSpec(BaseModel):
    """One judgement: exactly one of claim, standard and validate."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    id: FieldId = Field(description="Name of the judgement in the data.")
    claim: Text | None = Field(default=None, description="What may be true of what happened, as a whole sentence.")
    standard: StandardClaim | None = Field(default=None, description="One of the claims that need no wording.")
    task: Text | None = Field(default=None, description="With `standard: task_completion`: what was to be done.")
    expectations: Text | None = Field(
        default=None,
        alias="validate",
        description="What each person should be like; a copy of them is interviewed about it.",
    )
    questions: int | None = Field(
        default=None, ge=1, le=50, strict=True, description="With validate: how many questions are asked; default: 3."
    )
    about: Literal["person", "world"] = Field(
        default="person", description="person: each of them by themself; world: all that happened in it."
    )
    form: Literal["score", "check"] | None = Field(
        default=None, alias="as", description="Of a claim: score, from 0 to 9 (default), or check, true or false."
    )

    @model_validator(mode="after")
    def _is_one_thing(self) -> JudgementSpec:
        given = {"claim": self.claim, "standard": self.standard, "validate": self.expectations}
        named = [name for name, value in given.items() if value is not None]
        if len(named) != 1:
            found = f"stand together: {', '.join(named)}" if named else "are all missing"
            raise ValueError(f"claim, standard, validate {found}; write exactly one of them")
        return self

    @property
    def is_per_person(self) -> bool:
        """Whether each person is judged by themself."""
        return self.about == "person"

    @property
    def question_count(self) -> int:
        """How many questions a validation asks."""
        return DEFAULT_QUESTIONS if self.questions is None else self.questions

    @property
    def calls(self) -> int:
        """How many calls it takes for each target, the acts in which people answer included."""
        return 1 if self.expectations is None else self.acts + 2

    @property
    def acts(self) -> int:
        """How many times each target acts for it: once per question of a validation."""
        return 0 if self.expectations is None else self.question_count

    @property
    def info(self) -> ExtractionInfo:
        """The judgement as tables need it: it stands among the extractions."""
        of_claim = HOLDS if self.form == "check" else SCORE
        value = of_claim if self.expectations is None else VALIDATION_SCORE
        return ExtractionInfo(self.id, self.is_per_person, False, (value, CONFIDENCE, JUSTIFICATION))

    def mistakes(self, *, has_world: bool) -> Iterator[PlacedMistake]:
        """What is wrong between the parts of the judgement: place, problem, cure."""
        yield from self._form_mistakes()
        yield from self._task_mistakes()
        yield from self._target_mistakes(has_world=has_world)

    def _form_mistakes(self) -> Iterator[PlacedMistake]:
        if self.expectations is not None and self.form is not None:
            yield ("as",), "a validation is a score from 0 to 1, and no claim", "remove it"
        if self.expectations is None and self.questions is not None:
            yield ("questions",), "nobody is asked anything about a claim", "remove it, or write `validate`"
        for name, text in (("claim", self.claim), ("task", self.task)):
            if text is not None and (found := _VARIABLE.search(text)):
                yield (name,), f"nothing fills in {found[0][:40]} here", f"write the {name} out"

    def _task_mistakes(self) -> Iterator[PlacedMistake]:
        if self.standard is StandardClaim.TASK_COMPLETION and self.task is None:
            yield ("standard",), "task_completion needs to know of which task", "add `task:`, what was to be done"
        if self.standard is not StandardClaim.TASK_COMPLETION and self.task is not None:
            yield ("task",), "only `standard: task_completion` has a task", "remove it"

    def _target_mistakes(self, *, has_world: bool) -> Iterator[PlacedMistake]:
        if not self.is_per_person and not has_world:
            problem = "there is no world in this study: everybody is alone in it"
            yield ("about",), problem, "write `about: person`, or remove the line"
        elif not self.is_per_person and self.expectations is not None:
            yield ("about",), "only people can be interviewed", "write `about: person`, or remove the line"
        elif not self.is_per_person and self.standard in _OF_ONE_PERSON:
            yield ("about",), f"{self.standard} is a claim about one person", "write `about: person`"
        elif self.is_per_person and self.standard in _OF_SEVERAL_PEOPLE:
            cure = "write `about: world`" if has_world else "it fits studies of kind world only"
            yield ("standard",), f"{self.standard} is a claim about several people", cure


def judgement_mistakes(
    judgements: Sequence[JudgementSpec], extractions: Sequence[ExtractionSpec], *, has_world: bool
) -> Iterator[PlacedMistake]:
    """What is wrong with the judgements of a study, by themselves and beside its extractions: they share a table."""
    named = [(("extraction", i), one.id.casefold()) for i, one in enumerate(extractions)]
    for place in repeats([*named, *((("judgements", i), one.id.casefold()) for i, one in enumerate(judgements))]):
        if place[0] == "judgements":
            problem = "this id stands twice among extraction and judgements (capitals do not count)"
            yield (*place, "id"), problem, "rename one"
    for index, one in enumerate(judgements):
        for place, problem, cure in one.mistakes(has_world=has_world):
            yield ("judgements", index, *place), problem, cure
    ours = {field.id: (field.type, one.id) for one in judgements for field in one.info.fields}
    for index, extraction in enumerate(extractions):
        for number, field in enumerate(extraction.fields):
            kind, judgement = ours.get(field.id.casefold(), (field.type, ""))
            if field.type != kind:
                problem = f"`{field.id}` is {kind} in the judgement `{judgement}` and {field.type} here"
                cure = "choose another id: both are one column"
                yield ("extraction", index, "fields", number, "id"), problem, cure
