"""A program that runs again is restored: no calls, equal transcripts, a file that grows by the replies alone."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.doubles.minds import FakeModel, acts, mind_of, people, talk, think
from tests.doubles.tales import CRASHED, FIVE_STEPS, talkative, told
from troupe_batch.errors import FixTheInput, GaveUp
from troupe_batch.llm.chat import CacheState, ChatReply, ReplySchema, ReplyStatus, Usage
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
    fifty, hundred = await size_for(tmp_path, 50), await size_for(tmp_path, 100)

    assert 1.9 < hundred / fifty < 2.1
    assert hundred / 100 < 1_000


@pytest.mark.parametrize("lost", [1, 5, 40])
def test_a_torn_last_line_costs_one_reply_and_harms_no_later_one(path: Path, lost: int) -> None:
    first, _ = told(path)
    whole = path.read_bytes()
    path.write_bytes(whole[:-lost])

    second, status = told(path)

    assert (second, status.restored, status.asked, status.damaged) == (first, 9, 1, 0)
    third, status = told(path)
    assert (third, status.restored, status.asked) == (first, 10, 0)
    assert path.read_bytes().count(b"\n") == whole.count(b"\n")


def test_a_damaged_line_is_asked_anew_and_counted(path: Path) -> None:
    first, _ = told(path)
    lines = path.read_bytes().splitlines(keepends=True)
    no_base64, middle = b"###" + lines[2][3:], len(lines[4]) // 2
    flipped = lines[4][:middle] + bytes([lines[4][middle] ^ 1]) + lines[4][middle + 1 :]
    path.write_bytes(b"".join([*lines[:2], no_base64, lines[3], flipped, *lines[5:]]))

    second, status = told(path)

    assert (second, status.restored, status.asked, status.damaged) == (first, 8, 2, 2)


def test_a_crash_between_checkpoints_costs_nothing_that_was_answered(path: Path) -> None:
    program = [sys.executable, "-m", "tests.doubles.tales", str(path)]
    crashed = subprocess.run(program, cwd=Path(__file__).parents[3], check=False, capture_output=True, text=True)

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
    with ReplyControl(path, mind_of()), pytest.raises(FixTheInput, match="is in use"):
        ReplyControl(path, mind_of())
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
    ("content", "problem"),
    [
        (b'{"agents": []}\n', "not a control file"),
        (b"PAR1\x00\x01", "not a control file"),
        (b'{"schema": "troupe_batch/control/99"}\nabc\n', "another version"),
    ],
)
def test_a_file_of_another_kind_is_refused_and_left_alone(path: Path, content: bytes, problem: str) -> None:
    path.write_bytes(content)
    model = FakeModel()
    mind = mind_of(model)

    with pytest.raises(FixTheInput, match=problem):
        control.begin(path, mind)

    assert path.read_bytes() == content
    assert mind.model is model
    with pytest.raises(FixTheInput, match="nothing was begun"):
        control.status()


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
