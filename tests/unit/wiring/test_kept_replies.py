"""Replies that the cache cannot take wait beside the results, and whoever goes on from there finds them."""

from __future__ import annotations

from contextlib import AsyncExitStack

import pytest

from tests.doubles.models import ScriptedModel, ok, request
from tests.doubles.runs import memory_store, new_run
from troupe_batch.errors import StateUnreachable
from troupe_batch.llm.books import Books
from troupe_batch.llm.cache import Cached
from troupe_batch.llm.chat import CacheState
from troupe_batch.llm.reply_store import MemoryReplyStore
from troupe_batch.results.kept_replies import KeptReplies
from troupe_batch.results.run import Run
from troupe_batch.results.spending import SpendRecord
from troupe_batch.wiring.model_stack import ModelStack
from troupe_batch.wiring.open_runs import OpenRun


class NoRoom(dict[bytes, bytes]):
    def setdefault(self, key: bytes, default: bytes = b"") -> bytes:  # noqa: ARG002
        raise StateUnreachable("the disk is full")


def opened(run: Run, model: ScriptedModel, values: dict[bytes, bytes]) -> OpenRun:
    replies, books = MemoryReplyStore(values, patience_s=0.0), Books()
    stack = ModelStack(Cached(model, replies), books, AsyncExitStack(), replies=replies)
    return OpenRun(run, stack, SpendRecord(run.store, books, worker="w"), KeptReplies(run.store))


async def test_the_next_attempt_finds_what_the_last_one_had_paid_for() -> None:
    run = new_run(memory_store())
    model, other = ScriptedModel([ok()]), ScriptedModel([ok("no")])
    first = opened(run, model, NoRoom())
    await first.stack.model.complete(request())
    await first.put_down()

    values: dict[bytes, bytes] = {}
    second = opened(run, other, values)
    await second.take_up()
    reply = await second.stack.model.complete(request())

    assert (reply.cache, reply.value) == (CacheState.HIT, {"q1": "yes"})
    assert other.asked == []
    assert list(values) == [request().key()]
    assert await KeptReplies(run.store).find() == {}


async def test_what_the_next_cache_cannot_take_either_stays_beside_the_results() -> None:
    run = new_run(memory_store())
    first, second = (opened(run, ScriptedModel([ok()]), NoRoom()) for _ in range(2))
    await first.stack.model.complete(request())
    await first.put_down()

    await second.take_up()

    assert list(await KeptReplies(run.store).find()) == [request().key()]


async def test_what_the_cache_has_taken_meanwhile_is_kept_no_longer() -> None:
    kept = KeptReplies(memory_store())
    await kept.keep({b"key": b"value"})

    await kept.keep({})

    assert [stored async for stored in kept.store.objects.list("unsaved")] == []


@pytest.mark.parametrize("data", [b"no json", b"[]", b'{"troupe_batch/unsaved/1": {"zz": 3}}'])
async def test_kept_replies_that_are_damaged_are_passed_over(data: bytes, caplog: pytest.LogCaptureFixture) -> None:
    store = memory_store()
    await store.objects.put("unsaved/broken.json", data)
    await KeptReplies(store).keep({b"key": b"value"})

    found = await KeptReplies(store).find()

    assert found == {b"key": b"value"}
    assert [record.__dict__["action"] for record in caplog.records][-1] == "kept_replies_damaged"
