"""Notes beside tables: what figures are of, why one is not there, and why answers and findings are missing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import assert_never

from troupe_batch.results.dataset import Dataset
from troupe_batch.studies.python.returned import NOTHING_RETURNED
from troupe_batch.studies.scales import FEWEST_STEPS_FOR_BOXES, Scale
from troupe_batch.studies.study import AnswerStatus, QuestionInfo
from troupe_batch.studies.values import ValueKind
from troupe_batch.symptoms import alike

# In the order in which the user should look at them. The other absences are as the job or its end meant them.
_UNWANTED = (AnswerStatus.FAILED, AnswerStatus.UNREADABLE, AnswerStatus.REFUSED, AnswerStatus.SKIPPED)


def notes_of(question: QuestionInfo) -> tuple[str, ...]:
    """The notes in the order of the table's rows."""
    return tuple(_question_notes(question))


def _question_notes(question: QuestionInfo) -> Iterator[str]:
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
        codes += f", without {_parts_text(left_out)}; shares are of all who answered, {_parts_text(left_out)} included"
    yield f"{codes}."
    if scale.suspects:
        named = _parts_text([step.named for step in scale.suspects])
        yield f"{named} counts as outside the scale, though the job does not say so; {scale.cure_of_suspects}."
    if scale.disagrees:
        yield "The labels are numbers other than their codes, and the mean is of the codes."
    if scale.best is None and len(scale.steps) >= FEWEST_STEPS_FOR_BOXES:
        yield f"No top 2: nothing says which end of the scale is the best; {scale.cure_of_direction}."


def _parts_text(parts: Sequence[str]) -> str:
    return " and ".join(parts)


@dataclass(frozen=True, slots=True)
class AbsenceCount:
    """Answers, or findings, that ended with one status: how many, their most frequent reason, how many gave that."""

    status: AnswerStatus
    answers: int
    reason: str
    answers_with_reason: int
    of: str = "answers"

    @property
    def counted(self) -> str:
        """How many of what, as `1 answer` or `1,204 answers`."""
        return f"{self.answers:,} {self.of.removesuffix('s') if self.answers == 1 else self.of}"


def unwanted_absences(dataset: Dataset) -> list[AbsenceCount]:
    """Answers that were asked for and did not come: failed, unreadable or refused; then findings likewise.

    Follow-ups are skipped as the job means it; what is skipped because a function returned nothing is among these.
    Empty where there are none. `of` says which of the two it is.
    """
    named = (("answers", "answers"), ("extractions", "findings"))
    return [absence for table, of in named if table in dataset.tables for absence in _absences(dataset, table, of)]


def _absences(dataset: Dataset, table: str, of: str) -> Iterator[AbsenceCount]:
    rows = dataset.arrow(table, ["status", "reason"])
    grouped = rows.group_by(["status", "reason"], use_threads=False).aggregate([([], "count_all")])
    reasons: dict[str, Counter[str]] = {}
    for group in grouped.to_pylist():
        if group["status"] == AnswerStatus.SKIPPED and not str(group["reason"]).startswith(NOTHING_RETURNED):
            continue
        reasons.setdefault(group["status"], Counter())[group["reason"] or "no reason was given"] += group["count_all"]
    for status in _UNWANTED:
        if status in reasons:
            reason, number = _most_frequent(reasons[status])
            yield AbsenceCount(status, reasons[status].total(), reason, number, of)


def _most_frequent(reasons: Counter[str]) -> tuple[str, int]:
    """The reason that stands for most, and for how many: those that differ in numbers alone are one."""
    groups: Counter[str] = Counter()
    for reason, number in reasons.items():
        groups[alike(reason)] += number
    words, number = groups.most_common(1)[0]
    return next(reason for reason, _ in reasons.most_common() if alike(reason) == words), number
