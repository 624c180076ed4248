"""Memory: the window that prompts show, consolidation of episodes, and lines that are shared."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.doubles.minds import FakeModel, acts, does, mind_of, people, talk
from troupe_batch.errors import BudgetSpent, CannotAct, GaveUp
from troupe_batch.llm.chat import ChatReply, ReplyStatus
from troupe_batch.simulation.acting.faculties import GroundingFaculty
from troupe_batch.simulation.acting.tools import TinyWordProcessor, ToolUseFaculty
from troupe_batch.simulation.mind import MindSettings
from troupe_batch.simulation.person.person import TinyPerson
from troupe_batch.simulation.record.documents import Document
from troupe_batch.simulation.record.events import EventKind, Stimulus, StimulusKind
from troupe_batch.simulation.record.memory import EpisodicMemory
from troupe_batch.simulation.world.world import TinyWorld


def _memory_of(count: int) -> EpisodicMemory:
    memory = EpisodicMemory()
    for number in range(count):
        memory.add(Stimulus(StimulusKind.VISUAL, f"thing {number}"))
    return memory


def test_a_short_memory_is_shown_whole() -> None:
    lines = _memory_of(30).window(10, 20)

    assert lines == [f"- You saw: thing {number}" for number in range(30)]


def test_a_long_memory_is_shown_by_its_first_and_latest_entries_and_says_how_many_are_left_out() -> None:
    lines = _memory_of(57).window(10, 20)

    assert lines[:10] == [f"- You saw: thing {number}" for number in range(10)]
    assert lines[10] == "(20 entries left out here)"
    assert lines[11:] == [f"- You saw: thing {number}" for number in range(30, 57)]


@given(count=st.integers(0, 80), prefix=st.integers(0, 12), lookback=st.integers(0, 24))
def test_every_entry_is_shown_or_counted_and_at_least_the_latest_are_shown(
    count: int, prefix: int, lookback: int
) -> None:
    lines = _memory_of(count).window(prefix, lookback)

    notes = [line for line in lines if line.endswith("left out here)")]
    omitted = sum(int(note[1:].split()[0]) for note in notes)
    assert len(lines) - len(notes) + omitted == count
    assert len(notes) <= 1
    latest = [f"- You saw: thing {number}" for number in range(max(0, count - lookback), count)]
    assert lines[len(lines) - len(latest) :] == latest
    # Never much longer than asked for, either.
    assert len(lines) <= prefix + lookback + max(1, lookback // 2) + 1


async def test_all_that_happened_since_the_last_act_is_shown_up_to_a_number() -> None:
    model = FakeModel()
    bo = _bo(model, fixed_prefix_length=1, lookback_length=4)
    _see(bo, 10)
    await bo.act()

    for count, shown in ((60, 60), (300, 200)):
        _see(bo, count, 1_000)
        await bo.act()
        latest = [f"- You saw: thing {number}" for number in range(1_000 + count - shown, 1_000 + count)]
        assert model.asked[-1].memory[-shown:] == latest
        assert len(model.asked[-1].memory) <= 1 + 1 + shown + 2
    _see(bo, 1)
    await bo.act()
    assert len(model.asked[-1].memory) <= 1 + 1 + 4 + 2


async def test_what_was_to_be_answered_in_an_act_that_failed_still_is() -> None:
    model = FakeModel([acts(), ChatReply(ReplyStatus.REFUSED, reason="no"), acts()])
    bo = _bo(model, fixed_prefix_length=1, lookback_length=4)
    await bo.act()
    _see(bo, 40, 1_000)
    with pytest.raises(CannotAct):
        await bo.act()

    await bo.act()

    seen = [line for line in model.asked[-1].memory if "You saw: thing" in line]
    assert seen == [f"- You saw: thing {number}" for number in range(1_000, 1_040)]


async def test_in_a_large_group_everybody_is_heard_by_everybody_in_the_next_act() -> None:
    model = FakeModel(lambda asked: acts(talk(f"{asked.person} says {asked.number}.")))
    world = TinyWorld(people=people(*(f"Person number {n}" for n in range(45))), mind=mind_of(model))

    await world.run(4)

    last_step = model.acts[-45:]
    for asked in last_step:
        others = {f"Person number {n}" for n in range(45)} - {asked.person}
        latest = [line for line in asked.memory if " said: " in line][-44:]
        assert {line.rpartition(") ")[2].removeprefix("- ").partition(" said: ")[0] for line in latest} == others
        assert len(asked.memory) < 100


async def test_what_a_restored_person_has_not_answered_yet_is_still_shown() -> None:
    bo = _bo(FakeModel(), lookback_length=4, fixed_prefix_length=0)
    await bo.act()
    _see(bo, 30)
    model = FakeModel()

    twin = TinyPerson.from_state(bo.state(), mind=mind_of(model, settings=bo.mind.settings))
    await twin.act()

    assert model.asked[0].memory[-30:] == [f"- You saw: thing {number}" for number in range(30)]


async def test_what_was_looked_up_is_whole_within_the_act_and_remembered_by_its_beginning() -> None:
    text = "\n".join(f"Line {number} of the handbook." for number in range(150))
    model = FakeModel([acts(does("CONSULT", target="Handbook", content="")), acts(), acts()])
    bo = _bo(model).add_faculty(GroundingFaculty([Document("Handbook", text)]))

    await bo.act()
    await bo.act()

    assert "Line 149 of the handbook." in model.asked[1].text
    assert "Line 5 of the handbook." in model.asked[2].text
    assert "Line 149 of the handbook." not in model.asked[2].text
    assert len("\n".join(model.asked[2].memory)) < 900


def test_what_two_hundred_people_hear_is_one_object_in_all_memories() -> None:
    crowd = people(*[f"Person {n}" for n in range(200)])
    stimulus = Stimulus(StimulusKind.CONVERSATION, "The same words to all", "Ana")

    for person in crowd:
        person.perceive(stimulus)

    assert len({id(person.episodic.entries[0]) for person in crowd}) == 1
    assert crowd[0].episodic.entries[0].what is stimulus
    assert all(not person.journal.events for person in crowd)


def _consolidation(summary: str = "You talked.", *facts: str) -> dict[str, Any]:
    return {"summary": summary, "facts": list(facts)}


def _bo(model: FakeModel, **settings: Any) -> TinyPerson:
    return TinyPerson("Bo Lind", mind=mind_of(model, settings=MindSettings(**settings)))


def _see(person: TinyPerson, count: int, start: int = 0) -> None:
    for number in range(start, start + count):
        person.see(f"thing {number}")


async def test_listening_never_asks_a_model_however_long_the_episode_becomes() -> None:
    model = FakeModel()
    bo = _bo(model, max_episode_length=5)

    _see(bo, 500)
    await asyncio.sleep(0)

    assert model.asked == []
    assert len(bo.episodic) == 500


async def test_a_step_ends_with_at_most_one_consolidation_and_only_if_the_episode_is_long() -> None:
    model = FakeModel(others={"consolidation": lambda _: _consolidation()})
    bo = _bo(model, max_episode_length=20, lookback_length=8)
    _see(bo, 19)
    assert not await bo.end_step()
    assert model.asked == []

    _see(bo, 100, 19)

    assert await bo.end_step()
    assert len(model.named("consolidation")) == 1
    assert not await bo.end_step()
    assert bo.mind.calls[0].purpose == "consolidate"
    assert bo.journal.events[-1].call_key == bo.mind.calls[0].key


async def test_a_summary_and_facts_take_the_place_of_the_episode_and_its_latest_entries_stay() -> None:
    said = _consolidation("You saw things.", "Ana Silva sells things.")
    model = FakeModel(others={"consolidation": lambda _: said})
    bo = _bo(model, max_episode_length=10, lookback_length=8)
    _see(bo, 10)

    await bo.end_step()
    await bo.act()

    assert model.asked[0].memory == [f"- You saw: thing {number}" for number in range(6)]
    assert model.asked[1].memory == [
        "From before:",
        "- Ana Silva sells things.",
        "Lately:",
        "- In short, before this: You saw things.",
        *[f"- You saw: thing {number}" for number in range(6, 10)],
    ]
    assert bo.semantic.facts == ("Ana Silva sells things.",)
    [event] = [event for event in bo.journal.events if event.kind is EventKind.CHANGE]
    assert (event.type, event.content, event.actor_id) == ("CONSOLIDATION", "You saw things.", "bo-lind")


async def test_a_consolidation_knows_whose_episode_it_is() -> None:
    model = FakeModel(others={"consolidation": lambda _: _consolidation()})
    bo = _bo(model, max_episode_length=5)
    bo.define("occupation", "lighthouse keeper")
    _see(bo, 10)

    await bo.end_step()

    [asked] = model.named("consolidation")
    assert bo.block in asked.text
    assert "lighthouse keeper" in asked.text


async def test_the_next_episode_begins_after_the_summary() -> None:
    summaries = iter(["First.", "Second."])
    model = FakeModel(others={"consolidation": lambda _: _consolidation(next(summaries))})
    bo = _bo(model, max_episode_length=10, lookback_length=0)
    _see(bo, 10)
    await bo.end_step()
    _see(bo, 10, 10)
    await bo.end_step()

    assert [entry.line for entry in bo.episodic.entries] == [
        "- In short, before this: First.",
        "- In short, before this: Second.",
    ]
    assert "First." not in "\n".join(model.asked[1].memory)


async def test_an_episode_ends_at_will_once_it_is_long_enough() -> None:
    model = FakeModel(others={"consolidation": lambda _: _consolidation()})
    bo = _bo(model, min_episode_length=3)
    _see(bo, 2)
    assert not await bo.consolidate()

    _see(bo, 1, 2)

    assert await bo.consolidate()
    assert len(bo.episodic) == 1


async def test_only_the_latest_ten_facts_are_shown_where_none_are_looked_up() -> None:
    model = FakeModel()
    bo = _bo(model, retrieves=False)
    bo.semantic.add(*[f"Fact {number}." for number in range(25)])

    await bo.act()

    assert model.asked[0].memory == ["From before:", *[f"- Fact {number}." for number in range(15, 25)], "Lately:"]


async def test_memory_is_not_consolidated_where_the_settings_say_so() -> None:
    model = FakeModel()
    bo = _bo(model, consolidates=False, max_episode_length=5, min_episode_length=5)
    _see(bo, 50)

    assert not await bo.end_step()
    assert not await bo.consolidate()
    assert model.asked == []


@pytest.mark.parametrize(
    "said",
    [
        ChatReply(ReplyStatus.REFUSED, reason="no"),
        ChatReply(ReplyStatus.OK, value={"summary": " ", "facts": []}),
        GaveUp("five attempts"),
    ],
)
async def test_a_consolidation_that_fails_loses_nothing_and_is_on_record(said: ChatReply | GaveUp) -> None:
    model = FakeModel(others={"consolidation": lambda _: said})
    bo = _bo(model, max_episode_length=5)
    _see(bo, 10)

    assert not await bo.end_step()

    assert len(bo.episodic) == 10
    [failure] = [event for event in bo.journal.events if event.kind is EventKind.FAILURE]
    assert failure.type == "CONSOLIDATION"
    assert failure.reason
    # The next try is another draw: the same one would bring the same failure from the cache.
    await bo.end_step()
    assert model.asked[0].request.sample != model.asked[1].request.sample


async def test_what_stops_the_job_passes_through_a_consolidation() -> None:
    stop = BudgetSpent("no money")
    bo = _bo(FakeModel(others={"consolidation": lambda _: stop}), max_episode_length=5)
    _see(bo, 10)

    with pytest.raises(BudgetSpent):
        await bo.end_step()

    assert len(bo.episodic) == 10


async def test_what_is_perceived_during_a_consolidation_is_kept() -> None:
    model = FakeModel(others={"consolidation": lambda _: _consolidation("Before.")})
    bo = _bo(model, max_episode_length=5, lookback_length=0)
    _see(bo, 6)

    under_way = asyncio.create_task(bo.end_step())
    await asyncio.sleep(0)
    bo.see("a late thing")
    await under_way

    assert [entry.line for entry in bo.episodic.entries] == [
        "- In short, before this: Before.",
        "- You saw: a late thing",
    ]


async def test_what_a_person_wrote_is_remembered_by_its_beginning_and_is_whole_on_record() -> None:
    text = "x " * 400 + "end"
    model = FakeModel([acts(does("WRITE_DOCUMENT", title="Plan", content=text, author="Bo"))])
    bo = _bo(model).add_faculty(ToolUseFaculty([TinyWordProcessor()]))

    act = await bo.act()

    assert act.events[0].content == text
    line = bo.episodic.entries[0].line
    assert line.startswith("- You did WRITE_DOCUMENT (title: Plan; author: Bo; content: x x x")
    assert len(line) < 400


def test_a_transcript_reads_like_a_conversation() -> None:
    bo = TinyPerson("Bo")
    bo.mental_state.datetime = datetime(2025, 1, 6, 9, 0)  # noqa: DTZ001 -- simulated time
    bo.listen("Tea?", "Ana").see("a cup").think("Why not").move_to("the garden")

    text = bo.transcript()

    assert text == (
        "[Monday 6 January 2025, 09:00]\nAna > Bo: Tea?\n(Bo sees: a cup)\n(Bo thinks: Why not)\n"
        "(Bo goes to: the garden)"
    )
    assert repr(text) == text
    assert bo.transcript(last=1).endswith("09:00]\n(Bo goes to: the garden)")
    assert bo.transcript(last=0) == ""
    assert bo.pp_current_interactions() == text
