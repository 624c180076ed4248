"""All kinds of studies: which specs a job file may hold, and the study that each stands for."""

from __future__ import annotations

from typing import TypeAlias

from troupe_batch.studies.study import Study
from troupe_batch.studies.survey.runner import SurveyStudy
from troupe_batch.studies.survey.spec import SurveySpec

StudySpec: TypeAlias = SurveySpec


def study_of(spec: StudySpec, *, seed: int) -> Study:
    """The study compiled from its spec; the seed decides arms, option orders and draws."""
    return SurveyStudy(spec, seed=seed)
