"""Shards that a systematic fault hit are opened again; those that it did not hit stay as they are."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from tests.doubles.models import ScriptedModel, ok, request
from tests.doubles.pairs import IDEAS, PairStudy, pair_run
from tests.doubles.runs import AnsweringModel, commit_all, new_run, person_asked
from troupe_batch.errors import EndpointUnsuitable, RequestRejected
from troupe_batch.execution.shard import Attempt, run_shard
from troupe_batch.llm.chat import ChatReply, ChatRequest, ReplyStatus
from troupe_batch.llm.systematic import Watched
from troupe_batch.results.extractor import extract
from troupe_batch.results.failures import failures_of
from troupe_batch.results.ledger import CommitRecord
from troupe_batch.results.reopening import forget_faults, note_fault, reopen_spoiled
from troupe_batch.results.run import Run
from troupe_batch.studies.study import AnswerStatus
from troupe_batch.symptoms import Symptom, alike

WORDS = "the endpoint answered 400: no schemas (request req-17)"
LONG_AGO = "2020-01-01T00:00:00.000+00:00"


def unsuitable(since: str = LONG_AGO) -> EndpointUnsuitable:
    return EndpointUnsuitable("no schemas here", symptom=Symptom("failed", since, alike(WORDS)))


class Turning:
    """A model that answers until it is broken."""

    is_broken = False

    async def complete(self, request: ChatRequest) -> ChatReply:  # noqa: ARG002 -- the same for every request
        if self.is_broken:
            raise RequestRejected(WORDS)
        return ok()


async def verdict_of(watched: Watched) -> EndpointUnsuitable:
    """What stops the run, after as many calls as it takes."""
    while True:
        try:
            await watched.complete(request())
        except RequestRejected:
            continue
        except EndpointUnsuitable as error:
            return error


def refusing(*people: int, words: str = WORDS) -> AnsweringModel:
    return AnsweringModel(lambda asked: RequestRejected(words) if person_asked(asked) in people else None)


async def shards_of(run: Run) -> set[int]:
    return await run.store.committed()


async def test_shards_with_calls_that_the_fault_hit_lose_their_marks_and_no_others_do() -> None:
    run = new_run(people=20, units_per_shard=5)
    await commit_all(run, refusing(1, 11))
    before = await shards_of(run)

    await note_fault(run.store, unsuitable())

    assert before == {0, 1, 2, 3}
    assert await shards_of(run) == {1, 3}


async def test_what_the_fault_hit_elsewhere_before_it_was_met_here_is_opened_too() -> None:
    run = new_run(people=20, units_per_shard=5)
    await commit_all(run, refusing(1, 11))  # another process had its first before ours
    watched = Watched(ScriptedModel([RequestRejected(WORDS)]))

    error = await verdict_of(watched)
    await note_fault(run.store, error)

    assert await shards_of(run) == {1, 3}


async def test_what_the_fault_cannot_have_hit_as_requests_were_taken_after_it_stays() -> None:
    run = new_run(people=20, units_per_shard=5)
    await commit_all(run, refusing(1, 11))
    ended_at = max([record.ended_at async for _, record in run.store.records([0, 2]) if record is not None])
    endpoint = Turning()
    watched = Watched(endpoint)
    while datetime.now(UTC).isoformat(timespec="milliseconds") <= ended_at:
        await watched.complete(request())
    await watched.complete(request())

    endpoint.is_broken = True
    error = await verdict_of(watched)
    await note_fault(run.store, error)

    assert await shards_of(run) == {0, 1, 2, 3}


async def test_other_words_and_what_was_before_are_left_alone() -> None:
    run = new_run(people=20, units_per_shard=5)
    await commit_all(run, refusing(1, words="the endpoint answered 400: too long"))
    await commit_all(run, refusing(6))

    await note_fault(run.store, unsuitable())
    await note_fault(run.store, unsuitable(since="2999-01-01T00:00:00.000+00:00"))

    assert await shards_of(run) == {0, 1, 2, 3}


async def test_a_fault_without_a_symptom_opens_nothing() -> None:
    run = new_run(people=10, units_per_shard=5)
    await commit_all(run, refusing(1))

    await note_fault(run.store, EndpointUnsuitable("the probe says so"))

    assert await shards_of(run) == {0, 1}


async def test_a_fault_that_is_forgotten_opens_nothing_any_more() -> None:
    run = new_run(people=10, units_per_shard=5)
    await note_fault(run.store, unsuitable())
    await forget_faults(run.store)
    await commit_all(run, refusing(1))

    assert await reopen_spoiled(run.store) == []
    assert await shards_of(run) == {0, 1}


async def test_a_stopped_shard_has_no_failed_rows_for_what_the_fault_hit_and_shows_its_calls() -> None:
    run = new_run(people=12, units_per_shard=12)
    asked: list[int] = []
    finished: CommitRecord | None = None

    def script(request: ChatRequest) -> ChatReply | Exception | None:
        asked.append(person_asked(request))
        if len(asked) > 8:
            return unsuitable()
        return RequestRejected(WORDS) if len(asked) > 4 else None

    try:
        await run_shard(run, Attempt(0, "first"), model=AnsweringModel(script), concurrency=1)
    except EndpointUnsuitable as error:
        finished = await run.store.provisional(0)
        await note_fault(run.store, error)
    manifest = await extract(run)
    found = await failures_of(run.store, shards=1, examples=2)

    statuses = {status for counts in manifest.counts.values() for status in counts}
    assert statuses == {AnswerStatus.ANSWERED, AnswerStatus.NOT_RUN}
    assert manifest.answered == 4 * len(manifest.questions)
    [group] = found.groups
    assert (group.of, group.status, group.reason, group.count) == ("calls", "failed", WORDS, 4)
    assert finished is not None
    assert (finished.calls.calls, finished.file_of("llm_calls").rows) == (8, 8)
    assert len(group.examples) == 2


async def test_what_others_had_finished_with_such_rows_is_taken_back_as_well() -> None:
    run = new_run(people=10, units_per_shard=10)
    asked = 0

    def soon() -> bool:
        return asked > 5

    def script(_: ChatRequest) -> ChatReply | Exception | None:
        nonlocal asked
        asked += 1
        return RequestRejected(WORDS)

    record = await run_shard(run, Attempt(0, "a"), model=AnsweringModel(script), concurrency=1, should_stop=soon)
    had = await run.store.provisional_shards()
    await note_fault(run.store, unsuitable())

    assert record is None
    assert had == [0]
    assert await run.store.provisional_shards() == []


async def test_good_replies_to_cut_prompts_are_known_by_their_count() -> None:
    run = new_run(people=10, units_per_shard=5)
    await commit_all(run)
    cut = Symptom(str(ReplyStatus.OK), LONG_AGO, prompt_tokens=100)

    await note_fault(run.store, EndpointUnsuitable("cut", symptom=cut))

    assert await shards_of(run) == set()


async def test_a_shard_that_ended_in_the_moment_in_which_the_fault_began_is_opened() -> None:
    run = new_run(people=5, units_per_shard=5)
    await commit_all(run, refusing(1))
    record = await run.store.record(0)
    assert record is not None

    await note_fault(run.store, unsuitable(since=record.ended_at))

    assert await shards_of(run) == set()


async def test_replies_that_could_not_be_read_are_known_by_their_status() -> None:
    run = new_run(people=10, units_per_shard=5)
    garbled = replace(ok(), status=ReplyStatus.UNREADABLE, value=None, reason="no JSON")
    await commit_all(run, AnsweringModel(lambda asked: garbled if person_asked(asked) == 7 else None))

    await note_fault(run.store, EndpointUnsuitable("x", symptom=Symptom(str(ReplyStatus.UNREADABLE), LONG_AGO)))

    assert await shards_of(run) == {0}


@pytest.mark.parametrize("what", ["act 1", "sum up"])
async def test_where_nothing_is_asked_acts_and_findings_that_failed_show_what_the_fault_hit(what: str) -> None:
    run = pair_run(people=6, study=PairStudy(questions=(), extractions=(IDEAS,)), units_per_shard=1)
    struck = AnsweringModel(lambda asked: RequestRejected(WORDS) if what in asked.sample else None)
    await commit_all(run, struck, but=(1,))
    await commit_all(run)
    record = await run.store.record(0)

    await note_fault(run.store, unsuitable())

    assert record is not None
    assert (record.failed_acts, "failed" in record.findings["ideas"]) == ((1, False) if what == "act 1" else (0, True))
    assert await shards_of(run) == {1}


async def test_what_is_opened_again_is_told_and_stays_on_record_until_the_run_goes_on() -> None:
    run = new_run(people=10, units_per_shard=5)
    await note_fault(run.store, unsuitable())
    await commit_all(run, refusing(6))

    opened = await reopen_spoiled(run.store)
    kept = [record.shard async for record in run.store.reopened()]
    await forget_faults(run.store)

    assert (opened, kept) == ([1], [1])
    assert [record.shard async for record in run.store.reopened()] == []


async def stopped_by(error: EndpointUnsuitable, *, after: int, run: Run, refused: str = "") -> Run:
    """The run, whose attempt was ended by the error after so many calls; those about one question were refused."""
    asked: list[str] = []

    def script(request: ChatRequest) -> ChatReply | Exception | None:
        about = "" if request.reply_schema is None else str(request.reply_schema.schema["properties"])
        asked.append(about)
        if len(asked) > after:
            return error
        return RequestRejected(WORDS) if refused and refused in about else None

    with pytest.raises(EndpointUnsuitable):
        await run_shard(run, Attempt(0, "first"), model=AnsweringModel(script), concurrency=1)
    return run


@pytest.mark.parametrize(("counted", "answered"), [(100, 0), (99, 20)])
async def test_answers_to_cut_prompts_are_taken_back_when_the_shard_stops(counted: int, answered: int) -> None:
    symptom = Symptom(str(ReplyStatus.OK), LONG_AGO, prompt_tokens=counted)

    run = await stopped_by(EndpointUnsuitable("cut", symptom=symptom), after=4, run=new_run(people=10))

    record = await run.store.provisional(0)
    assert record is not None
    assert sum(by_status.get("answered", 0) for by_status in record.counts.values()) == answered


async def test_calls_of_a_unit_that_is_taken_back_say_which_question_each_was_for() -> None:
    questions = [{"id": f"q{n}", "text": "Why?", "type": "open"} for n in range(3)]
    run = new_run(people=4, study={"asking": "question", "questions": questions})

    await stopped_by(unsuitable(), after=7, run=run, refused="q1")

    found = await failures_of(run.store, shards=1, examples=1)
    [about] = [group.about for group in found.groups if group.of == "calls"]
    assert about == {"q1": 2}
    record = await run.store.provisional(0)
    assert record is not None
    # Those of the unit that broke off after its first are among them.
    assert (record.calls.calls, record.file_of("llm_calls").rows) == (7, 7)
