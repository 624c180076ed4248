"""A program that runs again is restored: no calls, equal transcripts, a file that grows by the replies alone."""

from __future__ import annotations

import asyncio
import base64
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from threading import Thread

import pytest

from tests.doubles.minds import FakeModel, acts, mind_of, people, talk, think
from tests.doubles.tales import CRASHED, FIVE_STEPS, tale, talkative, told
from troupe_batch.errors import FixTheInput, GaveUp
from troupe_batch.llm.chat import CacheState, ChatReply, ReplySchema, ReplyStatus, Usage
from troupe_batch.llm.sqlite_values import SqliteValues
from troupe_batch.simulation.mind import Mind, use_mind
from troupe_batch.simulation.person.person import TinyPerson
from troupe_batch.simulation.record import control
from troupe_batch.simulation.record.control import ReplyControl

ANY = ReplySchema("any", {"type": "object"})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "tale.control"


@pytest.fixture(autouse=True)
def nothing_begun() -> Iterator[None]:
    yield
    if control._Begun.control is not None:
        control.end()


def test_the_same_program_makes_no_calls_and_tells_the_same_tale(path: Path) -> None:
    first, status = told(path)
    silent = FakeModel(lambda _asked: acts(talk("I was asked!")))
    second, again = told(path, silent)

    assert second == first
    assert "has heard" in first
    assert silent.asked == []
    assert (status.restored, status.asked, status.kept) == (0, 10, 10)
    assert (again.restored, again.asked, again.kept) == (10, 0, 10)


def test_a_changed_step_asks_anew_from_there_and_nothing_before(path: Path) -> None:
    changed = (*FIVE_STEPS[:2], "A cat meows.", *FIVE_STEPS[3:])
    before, _ = told(path)

    after, status = told(path, steps=changed)
    once_more, again = told(path)

    assert (status.restored, status.asked, status.kept) == (4, 6, 16)
    assert "A cat meows." in after
    # What the changed program no longer asks is still there for the old one.
    assert (once_more, again.asked) == (before, 0)


async def test_every_part_of_a_reply_comes_back_but_what_the_call_cost(path: Path) -> None:
    replies = [
        ChatReply(
            ReplyStatus.OK,
            '{"a": [1, 2.5, "\u20ac"]}',
            {"a": [1, 2.5, "\u20ac"]},
            usage=Usage(9, 3, 4, 1),
            cost_usd=0.5,
        ),
        ChatReply(ReplyStatus.OK, "```json\n{}\n```", {}, model="m", finish_reason="stop", is_repaired=True),
        ChatReply(ReplyStatus.OK, None, {"only": "a value"}),
        ChatReply(ReplyStatus.OK, "12", None),
        ChatReply(ReplyStatus.REFUSED, None, None, "no"),
        ChatReply(ReplyStatus.UNREADABLE, '{"b": 1}', {"b": 1}, "a contradiction"),
    ]

    async def ask(mind: Mind) -> list[ChatReply]:
        found = []
        for number, _ in enumerate(replies):
            found.append(await mind.ask("test", (), ANY, draw=str(number)))
        return found

    mind = mind_of(FakeModel(others={"any": lambda asked: replies[asked.number]}))
    with ReplyControl(path, mind):
        assert await ask(mind) == replies
    again = mind_of(FakeModel(others={"any": lambda _asked: pytest.fail("asked")}))
    with ReplyControl(path, again):
        restored = await ask(again)

    for old, new in zip(replies, restored, strict=True):
        assert (new.status, new.text, new.value, new.reason) == (old.status, old.text, old.value, old.reason)
        assert (new.usage, new.model, new.finish_reason) == (old.usage, old.model, old.finish_reason)
        assert new.is_repaired == old.is_repaired
        assert (new.cost_usd, new.attempts, new.latency_s, new.cache) == (0.0, 0, 0.0, CacheState.HIT)
    assert [call.key for call in again.calls] == [call.key for call in mind.calls]


async def test_errors_are_not_kept_and_what_failed_is_asked_again(path: Path) -> None:
    mind = mind_of(FakeModel([GaveUp("busy"), acts(talk("Here I am."))]))
    [ana] = people("Ana", mind=mind)
    with ReplyControl(path, mind) as kept:
        with pytest.raises(GaveUp):
            await ana.listen_and_act("Hello?")
        assert kept.status.kept == 0
        # The next call is another draw of hers, so a rerun asks both.
        await ana.act()

    assert kept.status.kept == 1


async def test_equal_requests_in_flight_share_what_came_first_as_they_will_when_run_again(path: Path) -> None:
    said = iter(["one", "two"])
    model = FakeModel(others={"any": lambda _asked: {"said": next(said)}})
    mind = mind_of(model)
    with ReplyControl(path, mind) as kept:
        both = await asyncio.gather(*(mind.ask("test", (), ANY, draw="0") for _ in range(2)))

    assert both[0].value == both[1].value
    assert kept.status.kept == 1


def model_of_one_answer() -> FakeModel:
    return FakeModel(
        lambda asked: acts(think("Let me see."), talk(f"{asked.person} finds it a fair price for the day."))
    )


async def size_for(folder: Path, count: int) -> int:
    mind = mind_of(model_of_one_answer())
    path = folder / f"{count}.control"
    with ReplyControl(path, mind):
        for number in range(count):
            person = TinyPerson(f"Person {number}", mind=mind).define("age", 20 + number % 60)
            await person.listen_and_act("What would you pay for a loaf of bread?")
    return path.stat().st_size


async def test_the_file_grows_linearly_and_stays_below_a_kilobyte_for_a_person_and_question(tmp_path: Path) -> None:
    # Enough people that the pages of the file, which are whole, do not count.
    some, twice = await size_for(tmp_path, 250), await size_for(tmp_path, 500)

    assert 1.9 < twice / some < 2.1
    assert twice / 500 < 1_000


def stored_in(path: Path) -> dict[bytes, bytes]:
    with closing(sqlite3.connect(path)) as database:
        return dict(database.execute("SELECT key, value FROM replies"))


def lines_of_before(stored: dict[bytes, bytes]) -> bytes:
    """The file that the first layout was: a line for each reply."""
    lines = [base64.b64encode(key + value) + b"\n" for key, value in stored.items()]
    return b"".join([b'{"schema": "troupe_batch/control/1"}\n', *lines])


def test_a_file_of_the_first_layout_is_read_once_and_nothing_of_it_is_lost(path: Path) -> None:
    first, _ = told(path)
    stored = stored_in(path)
    path.write_bytes(lines_of_before(stored))

    second, status = told(path)

    assert (second, status.restored, status.asked, status.damaged) == (first, 10, 0, 0)
    assert stored_in(path) == stored
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_a_crash_while_a_file_of_the_first_layout_is_brought_over_costs_nothing(path: Path) -> None:
    first, _ = told(path)
    stored = stored_in(path)
    # What such a crash leaves: the lines, and a new file with some of them.
    path.rename(f"{path}.new")
    with closing(sqlite3.connect(f"{path}.new")) as database, database:
        database.execute("DELETE FROM replies WHERE key > ?", [sorted(stored)[3]])
    path.write_bytes(lines_of_before(stored))

    second, status = told(path)

    assert (second, status.restored, status.asked) == (first, 10, 0)
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_a_file_of_the_first_layout_is_brought_over_by_one_program_at_a_time(path: Path) -> None:
    told(path)
    lines = lines_of_before(stored_in(path))
    path.rename(f"{path}.new")
    path.write_bytes(lines)

    with closing(sqlite3.connect(f"{path}.new", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(FixTheInput, match="is in use"):
            ReplyControl(path, mind_of())

    assert path.read_bytes() == lines


@pytest.mark.parametrize("lost", [1, 5, 40])
def test_a_torn_last_line_of_the_first_layout_costs_one_reply(path: Path, lost: int) -> None:
    first, _ = told(path)
    path.write_bytes(lines_of_before(stored_in(path))[:-lost])

    second, status = told(path)

    assert (second, status.restored, status.asked, status.damaged) == (first, 9, 1, 0)
    third, status = told(path)
    assert (third, status.restored, status.asked) == (first, 10, 0)


def test_a_damaged_line_of_the_first_layout_is_asked_anew_and_counted(path: Path) -> None:
    first, _ = told(path)
    lines = lines_of_before(stored_in(path)).splitlines(keepends=True)
    no_base64, middle = b"###" + lines[2][3:], len(lines[4]) // 2
    flipped = lines[4][:middle] + bytes([lines[4][middle] ^ 1]) + lines[4][middle + 1 :]
    path.write_bytes(b"".join([*lines[:2], no_base64, lines[3], flipped, *lines[5:]]))

    second, status = told(path)

    assert (second, status.restored, status.asked, status.damaged) == (first, 8, 2, 2)


def test_what_was_asked_anew_for_a_damaged_line_of_the_first_layout_is_not_asked_again(path: Path) -> None:
    first, _ = told(path)
    stored = stored_in(path)
    key = next(iter(stored))
    path.write_bytes(lines_of_before({**stored, key: stored[key][:20]}) + lines_of_before({key: stored[key]})[37:])

    second, status = told(path)

    assert (second, status.restored, status.asked) == (first, 10, 0)


@pytest.mark.parametrize("damage", ["a bit", "the length", "all"])
def test_a_damaged_reply_is_asked_anew_and_counted(path: Path, damage: str) -> None:
    first, _ = told(path)
    key, value = next(iter(stored_in(path).items()))
    # The largest length that a frame can claim, behind its first six bytes.
    huge = value[:4] + bytes([value[4] | 0xC0]) + b"\xff" * 8 + value[6:]
    damaged = {"a bit": value[:-9] + bytes([value[-9] ^ 1]) + value[-8:], "the length": huge, "all": b""}[damage]
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("UPDATE replies SET value = ? WHERE key = ?", [damaged, key])

    second, status = told(path)
    third, again = told(path)

    assert (second, status.restored, status.asked, status.kept, status.damaged) == (first, 9, 1, 10, 1)
    assert (third, again.asked, again.damaged) == (first, 0, 0)


def tale_in_another_process(path: Path) -> subprocess.CompletedProcess[str]:
    program = [sys.executable, "-m", "tests.doubles.tales", str(path)]
    return subprocess.run(program, cwd=Path(__file__).parents[3], check=False, capture_output=True, text=True)


def test_a_crash_between_checkpoints_costs_nothing_that_was_answered(path: Path) -> None:
    crashed = tale_in_another_process(path)

    status = told(path)[1]

    assert crashed.returncode == CRASHED, crashed.stderr
    assert (status.restored, status.asked) == (6, 4)


async def test_the_module_records_the_connected_mind_until_the_end(path: Path) -> None:
    model = FakeModel(talkative)
    mind = mind_of(model)
    use_mind(mind)
    try:
        control.begin(str(path))
        await people("Ana")[0].listen_and_act("Hello")
        at_checkpoint = control.checkpoint()
        await people("Bo")[0].listen_and_act("Hello")
        now = control.status()
        at_end = control.end()
        await people("Cleo")[0].listen_and_act("Hello")
    finally:
        use_mind(None)

    assert [one.kept for one in (at_checkpoint, now, at_end)] == [1, 2, 2]
    assert mind.model is model
    assert len(model.asked) == 3
    assert str(at_end) == f"{path}: 0 replies restored, 2 asked, 2 kept"


async def test_a_call_in_flight_at_the_end_is_answered_and_not_kept(path: Path) -> None:
    mind = mind_of(FakeModel(others={"any": lambda _asked: {"said": "late"}}))
    kept = ReplyControl(path, mind)
    late = asyncio.create_task(mind.ask("test", (), ANY, draw="0"))
    await asyncio.sleep(0)
    kept.end()

    assert (await late).value == {"said": "late"}
    assert kept.status.kept == 0


def test_one_file_serves_one_program_at_a_time(path: Path) -> None:
    with ReplyControl(path, mind_of()):
        with pytest.raises(FixTheInput, match=r"is in use by another program; wait .* or name another file"):
            ReplyControl(path, mind_of())
        assert "tale.control is in use" in tale_in_another_process(path).stderr
    ReplyControl(path, mind_of()).end()


def test_the_second_begin_says_what_to_end(path: Path) -> None:
    control.begin(path, mind_of())

    with pytest.raises(FixTheInput, match=r"tale.control was begun and not ended"):
        control.begin(path.with_name("other.control"), mind_of())
    assert not path.with_name("other.control").exists()
    control.end()
    for call in (control.checkpoint, control.end, control.status):
        with pytest.raises(FixTheInput, match="nothing was begun"):
            call()


def test_an_ended_control_makes_no_checkpoints_and_may_end_twice(path: Path) -> None:
    kept = ReplyControl(path, mind_of())
    kept.end()

    kept.end()

    with pytest.raises(FixTheInput, match="has ended"):
        kept.checkpoint()


@pytest.mark.parametrize(
    "content", [b'{"agents": []}\n', b"PAR1\x00\x01", b'{"schema": "troupe_batch/control/99"}\nabc\n']
)
def test_a_file_of_another_kind_is_refused_and_left_alone(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    model = FakeModel()
    mind = mind_of(model)

    with pytest.raises(FixTheInput, match=r"tale.control is .*no control file of this version .*name another file"):
        control.begin(path, mind)

    assert path.read_bytes() == content
    assert mind.model is model
    with pytest.raises(FixTheInput, match="nothing was begun"):
        control.status()


def test_a_database_of_another_kind_is_refused_and_left_alone(path: Path) -> None:
    with closing(SqliteValues(path, name="reply cache", cure="run again")) as cache:
        cache[b"k"] = b"paid"
    before = path.read_bytes()

    with pytest.raises(FixTheInput, match="no control file of this version"):
        ReplyControl(path, mind_of())

    assert path.read_bytes() == before


def test_a_control_file_that_was_begun_in_one_thread_goes_on_in_another(path: Path) -> None:
    mind = mind_of(FakeModel(talkative))
    with ReplyControl(path, mind) as kept:
        thread = Thread(target=lambda: asyncio.run(tale(mind)))
        thread.start()
        thread.join()

    assert kept.status.kept == 10


def test_an_empty_file_and_one_cut_off_in_its_header_are_new_ones(path: Path) -> None:
    for content in (b"", b'{"schema": "tr'):
        path.write_bytes(content)

        _, status = told(path)

        assert (status.asked, status.damaged) == (10, 0)
        assert told(path)[1].restored == 10


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for place in (tmp_path, tmp_path / "file" / "x.control"):
        with pytest.raises(FixTheInput, match="cannot be written"):
            ReplyControl(place, mind_of())
