"""The respondent file: how made-up respondents behave, so that what a study recovers can be compared with the truth."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Literal

import orjson
from pydantic import Field, model_validator

from troupe_batch.rehearsal.act_specs import Acts, Extractions
from troupe_batch.rehearsal.question_specs import Question, Spec
from troupe_batch.spec_files import read_spec_file, read_spec_text

# Raised when the same file and the same request would give another answer than before.
ANSWER_VERSION = 1

_SECTIONS = ("acts", "extractions", "judgements")


class Respondents(Spec):
    """How the made-up respondents of a rehearsal behave: what they answer, how they act, what is read out of it."""

    schema_: Literal["troupe_batch/respondents/1"] = Field(alias="schema", description="Kind and version of the file.")
    title: str = Field(default="", description="One line on what is modelled.")
    description: str = Field(default="", description="Where the behaviour comes from; say so if it is invented.")
    questions: dict[str, Question] = Field(default_factory=dict, description="Behaviour by question id.")
    acts: Acts | None = Field(default=None, description="How people act in interviews and worlds.")
    extractions: Extractions | None = Field(default=None, description="What is found in what they did.")
    judgements: dict[str, dict[str, Question]] | None = Field(
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


def digest_of(respondents: Respondents | None) -> str:
    """What identifies the behaviour of a rehearsal server, also of one without a respondent file."""
    return respondents.digest if respondents else f"any-{ANSWER_VERSION}"
