"""What failed in a run, grouped and with what came instead."""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa
import pyarrow.parquet as pq

from tests.doubles.runs import AnsweringModel, commit_all, new_run, person_asked
from troupe_batch.errors import RequestRejected
from troupe_batch.llm.chat import ChatReply, ChatRequest, ReplyStatus
from troupe_batch.results.dataset import Dataset
from troupe_batch.results.extractor import extract
from troupe_batch.results.failures import failures_of
from troupe_batch.results.run import Run
from troupe_batch.results.shard_parts import committed_tables, encoded
from troupe_batch.results.verifying import verify

PROSE = "Well, it depends. " * 50


def failing(request: ChatRequest) -> ChatReply | Exception | None:
    person = person_asked(request)
    if person in (2, 3, 4):
        reason = f"it is not valid JSON: unexpected character at character {person}"
        return ChatReply(ReplyStatus.UNREADABLE, PROSE, reason=reason)
    if person == 7:
        return RequestRejected("the endpoint answered 400: no")
    return ChatReply(ReplyStatus.REFUSED, "I will not.", reason="no") if person == 8 else None


async def test_failures_are_grouped_by_what_was_said_whatever_numbers_stand_in_it() -> None:
    run = new_run(people=10, units_per_shard=5)
    await commit_all(run, AnsweringModel(failing))

    found = await failures_of(run.store, shards=2, examples=2)

    width = len(run.study.design.questions)
    assert [(one.of, one.status, one.count) for one in found.groups] == [
        ("answers", "unreadable", 3 * width),
        ("answers", "failed", width),
        ("answers", "refused", width),
    ]
    unreadable = found.groups[0]
    assert set(unreadable.about) == {question.id for question in run.study.design.questions}
    assert [one.raw_reply for one in unreadable.examples] == [PROSE[:400]] * 2
    assert unreadable.examples[0].person_id == "p000002"
    assert (found.shards_seen, found.shards) == (2, 2)


async def test_of_a_run_under_way_the_shards_that_are_done_are_shown() -> None:
    run = new_run(people=10, units_per_shard=5)
    await commit_all(run, AnsweringModel(failing), but=(1,))

    found = await failures_of(run.store, shards=2, examples=0)

    assert (found.shards_seen, found.shards) == (1, 2)
    assert [one.status for one in found.groups] == ["unreadable"]
    assert found.groups[0].examples == []


async def test_the_first_characters_of_replies_that_are_no_answer_stand_in_the_table_of_calls() -> None:
    run = new_run(people=10, units_per_shard=5)
    await commit_all(run, AnsweringModel(failing))

    await extract(run)

    calls = Dataset(run.store).llm_calls
    told = calls[calls["raw_reply"].notna()]
    assert set(told["status"]) == {"unreadable", "refused"}
    assert set(told["raw_reply"].str.len()) == {400, len("I will not.")}
    assert (await verify(run)).is_sound


async def test_shards_that_were_committed_without_them_are_read_as_before() -> None:
    run = new_run(people=10, units_per_shard=5)
    await commit_all(run, AnsweringModel(failing))
    await as_before(run)

    manifest = await extract(run)
    found = await failures_of(run.store, shards=2, examples=1)

    assert manifest.is_complete
    assert Dataset(run.store).llm_calls["raw_reply"].isna().all()
    assert (await verify(run)).is_sound
    assert found.groups[0].examples[0].raw_reply is None


async def as_before(run: Run) -> None:
    """Writes the calls of each shard anew without the column, and a mark that says so."""
    for shard in sorted(await run.store.committed()):
        record = await run.store.record(shard)
        assert record is not None
        tables = await committed_tables(run, record)
        calls = tables["llm_calls"].drop_columns(["raw_reply"])
        kept = [one for one in record.files if one.table != "llm_calls"]
        files = await run.store.write_attempt(shard, "older", [encoded("llm_calls", calls)])
        assert "raw_reply" not in pq.read_schema(pa.BufferReader(await run.store.read(files[0]))).names
        await run.store.reopen(shard)
        await run.store.mark(replace(record, files=(*kept, *files)))
