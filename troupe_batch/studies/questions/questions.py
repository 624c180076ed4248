"""Questions as they stand in a job file or are built in Python: one of the forms each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, TypeAlias, get_args

from pydantic import BeforeValidator, Field

from troupe_batch.spec_files import did_you_mean
from troupe_batch.studies.questions.form import QuestionForm
from troupe_batch.studies.questions.forms import FormOfQuestion
from troupe_batch.studies.questions.names_elsewhere import NO_FORMS, in_our_spelling

# Columns that `responses` has beside those of the questions.
RESERVED_IDS = frozenset(
    {"arm", "is_rehearsal", "name", "person_id", "person_index", "replicate", "run_id"}
    | {"sample", "unit_id", "unit_index", "weight"}
)

FORMS: tuple[type[QuestionForm], ...] = get_args(FormOfQuestion)
_FORM_OF = {name: form for form in FORMS for name in get_args(form.model_fields["type"].annotation)}
KINDS = tuple(form.kind for form in FORMS)
"""What the forms are called in the data."""
QUESTION_TYPES = tuple(_FORM_OF)
_CALLED_ELSEWHERE = {**NO_FORMS, **{word: cure for form in FORMS for word, cure in form.called_elsewhere.items()}}
_WITH_ELICITATION = tuple(name for name, form in _FORM_OF.items() if "elicitation" in form.model_fields)
_MOST_QUESTIONS = 500


def _has_known_type(value: Any) -> Any:
    """Says in plain words what pydantic would say about tags, discriminators and extra fields."""
    if isinstance(value, Mapping):
        if "type" not in value:
            raise ValueError(f"a question needs a `type`; one of {', '.join(QUESTION_TYPES)}")
        if value["type"] not in QUESTION_TYPES:
            word = str(value["type"])
            cure = _CALLED_ELSEWHERE.get(in_our_spelling(word)) or did_you_mean(word, list(QUESTION_TYPES))
            raise ValueError(f"unknown question type {str(value['type'])[:40]!r}; {cure}")
        if "elicitation" in value and value["type"] not in _WITH_ELICITATION:
            raise ValueError("`elicitation` is for questions with one list of labels (single, rating); remove it here")
    return value


def _not_too_many(items: object) -> object:
    """Before any of them is looked at: a list of thousands would have each of its mistakes told."""
    if isinstance(items, list | tuple) and len(items) > _MOST_QUESTIONS:
        raise ValueError(f"at most {_MOST_QUESTIONS} questions fit here, and there are {len(items):,}")
    return items


Question: TypeAlias = Annotated[
    Annotated[FormOfQuestion, Field(discriminator="type")],
    BeforeValidator(_has_known_type),
]
Questions: TypeAlias = Annotated[
    tuple[Question, ...], BeforeValidator(_not_too_many), Field(max_length=_MOST_QUESTIONS)
]
