"""Specs of a respondent file beyond questions: how people act, and what is read out of what they did."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Field, field_validator, model_validator

from troupe_batch.truths.choice import ChoiceQuestion
from troupe_batch.truths.labels import Weight, by_label
from troupe_batch.truths.numeric import NumericQuestion
from troupe_batch.truths.text import TextQuestion, TextTemplate, Words, check_placeholders
from troupe_batch.truths.truth import Rate, Spec

THINK, TALK, REACH_OUT, DONE = "THINK", "TALK", "REACH_OUT", "DONE"
RECALL, CONSULT = "RECALL", "CONSULT"
WRITE_DOCUMENT, CREATE_EVENT = "WRITE_DOCUMENT", "CREATE_EVENT"

# Looking things up costs a further call per act, so it is rare unless a file says otherwise.
FACULTY_RATES = {
    WRITE_DOCUMENT: 0.3,
    CREATE_EVENT: 0.1,
    RECALL: 0.05,
    CONSULT: 0.05,
    "LIST_DOCUMENTS": 0.02,
    "LIST_EVENTS": 0.02,
}
OTHER_FACULTY_RATE = 0.05


class SpokenLine(TextTemplate):
    """Something that people say, and for whom."""

    weight: Weight = Field(default=1.0, description="How often it is said, relative to the other lines that fit.")


class Acts(Spec):
    """Acts of people. Each chance is per act and independent of the others; every act ends in DONE."""

    think: Rate = Field(default=0.3, description="Chance of a THINK.")
    talk: Rate = Field(default=0.9, description="Chance of a TALK.")
    to_everyone: Rate = Field(default=0.5, description="Share of talk that is to all; the rest is to one in reach.")
    reach_out: Rate = Field(default=0.02, description="Chance of a REACH_OUT, where somebody is in reach.")
    faculties: dict[str, Rate] = Field(
        default_factory=dict, description="Chance of each faculty's action by its type, where the act offers it."
    )
    lines: list[SpokenLine | str] = Field(
        default_factory=list, description="What is said: texts, or {text, when, weight}."
    )
    words: Words = Field(default_factory=dict, description="Lists to fill {name} from, one word at random.")
    refusal_rate: Rate = Field(default=0.0, description="Share of acts that are refused.")

    @field_validator("faculties")
    @classmethod
    def _are_of_faculties(cls, faculties: dict[str, float]) -> dict[str, float]:
        for name in faculties:
            if name in (THINK, TALK, REACH_OUT):
                raise ValueError(f"{name} is no faculty's action; set `{name.lower()}` beside `faculties`")
            if name == DONE:
                raise ValueError("every act ends in DONE; it has no chance of its own")
        return faculties

    @model_validator(mode="after")
    def _lines_can_be_said(self) -> Acts:
        check_placeholders("lines", self.lines)
        if self.lines and not any(isinstance(line, str) or line.weight for line in self.lines):
            raise ValueError("lines: at least one line needs a weight above 0")
        return self

    def rate_of(self, action: str) -> float:
        """The chance of a faculty's action in an act that offers it."""
        return self.faculties.get(action, FACULTY_RATES.get(action, OTHER_FACULTY_RATE))


Count = Annotated[str, Field(pattern=r"^(0|[1-9][0-9]?)$")]
FieldBehaviour = Annotated[ChoiceQuestion | NumericQuestion | TextQuestion, Field(discriminator="type")]


class Findings(Spec):
    """Number of findings, where an extraction asks for any number of them."""

    count: Annotated[dict[Count, Weight], BeforeValidator(by_label)] = Field(
        min_length=1, description="Weight of each number of findings, for example {0: 1, 1: 5, 2: 4}."
    )

    @model_validator(mode="after")
    def _has_a_weight(self) -> Findings:
        if not any(self.count.values()):
            raise ValueError("count: at least one number needs a weight above 0")
        return self


class Extractions(Spec):
    """Extractions from what people did: a behaviour per field of the findings."""

    fields: dict[str, FieldBehaviour] = Field(
        default_factory=dict, description="Behaviour by field id; where it says don't know, the field is null."
    )
    findings: Findings = Field(
        default=Findings(count={"0": 1, "1": 3, "2": 4, "3": 2}), description="How many there are of each extraction."
    )
