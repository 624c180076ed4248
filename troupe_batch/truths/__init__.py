"""Truths: what made-up respondents answer, one module per kind of reply; this union is where one is entered."""

from __future__ import annotations

from typing import Annotated, TypeAlias, get_args

from pydantic import Field

from troupe_batch.truths.choice import ChoiceQuestion
from troupe_batch.truths.multi import MultiQuestion
from troupe_batch.truths.numeric import NumericQuestion
from troupe_batch.truths.ranking import RankingQuestion
from troupe_batch.truths.text import TextQuestion
from troupe_batch.truths.truth import QuestionTruth

TruthOfQuestion: TypeAlias = ChoiceQuestion | MultiQuestion | NumericQuestion | TextQuestion | RankingQuestion

Truth: TypeAlias = Annotated[TruthOfQuestion, Field(discriminator="type")]
"""The entry of a question in a respondent file."""
TRUTHS: tuple[type[QuestionTruth], ...] = get_args(TruthOfQuestion)
