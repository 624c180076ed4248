"""Progress of an attempt: what counts as left unanswered, and which calls are told while units are under way."""

from __future__ import annotations

from tests.doubles.models import ok
from troupe_batch.execution.progress import Progress
from troupe_batch.llm.chat import CallRecord
from troupe_batch.studies.study import Answer, AnswerStatus


def test_what_the_questionnaire_itself_leaves_out_is_not_unanswered() -> None:
    progress = Progress(0, planned_units=2)

    progress.count_unit([Answer("q", "open", status) for status in AnswerStatus], has_failed=True)

    assert (progress.units, progress.failed_units, progress.answers) == (1, 1, len(AnswerStatus))
    as_meant = {AnswerStatus.ANSWERED, AnswerStatus.SKIPPED, AnswerStatus.SCREENED_OUT}
    assert progress.unanswered == len(set(AnswerStatus) - as_meant)


def test_calls_of_units_under_way_are_told_until_the_last_unit_is_through() -> None:
    progress = Progress(0, planned_units=1)
    progress.count_reply(ok())
    progress.count_reply(None)
    under_way = progress.calls_so_far

    progress.count_unit([], has_failed=False)
    progress.count_call(CallRecord("survey", "k", "0", "ok", None, ok()))

    assert (under_way.calls, under_way.failed) == (2, 1)
    assert (progress.calls_so_far.calls, progress.calls_so_far.failed) == (1, 0)
    assert progress.models == {"m"}
