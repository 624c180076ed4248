"""What counts as a repetition: something said once more that was heard, and never a new statement or a new look."""

from __future__ import annotations

import json

import pytest

from tests.doubles.minds import FakeModel, Said, acts, does, mind_of, people, talk
from troupe_batch.errors import CannotAct
from troupe_batch.llm.chat import ChatReply, ReplyStatus
from troupe_batch.simulation.acting.faculties import ActionSpec, CustomFaculty
from troupe_batch.simulation.acting.repeats import Repeats
from troupe_batch.simulation.acting.tools import TinyCalendar, ToolUseFaculty
from troupe_batch.simulation.person.person import TinyPerson
from troupe_batch.simulation.record.events import Action, EventKind, EventStatus
from troupe_batch.simulation.world.network import TinySocialNetwork

_PRICE = "For option A I would pay about 5 euros a month for all of it, honestly speaking"


def says_again(first: str, second: str) -> bool:
    repeats = Repeats()
    assert not repeats.is_repeated(Action("TALK", first))
    repeats.end_act()
    return repeats.is_repeated(Action("TALK", second))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("5", "9"),
        ("5", "-5"),
        ("5", "5.5"),
        ("five", "nine"),
        ("I would pay", "I would not pay"),
        ("I would pay", "I'd never pay"),
        ("would pay", "wouldn't pay"),
        ("option A", "option B"),
        ("honestly", "frankly"),
        ("honestly ", ""),
        ("honestly speaking", "honestly speaking now"),
    ],
)
def test_a_word_with_content_put_in_left_out_or_changed_makes_another_statement(old: str, new: str) -> None:
    said = _PRICE if old in _PRICE else _PRICE.replace("5", "five")

    assert not says_again(said, said.replace(old, new))
    assert says_again(said, f"Oh well, and {said}, really!".upper())


@pytest.mark.parametrize(
    ("said", "old", "new"),
    [
        ("I would choose the red one because it suits my kitchen and the price is fair", "red", "blue"),
        ("I agree with what Bo said about the price and the colour of the new kettle", "agree", "disagree"),
        ("I like the way in which the lid opens and how easily the water pours", "like", "dislike"),
        ("I would take the first of them because it fits on the shelf above the sink", "first", "second"),
        ("I would use it more than the old kettle because it stands beside the sink", "more", "less"),
        ("I could come to the shop on Monday if that suits you and all the others", "Monday", "Tuesday"),
        ("I like A and B.", "A and B", "B"),
        ("Oh, really?", "Oh, really", "So"),
    ],
)
def test_the_reversal_of_an_opinion_in_one_word_is_news(said: str, old: str, new: str) -> None:
    assert not says_again(said, said.replace(old, new))
    assert says_again(said, said)


def test_the_same_words_in_another_order_are_another_statement() -> None:
    said = "Bread before butter and butter before jam and jam before honey is what my mother served"
    turned = "Honey before jam and jam before butter and butter before bread is what my mother served"

    assert not says_again(said, turned)


async def test_to_look_something_up_again_after_a_change_is_no_repetition() -> None:
    look = does("LIST_EVENTS", date="2025-01-07")
    note = does("CREATE_EVENT", title="Dentist", date="2025-01-07", time="09:00", attendees="", content="")
    model = FakeModel([acts(look), acts(), acts(note), acts(look, look), acts()])
    ana = TinyPerson("Ana", mind=mind_of(model)).add_faculty(ToolUseFaculty([TinyCalendar()]))

    performed = [[action.type for action in (await ana.act()).performed] for _ in range(3)]

    assert performed == [["LIST_EVENTS", "DONE"], ["CREATE_EVENT", "DONE"], ["LIST_EVENTS", "DONE"]]
    assert "Dentist" in "\n".join(model.asked[-1].memory)


def test_another_action_is_a_repetition_only_directly_after_its_like() -> None:
    repeats = Repeats()
    look, other = Action("LOOK", "tides"), Action("LOOK", "Tides")

    assert [repeats.is_repeated(one) for one in (look, look, look, other, look)] == [False, True, True, False, False]
    repeats.end_act()
    assert not repeats.is_repeated(look)


async def test_what_nobody_heard_can_be_said_again_and_is_heard_then() -> None:
    model = FakeModel(lambda asked: acts(talk("Shall we meet?", "Ben")) if asked.person == "Ana" else acts())
    net = TinySocialNetwork("Net", people("Ana", "Ben"), mind=mind_of(model))

    await net.run(1)
    net.add_relation("Ana", "Ben", "friend")
    await net.run(2)

    talks = [event.status for event in net.journal.events if event.type == "TALK"]
    assert talks == [EventStatus.UNDELIVERED, EventStatus.HAPPENED, EventStatus.REPEATED]
    assert (
        sum("Ana said to you, not to all: Shall we meet?" in entry.line for entry in net.person("Ben").episodic.entries)
        == 1
    )


async def test_what_an_act_that_broke_off_said_is_known_to_be_unheard_and_can_be_said_again() -> None:
    said = acts(talk("I will come on Friday."), does("LOOK"))
    replies: list[Said] = [
        said,
        ChatReply(ReplyStatus.UNREADABLE, reason="x"),
        acts(talk("I will come on Friday.")),
        acts(),
    ]
    model = FakeModel(replies)
    look = CustomFaculty(ActionSpec("LOOK", "look around"), lambda _person, _action: "A dog.")
    ana = TinyPerson("Ana", mind=mind_of(model)).add_faculty(look)

    with pytest.raises(CannotAct):
        await ana.act()
    again = await ana.act()

    assert model.asked[2].memory[-1] == "- You saw: You were cut short: what you said just now reached nobody."
    assert [event.status for event in again.events] == [EventStatus.HAPPENED] * 2


async def test_an_act_that_broke_off_in_silence_leaves_no_such_memory() -> None:
    ana = TinyPerson("Ana", mind=mind_of([ChatReply(ReplyStatus.REFUSED, reason="no")]))

    with pytest.raises(CannotAct):
        await ana.act()

    assert [event.kind for event in ana.journal.events] == [EventKind.FAILURE]
    assert len(ana.episodic) == 0


def test_repeats_survive_as_plain_data() -> None:
    repeats, again = Repeats(), Repeats()
    for said in (_PRICE, "Yes."):
        repeats.is_repeated(Action("TALK", said, "Ana"))
        repeats.end_act()

    again.restore(json.loads(json.dumps(repeats.state())))

    assert again.state() == repeats.state()
    assert again.is_repeated(Action("TALK", _PRICE, "ana"))
