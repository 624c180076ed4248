"""Questions as they stand in a job file or are built in Python: one of the forms each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, TypeAlias, get_args

from pydantic import BeforeValidator, Field

from troupe_batch.spec_files import did_you_mean
from troupe_batch.studies.questions.form import QuestionForm
from troupe_batch.studies.questions.forms import FormOfQuestion

# Columns that `responses` has beside those of the questions.
RESERVED_IDS = frozenset(
    {"arm", "is_rehearsal", "name", "person_id", "person_index", "replicate", "run_id"}
    | {"sample", "unit_id", "unit_index", "weight"}
)

_ROWS = "there is no grid yet: write one question per row, of `type: rating` or `single`, with the same labels"
_TRADE_OFF = "there are no choice tasks yet: show each alternative as an arm, or ask one `type: single` per task"
# A form that is called one of these takes it over: see `QuestionForm.called_elsewhere`.
_NO_FORMS: Mapping[str, str] = {
    **dict.fromkeys(("matrix", "grid"), _ROWS),
    **dict.fromkeys(
        ("constant_sum", "allocation"), "there is no sum yet: write one question of `type: numeric` per item"
    ),
    **dict.fromkeys(("maxdiff", "best_worst", "conjoint", "cbc", "choice_task"), _TRADE_OFF),
    **dict.fromkeys(
        ("descriptive", "statement", "info", "html"),
        "nothing is asked there: write it in `introduction`, or as `material` of an arm",
    ),
}

FORMS: tuple[type[QuestionForm], ...] = get_args(FormOfQuestion)
_FORM_OF = {name: form for form in FORMS for name in get_args(form.model_fields["type"].annotation)}
KINDS = tuple(form.kind for form in FORMS)
"""What the forms are called in the data."""
QUESTION_TYPES = tuple(_FORM_OF)
_CALLED_ELSEWHERE = {**_NO_FORMS, **{word: cure for form in FORMS for word, cure in form.called_elsewhere.items()}}
_WITH_ELICITATION = [form for form in FORMS if "elicitation" in form.model_fields]
_MOST_QUESTIONS = 500


def _has_known_type(value: Any) -> Any:
    """Says in plain words what pydantic would say about tags, discriminators and extra fields."""
    if isinstance(value, Mapping):
        if "type" not in value:
            raise ValueError(f"a question needs a `type`; one of {', '.join(QUESTION_TYPES)}")
        if value["type"] not in QUESTION_TYPES:
            word = str(value["type"])
            # `Multiple choice` and `multiple-choice` are `multiple_choice`.
            spelled = word.strip().lower().replace("-", "_").replace(" ", "_")
            cure = _CALLED_ELSEWHERE.get(spelled) or did_you_mean(word, list(QUESTION_TYPES))
            raise ValueError(f"unknown question type {str(value['type'])[:40]!r}; {cure}")
        if "elicitation" in value and _FORM_OF[value["type"]] not in _WITH_ELICITATION:
            kinds = ", ".join(form.kind for form in _WITH_ELICITATION)
            raise ValueError(f"`elicitation` is for questions with one list of labels ({kinds}); remove it here")
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
