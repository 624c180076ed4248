"""Why answers and findings are missing: the most frequent reason of each kind of absence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from troupe_batch.results.dataset import Dataset
from troupe_batch.studies.python.returned import NOTHING_RETURNED
from troupe_batch.studies.study import AnswerStatus
from troupe_batch.symptoms import alike

# In the order in which the user should look at them. The other absences are as the job or its end meant them.
_UNWANTED = (AnswerStatus.FAILED, AnswerStatus.UNREADABLE, AnswerStatus.REFUSED, AnswerStatus.SKIPPED)


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
