from __future__ import annotations

import asyncio
from typing import Any

from tests.doubles import user_studies
from tests.doubles.runs import AnsweringModel, new_run, person_asked
from troupe_batch.analysis import AbsenceCount, unwanted_absences
from troupe_batch.dispatch.inline import run_inline
from troupe_batch.errors import GaveUp
from troupe_batch.llm.chat import ChatReply, ChatRequest, ReplyStatus
from troupe_batch.results.dataset import Dataset
from troupe_batch.studies.study import AnswerStatus

STUDY: dict[str, Any] = {"questions": [{"id": "why", "text": "Why?", "type": "open"}]}


def absences_of(said: list[ChatReply | Exception]) -> list[AbsenceCount]:
    def script(request: ChatRequest) -> ChatReply:
        reply = said[person_asked(request)]
        if isinstance(reply, Exception):
            raise reply
        return reply

    run = new_run(people=len(said), study=STUDY)
    asyncio.run(run_inline(run, model=AnsweringModel(script), concurrency=4))
    return unwanted_absences(Dataset(run.store))


ANSWERED = ChatReply(ReplyStatus.OK, value={"why": "because"})


def test_each_kind_of_absence_has_its_number_and_its_most_frequent_reason() -> None:
    found = absences_of(
        [
            ChatReply(ReplyStatus.UNREADABLE, reason="no JSON"),
            ANSWERED,
            GaveUp("once"),
            GaveUp("again and again"),
            GaveUp("again and again"),
            ChatReply(ReplyStatus.REFUSED, reason="I would rather not"),
        ]
    )

    assert found == [
        AbsenceCount(AnswerStatus.FAILED, 3, "again and again", 2),
        AbsenceCount(AnswerStatus.UNREADABLE, 1, "the reply could not be read: no JSON", 1),
        AbsenceCount(AnswerStatus.REFUSED, 1, "the model refused: I would rather not", 1),
    ]


def test_where_all_have_answered_nothing_is_absent() -> None:
    assert absences_of([ANSWERED, ANSWERED]) == []


def test_what_a_function_returned_nothing_for_is_named_and_a_follow_up_that_was_skipped_is_not() -> None:
    question = {"id": "why", "text": "Why?", "type": "open"}
    user_studies.RETURNED[""] = None
    silent = new_run(
        people=2,
        study={"kind": "python", "function": "tests.doubles.user_studies:returns", "questions": [question]},
    )
    asking = {"id": "like", "text": "Like it?", "type": "single", "options": ["Yes", "No"]}
    followed = new_run(
        people=2,
        study={
            "kind": "interview",
            "script": [{"ask": asking}, {"ask": question, "when": {"question": "like", "is": "No"}}],
        },
    )
    said = {"like": "Yes", "actions": [{"type": "DONE", "target": None, "content": None}], "cognitive_state": {}}
    for run in (silent, followed):
        model = AnsweringModel(lambda _: ChatReply(ReplyStatus.OK, value=said))
        asyncio.run(run_inline(run, model=model, concurrency=1))

    nothing = "the function returned nothing for why"
    assert unwanted_absences(Dataset(silent.store)) == [AbsenceCount(AnswerStatus.SKIPPED, 2, nothing, 2)]
    assert AnswerStatus.SKIPPED not in {one.status for one in unwanted_absences(Dataset(followed.store))}


def test_one_answer_is_no_answers() -> None:
    assert AbsenceCount(AnswerStatus.UNREADABLE, 1, "no JSON", 1).counted == "1 answer"
    assert AbsenceCount(AnswerStatus.UNREADABLE, 1204, "no JSON", 1).counted == "1,204 answers"
    assert AbsenceCount(AnswerStatus.FAILED, 1, "no", 1, "findings").counted == "1 finding"
