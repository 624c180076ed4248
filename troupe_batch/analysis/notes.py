"""What stands under the table of a question: what its figures are of, and why one that is looked for is not there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import assert_never

from troupe_batch.studies.scales import FEWEST_STEPS_FOR_BOXES, Scale
from troupe_batch.studies.study import QuestionInfo
from troupe_batch.studies.values import ValueKind


def notes_of(question: QuestionInfo) -> tuple[str, ...]:
    """The notes in the order of the table's rows."""
    return tuple(_notes(question))


def _notes(question: QuestionInfo) -> Iterator[str]:
    match question.value_kind:
        case ValueKind.CODE:
            yield from _of_a_scale(question, question.scale)
        case ValueKind.NUMBER:
            if question.dont_know:
                yield f"Mean, deviation and median are of those who gave a number, without {question.dont_know!r}."
        case ValueKind.RANKING:
            yield "Shares are of those who put the option first; mean ranks, from 1, of those who ranked it."
        case ValueKind.LABEL | ValueKind.LABELS | ValueKind.TEXT:
            pass
        case _:
            assert_never(question.value_kind)


def _of_a_scale(question: QuestionInfo, scale: Scale) -> Iterator[str]:
    left_out = [f"{step.label!r}" for step in scale.outside]
    if question.dont_know:
        left_out.append(f"{question.dont_know!r}")
    ends = sorted(scale.steps, key=lambda step: step.code)
    codes = f"Mean and deviation are of codes, from {ends[0].named} to {ends[-1].named}"
    if left_out:
        codes += f", without {_listed(left_out)}; shares are of all who answered, {_listed(left_out)} included"
    yield f"{codes}."
    if scale.suspects:
        named = _listed([step.named for step in scale.suspects])
        yield f"{named} counts as outside the scale, though the job does not say so; {scale.cure_of_suspects}."
    if scale.disagrees:
        yield "The labels are numbers other than their codes, and the mean is of the codes."
    if scale.best is None and len(scale.steps) >= FEWEST_STEPS_FOR_BOXES:
        yield f"No top 2: nothing says which end of the scale is the best; {scale.cure_of_direction}."


def _listed(parts: Sequence[str]) -> str:
    return " and ".join(parts)
