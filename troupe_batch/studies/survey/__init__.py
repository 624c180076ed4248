"""The survey study: an instrument, the order in which it is shown, the prompts, and the reading of replies."""

from troupe_batch.studies.arms import Arm
from troupe_batch.studies.questions.forms import MultiChoice, Numeric, OpenText, Rating, SingleChoice
from troupe_batch.studies.questions.options import Elicitation, Option, Order
from troupe_batch.studies.questions.questions import Question
from troupe_batch.studies.survey.runner import SurveyStudy
from troupe_batch.studies.survey.spec import Asking, LastTurns, OnFailure, QuestionBlock, SurveySpec

__all__ = [
    "Arm",
    "Asking",
    "Elicitation",
    "LastTurns",
    "MultiChoice",
    "Numeric",
    "OnFailure",
    "OpenText",
    "Option",
    "Order",
    "Question",
    "QuestionBlock",
    "Rating",
    "SingleChoice",
    "SurveySpec",
    "SurveyStudy",
]
