"""Questions of a plan as they will be put: their wording and what can be answered, in the order of asking."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, assert_never

from pydantic import BaseModel
from rich import box

from troupe_batch.planning.plan import Plan
from troupe_batch.studies.questions.form import QuestionForm
from troupe_batch.studies.study import QuestionInfo
from troupe_batch.studies.survey.spec import SurveySpec
from troupe_batch.studies.values import ValueKind
from troupe_batch.terminal import TextTable

_MOST_LABELS = 14


def questions_table(plan: Plan) -> TextTable:
    """A row for each question."""
    bounds, conditions = _bounds(plan.job.study), _conditions(plan.job.study)
    table = TextTable(
        box=box.SIMPLE_HEAD, pad_edge=False, title="Questions, in the order of asking", title_justify="left"
    )
    table.add_column("question")
    table.add_column("form")
    table.add_column("wording", ratio=3)
    table.add_column("can be answered with", ratio=2)
    if conditions:
        table.add_column("asked only where", ratio=2)
    for question in plan.study.design.questions:
        row = [question.id, str(question.type), question.text, _answers(question, bounds)]
        table.add_row(*row, *(["; ".join(conditions.get(question.id, ()))] if conditions else ()))
    return table


def questions_json(plan: Plan) -> list[dict[str, Any]]:
    """The same as JSON values, with all labels."""
    bounds, conditions = _bounds(plan.job.study), _conditions(plan.job.study)
    return [
        {
            "id": one.id,
            "type": one.type,
            "text": one.text,
            "labels": one.labels,
            "codes": one.codes,
            "dont_know": one.dont_know,
            "unit": one.unit,
            "places": one.places,
            "minimum": bounds.get(one.id, (None, None))[0],
            "maximum": bounds.get(one.id, (None, None))[1],
            "when": conditions.get(one.id, []),
        }
        for one in plan.study.design.questions
    ]


def _answers(question: QuestionInfo, bounds: dict[str, tuple[float, float]]) -> str:
    parts = list(_possible(question, bounds))
    if question.dont_know is not None:
        parts.append(f"or: {question.dont_know}")
    return "; ".join(parts)


def _possible(question: QuestionInfo, bounds: dict[str, tuple[float, float]]) -> Iterator[str]:
    match question.value_kind:
        case ValueKind.CODE:
            pairs = zip(question.codes, question.labels, strict=True)
            yield " | ".join(_labels_cut([label if label == str(code) else f"{code} {label}" for code, label in pairs]))
        case ValueKind.LABEL | ValueKind.LABELS:
            yield " | ".join(_labels_cut([*question.labels]))
        case ValueKind.RANKING:
            best = "" if question.places is None else f"the best {question.places} "
            yield f"{best}in order: {' | '.join(_labels_cut([*question.labels]))}"
        case ValueKind.NUMBER:
            low, high = bounds[question.id]
            kind = "a whole number" if question.is_integer else "a number"
            yield f"{kind} from {low:g} to {high:g}{f' {question.unit}' if question.unit else ''}"
        case ValueKind.TEXT:
            yield "words of their own"
        case _:
            assert_never(question.value_kind)


def _labels_cut(labels: list[str]) -> list[str]:
    if len(labels) <= _MOST_LABELS:
        return labels
    return [*labels[: _MOST_LABELS - 2], f"… {len(labels) - _MOST_LABELS + 1:,} more …", labels[-1]]


def _bounds(study: BaseModel) -> dict[str, tuple[float, float]]:
    numeric = (one for one in _asked_questions(study) if one.value_kind is ValueKind.NUMBER)
    return {one.id: one.amounts[:2] for one in numeric if one.amounts is not None}


def _conditions(study: BaseModel) -> dict[str, list[str]]:
    """Question -> its conditions in words; of surveys, whose questions have them."""
    conditions = study.conditions if isinstance(study, SurveySpec) else {}
    return {name: [str(one) for one in several] for name, several in conditions.items()}


def _asked_questions(part: object) -> Iterator[QuestionForm]:
    if isinstance(part, QuestionForm):
        yield part
    elif isinstance(part, BaseModel):
        yield from _asked_questions([getattr(part, name) for name in type(part).model_fields])
    elif isinstance(part, Iterable) and not isinstance(part, str | bytes | dict):
        for one in part:
            yield from _asked_questions(one)
