"""Forms of questions, one module each: this union is where a form is entered, and the only place."""

from typing import TypeAlias

from troupe_batch.studies.questions.forms.multi import MultiChoice
from troupe_batch.studies.questions.forms.numeric import Numeric
from troupe_batch.studies.questions.forms.open import OpenText
from troupe_batch.studies.questions.forms.ranking import Ranking
from troupe_batch.studies.questions.forms.rating import Rating
from troupe_batch.studies.questions.forms.single import SingleChoice

FormOfQuestion: TypeAlias = SingleChoice | MultiChoice | Rating | Numeric | OpenText | Ranking

__all__ = ["FormOfQuestion", "MultiChoice", "Numeric", "OpenText", "Ranking", "Rating", "SingleChoice"]
