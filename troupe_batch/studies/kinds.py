"""Kinds of studies: which specs a job file may hold, the study that each stands for, and what its cases are called."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, TypeAlias

from pydantic import BeforeValidator, Field

from troupe_batch.spec_files import did_you_mean
from troupe_batch.studies.interview.spec import InterviewSpec
from troupe_batch.studies.python.spec import PythonSpec
from troupe_batch.studies.study import Study
from troupe_batch.studies.survey.instrument import FactKinds
from troupe_batch.studies.survey.runner import SurveyStudy
from troupe_batch.studies.survey.spec import SurveySpec
from troupe_batch.studies.world.spec import WorldSpec

KINDS = ("survey", "interview", "world", "python")
_WORLD, _FUNCTION = "world", "python"


def _with_kind(value: Any) -> Any:
    """A study without a kind is a survey, as it was before there were others."""
    if not isinstance(value, Mapping):
        return value
    if "kind" not in value:
        return {**value, "kind": "survey"}
    if value["kind"] not in KINDS:
        cure = did_you_mean(str(value["kind"]), list(KINDS))
        raise ValueError(f"unknown kind of study {str(value['kind'])[:40]!r}; {cure}")
    return value


StudySpec: TypeAlias = Annotated[
    Annotated[SurveySpec | InterviewSpec | WorldSpec | PythonSpec, Field(discriminator="kind")],
    BeforeValidator(_with_kind),
]


def study_of(spec: StudySpec, *, seed: int, facts: FactKinds = dict) -> Study:
    """The study compiled from its spec; the seed decides arms, option orders and draws.

    `facts` says of what kind the facts of the people are, where the conditions of a survey read some.

    A study in Python imports the user's code when its prompts are asked for or a unit is run: check `is_python` and the
    permission before.
    """
    # Each kind is loaded where there is one of it: a survey needs nothing of what people do in worlds.
    if isinstance(spec, InterviewSpec):
        from troupe_batch.studies.interview.runner import InterviewStudy  # noqa: PLC0415 -- see above

        return InterviewStudy(spec, seed=seed)
    if isinstance(spec, WorldSpec):
        from troupe_batch.studies.world.runner import WorldStudy  # noqa: PLC0415 -- see above

        return WorldStudy(spec, seed=seed)
    if isinstance(spec, PythonSpec):
        from troupe_batch.studies.python.runner import PythonStudy  # noqa: PLC0415 -- see above

        return PythonStudy(spec, seed=seed)
    return SurveyStudy(spec, seed=seed, facts=facts)


def is_python(spec: StudySpec) -> bool:
    """Whether the study runs code of the user's, which the settings must allow."""
    return isinstance(spec, PythonSpec)


def cases_text(kind: str, seats: int, number: int | None = None) -> str:
    """`worlds`, or `cases` of a function of the user's, after their number where it is given.

    Empty where each person is a case of their own, as in surveys; a world of one is a world.
    """
    if seats == 1 and kind != _WORLD:
        return ""
    name = "case" if kind == _FUNCTION else "world"
    if number is None:
        return f"{name}s"
    return f"{number:,} {name}" if number == 1 else f"{number:,} {name}s"
