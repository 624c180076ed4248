"""Remarks on the scales in a plan, before anybody answers on them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from troupe_batch.studies.scales import FEWEST_STEPS_FOR_BOXES
from troupe_batch.studies.study import QuestionInfo
from troupe_batch.studies.values import ValueKind


def scale_remarks(questions: Iterable[QuestionInfo]) -> Iterator[str]:
    """Labels that look as if they were no steps, numbers with other codes, and scales without a known best end."""
    for question in questions:
        if question.value_kind is not ValueKind.CODE:
            continue
        scale = question.scale
        if scale.suspects:
            named = " and ".join(step.named for step in scale.suspects)
            yield f"{question.id}: {named} will be in no mean and no box; {scale.cure_of_suspects}"
        if scale.disagrees:
            first = next(step for step in scale.steps if step.label != str(step.code))
            yield (
                f"{question.id}: the label {first.label!r} has the code {first.code}, and means are of codes; "
                "write numbers without quotes, or as {code, label}"
            )
        if scale.best is None and len(scale.steps) >= FEWEST_STEPS_FOR_BOXES:
            yield f"{question.id}: no top 2, as nothing says which end is the best; {scale.cure_of_direction}"
