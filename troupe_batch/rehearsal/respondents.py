"""Respondent file: how made-up respondents behave, so that what a study recovers can be compared with the truth."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

import orjson
from pydantic import Field, model_validator

from troupe_batch.rehearsal.act_specs import Acts, Extractions
from troupe_batch.spec_files import read_spec_file, read_spec_text
from troupe_batch.truths import Truth
from troupe_batch.truths.truth import QuestionTruth, Spec

# Raised when the same file and the same request would give another answer than before.
ANSWER_VERSION = 1

_EXTRACTIONS = "extractions."
_SECTIONS = ("acts", "extractions", "judgements")


class Respondents(Spec):
    """Respondents of a rehearsal: what they answer, how they act, what is read out of it."""

    schema_: Literal["troupe_batch/respondents/1"] = Field(alias="schema", description="Kind and version of the file.")
    title: str = Field(default="", description="One line on what is modelled.")
    description: str = Field(default="", description="Where the behaviour comes from; say so if it is invented.")
    questions: dict[str, Truth] = Field(default_factory=dict, description="Behaviour by question id.")
    acts: Acts | None = Field(default=None, description="How people act in interviews and worlds.")
    extractions: Extractions | None = Field(default=None, description="What is found in what they did.")
    judgements: dict[str, dict[str, Truth]] | None = Field(
        default=None, description="Behaviour by name of the reply schema and property, for calls that judge or count."
    )

    @model_validator(mode="after")
    def _says_something(self) -> Respondents:
        if not self.questions and all(getattr(self, name) is None for name in _SECTIONS):
            raise ValueError(f"say how respondents behave: give `questions`, or one of {', '.join(_SECTIONS)}")
        return self

    @property
    def digest(self) -> str:
        """SHA-256 over everything in the file that can change an answer, hex."""
        # A section that is not there is no part of it: files from before the section was known keep their digests.
        absent = {name for name in _SECTIONS if getattr(self, name) is None}
        content = self.model_dump(mode="json", by_alias=True, exclude={"title", "description", *absent})
        # Not sorted: the order of `base` is the order of the scale, and slopes act on it.
        return hashlib.sha256(orjson.dumps([ANSWER_VERSION, content])).hexdigest()


def load_respondents(path: Path) -> Respondents:
    """The respondent file at `path`; SpecError names every mistake."""
    return read_spec_file(path).parse(Respondents)


def parse_respondents(text: str, name: str = "respondents.yaml") -> Respondents:
    """Respondents from text at hand; SpecError names every mistake."""
    return read_spec_text(name, text).parse(Respondents)


def true_distribution(
    respondents: Respondents,
    question_id: str,
    facts: Mapping[str, object],
    shown_order: Sequence[str],
    material: str = "",
) -> dict[str, float]:
    """The exact probability of each shown label, for a person with these facts under this arm's material.

    Of what, and whether it sums to 1, `shares` of each kind of truth says. Refusals are outside of it. ValueError where
    answers have no labels.
    """
    truth = _truth_of(respondents, question_id)
    if problem := truth.problem(shown_order):
        raise ValueError(f"question {question_id!r}: {problem}")
    shares = truth.shares(_fact_texts(facts), material, shown_order)
    if shares is None:
        raise ValueError(f"question {question_id!r} has no labels; see true_quantile for numbers")
    return shares


def true_quantile(
    respondents: Respondents, question_id: str, facts: Mapping[str, object], u: float, material: str = ""
) -> float:
    """The u-quantile of a numeric question for a person with these facts, before bounds and rounding."""
    number = _truth_of(respondents, question_id).quantile(_fact_texts(facts), material, u)
    if number is None:
        raise ValueError(f"question {question_id!r} is not numeric")
    return number


def misfit(respondents: Respondents, question_id: str, labels: Sequence[str]) -> str | None:
    """Why the file cannot answer a question with these labels; None where it can or is silent on it."""
    try:
        return _truth_of(respondents, question_id).problem(labels)
    except KeyError:
        return None


def _truth_of(respondents: Respondents, name: str) -> QuestionTruth:
    """That of a question, or of a field of extractions under `extractions.<field id>`; KeyError without one."""
    if name not in respondents.questions and name.startswith(_EXTRACTIONS) and respondents.extractions:
        return respondents.extractions.fields[name.removeprefix(_EXTRACTIONS)]
    return respondents.questions[name]


def _fact_texts(facts: Mapping[str, object]) -> dict[str, str]:
    return {name: str(value) for name, value in facts.items()}
