"""What people remember of the wave before: exactly what they answered, and nothing that nobody said."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.doubles.pairs import pair_run
from tests.doubles.runs import AnsweringModel, PlainFactory, commit_all, memory_store, new_run, person_asked
from troupe_batch.errors import ResultsDamaged
from troupe_batch.llm.chat import ChatReply, ChatRequest, ReplyStatus
from troupe_batch.planning.job import WaveMemory
from troupe_batch.planning.waves import bounded
from troupe_batch.results import blocks, recollections
from troupe_batch.results.dataset import Dataset
from troupe_batch.results.extractor import extract
from troupe_batch.results.objects import Objects
from troupe_batch.results.recollections import (
    Earlier,
    LocalRecollections,
    Recollections,
    write_recollections,
)
from troupe_batch.results.run import Run

VERBATIM, SUMMARY = WaveMemory.VERBATIM, WaveMemory.SUMMARY


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (blocks, recollections):
        monkeypatch.setattr(module, "BLOCK", 4)


async def complete(run: Run, model: AnsweringModel | None = None, before: Recollections | None = None) -> Earlier:
    await commit_all(run, model)
    return Earlier(run.store, await extract(run), 1 if before is None else 2, before)


def remembered(path: Path, earlier: Earlier, memory: WaveMemory = VERBATIM) -> LocalRecollections:
    return write_recollections(path / "recollections.parquet", earlier, memory)


def names_in(path: Path) -> list[str]:
    return [one.name for one in path.iterdir()]


async def test_everybody_remembers_all_of_their_answers_in_the_order_of_the_questions(tmp_path: Path) -> None:
    earlier = await complete(new_run(people=10))

    found = remembered(tmp_path, earlier)

    assert found.people == 10
    answers = Dataset(earlier.store).answers
    for index in range(10):
        [wave] = found.of(index, index + 1)[index]
        said = answers[answers["person_index"] == index].set_index("question_id")
        assert (wave.number, len(wave.entries), wave.left_out) == (1, 5, 0)
        drink, places, liking, price, why = wave.entries
        assert drink == f"- Asked: Which? (options: Tea; Coffee; None; No idea)\n  Answered: {said.label['drink']}"
        assert places.endswith(f"Answered: {'; '.join(said.selected['places']) or 'none of them'}")
        assert liking.endswith(f"Answered: {said.label['liking']}")
        assert price.endswith(f"Answered: {said.number['price']:g} EUR")
        assert why.endswith(f"Answered: {said.text['why']}")


async def test_what_was_no_answer_is_remembered_by_nobody(tmp_path: Path) -> None:
    def refuses(request: ChatRequest) -> ChatReply | None:
        is_asked = person_asked(request) in (3, 7)
        return ChatReply(ReplyStatus.REFUSED, reason="no", key=request.key()) if is_asked else None

    earlier = await complete(new_run(people=10), AnsweringModel(refuses))

    found = remembered(tmp_path, earlier)

    assert (earlier.manifest.answers, earlier.manifest.answered) == (50, 40)
    assert sorted(found.of(0, 10)) == [0, 1, 2, 4, 5, 6, 8, 9]
    assert found.people == 8


async def test_only_the_first_replicate_is_what_the_person_said(tmp_path: Path) -> None:
    once = remembered(tmp_path, await complete(new_run(people=6)))
    thrice = await complete(new_run(people=6, replicates=3))
    answers = Dataset(thrice.store).answers
    assert answers.groupby("person_index")["text"].nunique().min() == 3

    found = write_recollections(tmp_path / "thrice.parquet", thrice, VERBATIM)

    assert dict(found.all()) == dict(once.all())
    assert found.digest == once.digest


async def test_any_stretch_of_people_is_read_alone(tmp_path: Path) -> None:
    def refuses(request: ChatRequest) -> ChatReply | None:
        is_asked = person_asked(request) % 3 == 0
        return ChatReply(ReplyStatus.REFUSED, reason="no", key=request.key()) if is_asked else None

    found = remembered(tmp_path, await complete(new_run(people=20), AnsweringModel(refuses)))

    everybody = dict(found.all())
    assert list(everybody) == [index for index in range(20) if index % 3]
    for start in range(21):
        for stop in range(start, 21):
            expected = {index: waves for index, waves in everybody.items() if start <= index < stop}
            assert found.of(start, stop) == expected, (start, stop)


async def test_seats_of_worlds_are_remembered_by_the_people_who_sat_there(tmp_path: Path) -> None:
    run = pair_run(people=12)
    earlier = await complete(run)
    answers = Dataset(run.store).answers
    assert not answers["person_index"].is_monotonic_increasing

    found = remembered(tmp_path, earlier, SUMMARY)

    said = answers[(answers["replicate"] == 0) & (answers["status"] == "answered")].set_index("person_index")["label"]
    assert {index: waves[0].entries[0].rpartition("-> ")[2] for index, waves in found.all()} == said.to_dict()
    assert list(dict(found.all())) == sorted(said.index)


async def test_waves_carry_on_oldest_first_and_newcomers_begin_with_the_second(tmp_path: Path) -> None:
    first = remembered(tmp_path, await complete(new_run(people=6)), SUMMARY)
    second = await complete(new_run(memory_store("two"), people=9, seed=4), before=first)

    found = write_recollections(tmp_path / "second.parquet", second, VERBATIM)

    by_person = dict(found.all())
    assert [[wave.number for wave in by_person[index]] for index in (0, 5, 6, 8)] == [[1, 2], [1, 2], [2], [2]]
    assert by_person[3][0] == dict(first.all())[3][0]
    assert all(entry.startswith("- Asked:") for entry in by_person[3][1].entries)


async def test_more_than_fits_is_left_out_from_the_oldest_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = remembered(tmp_path, await complete(new_run(people=2)))
    second = await complete(new_run(memory_store("two"), people=2), before=first)
    room = sum(len(entry) for entry in dict(first.all())[0][0].entries[-2:])
    monkeypatch.setattr(recollections, "bounded", partial(bounded, most=room))

    found = write_recollections(tmp_path / "second.parquet", second, VERBATIM)

    before, last = found.of(0, 1)[0]
    assert (before.number, before.entries, before.left_out) == (1, (), 5)
    assert (last.number, len(last.entries) + last.left_out) == (2, 5)
    assert 0 < len(last.entries) < 5


async def test_people_are_cast_with_what_they_remember(tmp_path: Path) -> None:
    found = remembered(tmp_path, await complete(new_run(people=6)), SUMMARY)

    people = found.for_people_of(PlainFactory()).people(4, 8)

    plain = PlainFactory().people(4, 8)
    assert [person.persona for person in people] == [person.persona for person in plain]
    assert people[0].block.startswith(f"{plain[0].block}\n\n<recollections>\n")
    assert "Wave 1:\n- Which? -> " in people[0].block
    assert [person.block for person in people[2:]] == [person.block for person in plain[2:]]


async def test_the_digest_is_that_of_what_is_remembered(tmp_path: Path) -> None:
    earlier = await complete(new_run(people=6))
    mine = remembered(tmp_path, earlier)

    assert write_recollections(tmp_path / "again.parquet", earlier, VERBATIM).digest == mine.digest
    assert write_recollections(tmp_path / "brief.parquet", earlier, SUMMARY).digest != mine.digest
    other = await complete(new_run(memory_store("other"), people=5))
    assert write_recollections(tmp_path / "other.parquet", other, VERBATIM).digest != mine.digest


async def test_recollections_of_another_plan_are_not_read(tmp_path: Path) -> None:
    found = remembered(tmp_path, await complete(new_run(people=6)))
    asked: dict[str, Any] = {"objects": Objects.open(tmp_path), "path": found.path.name}

    assert Recollections(**asked, expected=found.digest).of(0, 6)
    with pytest.raises(ResultsDamaged, match="is another file of recollections"):
        Recollections(**asked, expected="0" * 64).of(0, 6)


async def test_nobody_remembers_where_nobody_answered(tmp_path: Path) -> None:
    silent = AnsweringModel(lambda request: ChatReply(ReplyStatus.REFUSED, reason="no", key=request.key()))

    found = remembered(tmp_path, await complete(new_run(people=6), silent))

    assert (found.people, found.of(0, 6), list(found.all())) == (0, {}, [])


async def test_a_dataset_that_lost_a_part_is_told(tmp_path: Path) -> None:
    earlier = await complete(new_run(people=6))
    [part] = earlier.manifest.files_of("answers")
    await earlier.store.objects.within("dataset").delete(part.path)

    with pytest.raises(ResultsDamaged, match=r"answers/part-.* is missing .*give the same `troupe run` command again"):
        remembered(tmp_path, earlier)
    assert names_in(tmp_path) == []


async def test_people_who_are_in_order_only_within_batches_are_sorted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    earlier = await complete(pair_run(people=12))
    expected = dict(remembered(tmp_path, earlier).all())
    monkeypatch.setattr(recollections, "_ROWS_AT_ONCE", 1)

    found = write_recollections(tmp_path / "cut.parquet", earlier, VERBATIM)

    assert list(found.all()) == sorted(expected.items())
