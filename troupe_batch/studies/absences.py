"""Why there is no answer: from what happened to a call, to the status and reason of a row."""

from __future__ import annotations

from collections.abc import Mapping

from troupe_batch.errors import CannotAct, RecordAndGoOn
from troupe_batch.llm.chat import ReplyStatus
from troupe_batch.studies.study import AnswerStatus

ABSENCES: Mapping[str, tuple[AnswerStatus, str]] = {
    ReplyStatus.REFUSED: (AnswerStatus.REFUSED, "the model refused"),
    ReplyStatus.CONTENT_FILTERED: (AnswerStatus.REFUSED, "a content filter stepped in"),
    ReplyStatus.TRUNCATED: (AnswerStatus.UNREADABLE, "the reply was cut off"),
    ReplyStatus.UNREADABLE: (AnswerStatus.UNREADABLE, "the reply could not be read"),
}


def absence_after(error: RecordAndGoOn) -> tuple[AnswerStatus, str]:
    """The status and the reason of an answer whose act ended with this error."""
    if not isinstance(error, CannotAct):
        return AnswerStatus.FAILED, str(error) or type(error).__name__
    status, reason = ABSENCES.get(error.status, (AnswerStatus.FAILED, error.status))
    return status, f"{reason}: {error.reason}" if error.reason else reason
