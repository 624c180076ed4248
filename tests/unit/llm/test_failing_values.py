"""A reply cache in a file whose disk is full: what is paid for stays, and nothing more is bought."""

from __future__ import annotations

import asyncio
import resource
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.doubles.models import ScriptedModel, cache_in, ok, request
from troupe_batch.errors import FixTheInput, StateUnreachable
from troupe_batch.llm.cache import Cached
from troupe_batch.llm.chat import CacheState
from troupe_batch.llm.reply_store import MemoryReplyStore
from troupe_batch.llm.sqlite_values import SqliteValues


class FullDisk(dict[bytes, bytes]):
    """Values that can be read, and written while there is room."""

    has_room = False

    def setdefault(self, key: bytes, default: bytes = b"") -> bytes:
        if not self.has_room:
            raise StateUnreachable("the disk is full")
        return super().setdefault(key, default)


class Clock:
    """Time that passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds
        await asyncio.sleep(0)


def store_on(values: FullDisk, clock: Clock) -> MemoryReplyStore:
    return MemoryReplyStore(values, patience_s=30.0, clock=clock, sleep=clock.sleep)


async def test_a_reply_that_cannot_be_stored_counts_and_is_found_again() -> None:
    model = ScriptedModel([ok()])
    cached = Cached(model, store_on(FullDisk(), Clock()))

    first = await cached.complete(request())
    again = await cached.complete(request())

    assert (first.value, again.value) == ({"q1": "yes"}, {"q1": "yes"})
    assert (first.cache, again.cache) == (CacheState.MISS, CacheState.HIT)
    assert len(model.asked) == 1


async def test_nothing_more_is_bought_and_all_who_wait_give_up_together() -> None:
    model, clock = ScriptedModel([ok()]), Clock()
    cached = Cached(model, store_on(FullDisk(), clock))
    await cached.complete(request())

    others = [cached.complete(request(sample=f"other {number}")) for number in range(50)]
    errors = await asyncio.gather(*others, return_exceptions=True)

    assert {str(error) for error in errors} == {"the disk is full; 1 paid replies wait for it"}
    assert clock.now == 30.0
    assert len(model.asked) == 1


async def test_buying_goes_on_once_everything_is_written() -> None:
    values, clock = FullDisk(), Clock()
    model = ScriptedModel([ok()])
    store = store_on(values, clock)
    cached = Cached(model, store)
    await cached.complete(request())

    values.has_room = True
    reply = await cached.complete(request(sample="other"))

    assert reply.cache is CacheState.MISS
    assert len(values) == 2
    assert await store.settle(0.0) == {}


async def test_what_is_left_is_handed_over() -> None:
    store = store_on(FullDisk(), Clock())
    await Cached(ScriptedModel([ok()]), store).complete(request())
    values = FullDisk()
    values.has_room = True

    heir = store_on(values, Clock())
    heir.adopt(await store.settle(0.0))

    assert list(values) == [request().key()]


def test_a_disk_without_room_is_an_outage_of_the_store(tmp_path: Path) -> None:
    values = cache_in(tmp_path / "replies.sqlite")
    values[b"first"] = b"x" * 100
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    try:
        with pytest.raises(
            StateUnreachable, match=r"replies\.sqlite cannot be written or read \(.*\); make room on its disk, or set"
        ):
            values.setdefault(b"second", b"x" * 200_000)
        assert values.get(b"first") == b"x" * 100
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)

    assert values.setdefault(b"second", b"x" * 200_000) == b"x" * 200_000
    values.close()


def test_a_file_that_is_no_database_is_a_message(tmp_path: Path) -> None:
    (tmp_path / "replies.sqlite").write_bytes(b"no database at all" * 100)

    with pytest.raises(FixTheInput, match=r"replies\.sqlite is damaged, or no reply cache .*; move it away, or set"):
        cache_in(tmp_path / "replies.sqlite")


def test_a_file_of_another_process_is_read_while_it_is_locked(tmp_path: Path) -> None:
    values = cache_in(tmp_path / "replies.sqlite")
    values[b"k"] = b"v"
    other = sqlite3.connect(tmp_path / "replies.sqlite", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    assert values.get(b"k") == b"v"

    other.close()
    values.close()


def test_a_file_that_somebody_holds_for_himself_names_the_way_out(tmp_path: Path) -> None:
    with (
        closing(SqliteValues(tmp_path / "own.sqlite", name="reply cache", cure="name another file", is_exclusive=True)),
        pytest.raises(FixTheInput, match=r"own\.sqlite is in use .* has ended, or name another file"),
    ):
        SqliteValues(tmp_path / "own.sqlite", name="reply cache", cure="name another file", is_exclusive=True)
