"""Acting: one call an act, actions that are carried out or not, and what happens when a reply cannot be used."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.doubles.minds import DONE, FakeModel, Said, acts, does, mind_of, reach_out, talk, think
from troupe_batch.errors import BudgetSpent, CannotAct, EndpointDown, FixTheInput, GaveUp, StopTheJob, TryAgain
from troupe_batch.llm.chat import ChatReply, ChatRequest, ReplyStatus
from troupe_batch.llm.reading import read_completion
from troupe_batch.simulation.acting.act_schema import NOTHING_BESIDE, ActQuestion, act_schema
from troupe_batch.simulation.acting.faculties import ActionSpec, CustomFaculty, FacultyFailed
from troupe_batch.simulation.acting.tools import TinyWordProcessor, ToolUseFaculty
from troupe_batch.simulation.mind import Mind, MindSettings, use_mind
from troupe_batch.simulation.person.person import TinyPerson
from troupe_batch.simulation.record.events import Action, EventKind, EventStatus

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(["", "done", "type", "TALK"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["type", "content", "actions"]), inner, max_size=3)
    ),
    max_leaves=8,
)


def _bo(*said: Said, settings: MindSettings | None = None) -> tuple[TinyPerson, FakeModel]:
    model = FakeModel(list(said) or None)
    return TinyPerson("Bo Lind", mind=mind_of(model, settings=settings)), model


def _looks_up(results: dict[str, str | None]) -> CustomFaculty:
    spec = ActionSpec("LOOK_UP", "look something up", {"content": "what to look for"})

    def look_up(_: Any, action: Action) -> str | None:
        if action.content not in results:
            raise FacultyFailed("the book is gone")
        return results[action.content]

    return CustomFaculty(spec, look_up)


async def test_an_act_is_one_call_and_its_actions_are_in_order_and_end_in_done() -> None:
    bo, model = _bo(acts(think("Hm."), talk("Yes.", "Ana"), reach_out("Eve"), emotions="calm"))

    act = await bo.act()

    assert act.actions == (
        Action("THINK", "Hm."),
        Action("TALK", "Yes.", "Ana"),
        Action("REACH_OUT", None, "Eve"),
        Action("DONE"),
    )
    assert act.performed == act.actions
    assert len(model.asked) == act.calls == 1
    assert bo.mental_state.emotions == "calm"


async def test_an_act_names_its_call_and_its_draw_and_the_next_act_has_another() -> None:
    bo, model = _bo(acts(talk("One.")), acts(talk("Two.")))

    first, second = await bo.act(), await bo.act()

    assert (first.sample, second.sample) == ("0.bo-lind.0", "0.bo-lind.1")
    assert first.reply_key == model.asked[0].request.key().hex() == bo.mind.calls[0].key
    assert [call.purpose for call in bo.mind.calls] == ["act", "act"]


async def test_each_action_is_an_event_with_actor_and_target() -> None:
    bo, _ = _bo(acts(talk("Yes.", "Ana")))

    act = await bo.listen_and_act("Well?", TinyPerson("Ana"))

    heard, said, done = bo.journal.events
    assert (heard.kind, heard.type, heard.actor_id, heard.target_id) == (
        "stimulus",
        "CONVERSATION",
        "ana",
        "bo-lind",
    )
    assert (said.kind, said.type, said.content, said.actor_id, said.target) == (
        "action",
        "TALK",
        "Yes.",
        "bo-lind",
        "Ana",
    )
    assert done.type == "DONE"
    assert act.events == (said, done)


async def test_outside_of_worlds_events_bear_the_time_of_the_person() -> None:
    bo, _ = _bo()
    bo.mental_state.datetime = datetime(2025, 1, 6, 9, 0)  # noqa: DTZ001 -- simulated time

    await bo.listen_and_act("Well?")

    assert [event.simulated_time for event in bo.journal.events] == [bo.mental_state.datetime] * 3


async def test_own_actions_are_remembered() -> None:
    bo, model = _bo(acts(think("Hm."), talk("Yes.", "Ana"), talk("Bye!"), reach_out("Eve")), acts())

    await bo.act()
    await bo.act()

    assert model.asked[-1].memory == [
        "- You thought: Hm.",
        "- You said to Ana: Yes.",
        "- You said: Bye!",
        "- You reached out to Eve",
    ]


@pytest.mark.parametrize(
    ("actions", "problem"),
    [
        ([DONE, talk("Hello."), DONE], "DONE may only be the last"),
        ([*[talk(f"This is number {n}.") for n in range(4)], DONE], "at most 3"),
        ([talk(" "), DONE], "TALK needs a content"),
        ([think(""), DONE], "THINK needs a content"),
        ([reach_out(" "), DONE], "REACH_OUT needs a target"),
        ([{"type": "SHOUT", "target": None, "content": "Hey"}, DONE], "actions"),
    ],
)
async def test_an_act_that_breaks_the_rules_is_unreadable_whatever_model_answers(
    actions: list[dict[str, Any]], problem: str
) -> None:
    class Careless:
        """Checks nothing, unlike the model stack."""

        async def complete(self, request: ChatRequest) -> ChatReply:
            assert request.reply_schema is not None
            return ChatReply(ReplyStatus.OK, value=acts() | {"actions": actions})

    mind = Mind(Careless(), mind_of().endpoint, settings=MindSettings(max_actions=3))
    bo = TinyPerson("Bo Lind", mind=mind)

    with pytest.raises(CannotAct, match=problem) as caught:
        await bo.act()

    assert caught.value.status == "unreadable"
    assert [event.kind for event in bo.journal.events] == ["failure"]
    assert bo.transcript() == ""


@pytest.mark.parametrize(
    "actions",
    [
        [talk("Hello.")],
        [talk("Hello."), DONE],
        [talk("Hello."), DONE, DONE],
        [{"type": "TALK", "content": "Hello."}, {"type": "DONE"}],
        [{"content": "Hello.", "type": " talk "}, {"type": "done", "content": ""}],
    ],
)
@pytest.mark.parametrize("checked_by_the_stack", [True, False])
async def test_a_reply_of_which_only_one_reading_is_possible_is_read_so_in_one_call(
    actions: list[dict[str, Any]], checked_by_the_stack: bool
) -> None:
    asked: list[ChatRequest] = []

    class Sloppy:
        """Answers in a form of its own, which the model stack reads or not."""

        async def complete(self, request: ChatRequest) -> ChatReply:
            asked.append(request)
            value = acts() | {"actions": actions}
            if not checked_by_the_stack:
                return ChatReply(ReplyStatus.OK, value=value)
            choice = {"message": {"content": orjson.dumps(value).decode()}, "finish_reason": "stop"}
            return read_completion(orjson.dumps({"choices": [choice]}), request.reply_schema)

    act = await TinyPerson("Bo Lind", mind=Mind(Sloppy(), mind_of().endpoint)).act()

    assert act.actions == (Action("TALK", "Hello."), Action("DONE"))
    assert len(asked) == act.calls == 1


async def test_an_act_without_any_action_is_one_in_which_nothing_was_done() -> None:
    bo, _ = _bo(acts() | {"actions": []})

    assert (await bo.act()).actions == (Action("DONE"),)


@given(value=_JSON | st.fixed_dictionaries({"actions": _JSON}))
def test_what_is_no_act_stays_as_it_is(value: Any) -> None:
    schema = act_schema(NOTHING_BESIDE, None, 12)

    assert schema.tidied(value) == value or isinstance(value["actions"], list)
    assert schema.problem(schema.tidied(value)) is not None


async def test_the_limit_of_actions_is_in_the_prompt_and_holds_without_done() -> None:
    bo, model = _bo(acts(talk("One."), talk("Two.")), settings=MindSettings(max_actions=2))

    act = await bo.act()

    assert "at most 2" in model.asked[0].system
    assert len(act.actions) == 3


@pytest.mark.parametrize(
    "status", [ReplyStatus.REFUSED, ReplyStatus.CONTENT_FILTERED, ReplyStatus.TRUNCATED, ReplyStatus.UNREADABLE]
)
async def test_a_reply_without_an_act_is_a_failure_with_a_reason(status: ReplyStatus) -> None:
    bo, _ = _bo(ChatReply(status, reason="it would not"))

    with pytest.raises(CannotAct) as caught:
        await bo.act()

    assert (caught.value.status, caught.value.reason) == (status, "it would not")
    [event] = bo.journal.events
    assert (event.kind, event.type, event.status) == (EventKind.FAILURE, "ACT", EventStatus.FAILED)
    assert event.actor_id == "bo-lind"
    assert event.reason == f"{status}: it would not"
    assert event.call_key == bo.mind.calls[0].key


async def test_a_call_that_fails_for_good_is_on_record_and_leaves_the_person() -> None:
    bo, _ = _bo(GaveUp("five attempts"), acts(talk("Here I am.")))

    with pytest.raises(GaveUp):
        await bo.act()
    act = await bo.act()

    assert (bo.journal.events[0].reason, bo.journal.events[0].call_key) == ("five attempts", None)
    assert act.sample == "0.bo-lind.1"


@pytest.mark.parametrize("error", [BudgetSpent("no money"), EndpointDown("an outage")])
async def test_what_stops_the_job_or_is_tried_again_leaves_the_person_as_it_was(error: StopTheJob | TryAgain) -> None:
    bo, _ = _bo(error, acts(talk("Here I am.")))

    with pytest.raises(type(error)) as caught:
        await bo.act()

    assert caught.value is error
    assert bo.journal.events == []
    assert (await bo.act()).sample == "0.bo-lind.0"


async def test_without_a_mind_the_error_says_how_to_get_one() -> None:
    use_mind(None)

    with pytest.raises(FixTheInput, match="connect"):
        await TinyPerson("Bo").act()


async def test_people_without_a_mind_of_their_own_think_with_the_connected_one() -> None:
    model = FakeModel()
    use_mind(mind_of(model))
    try:
        await TinyPerson("Bo").act()
    finally:
        use_mind(None)

    assert model.asked[0].person == "Bo"


class TestRepeats:
    async def test_what_was_said_in_the_same_act_is_not_said_again(self) -> None:
        bo, _ = _bo(acts(talk("I would like soup."), talk("i would  LIKE soup."), think("Soup it is.")))

        act = await bo.act()

        assert [action.content for action in act.performed] == ["I would like soup.", "Soup it is.", None]
        assert len(act.actions) == 4
        assert [event.status for event in act.events] == ["happened", "repeated", "happened", "happened"]

    async def test_what_was_done_in_one_of_the_last_acts_is_not_done_again_and_costs_no_call(self) -> None:
        bo, model = _bo(acts(talk("I would like soup."), think("Salt.")), acts(think("salt.")), acts(talk("Else?")))

        first, second, third = await bo.act(), await bo.act(), await bo.act()

        assert [len(act.performed) for act in (first, second, third)] == [3, 1, 2]
        assert len(model.asked) == 3
        assert model.asked[-1].memory == ["- You said: I would like soup.", "- You thought: Salt."]

    async def test_a_long_text_with_one_other_word_is_none_and_one_with_a_filler_is(self) -> None:
        said = "red blue green grey white black brown pink golden silver"
        bo, _ = _bo(
            acts(talk(said)),
            acts(talk(f"Well, {said} and so.")),
            acts(talk(said.replace("silver", "beige"))),
        )

        acts_done = [await bo.act() for _ in range(3)]

        assert [len(act.performed) - 1 for act in acts_done] == [1, 0, 1]

    async def test_short_texts_with_one_other_word_are_no_repetition(self) -> None:
        bo, _ = _bo(acts(talk("I choose the first ad.")), acts(talk("I choose the third ad.")))

        assert [len((await bo.act()).performed) for _ in range(2)] == [2, 2]

    async def test_the_same_to_another_person_is_no_repetition(self) -> None:
        bo, _ = _bo(acts(talk("Would you like some soup?", "Ana"), talk("Would you like some soup?", "Eve")))

        assert len((await bo.act()).performed) == 3

    async def test_the_same_short_answer_to_another_question_is_an_answer(self) -> None:
        bo, _ = _bo(acts(talk("Yes, I do.")), acts(talk("Yes, I do.")), acts(talk("Yes, I do.")))

        first = await bo.listen_and_act("Do you drink coffee?")
        second = await bo.listen_and_act("Do you drink tea?")
        unasked = await bo.act()

        assert [len(act.performed) for act in (first, second, unasked)] == [2, 2, 1]


class TestFaculties:
    async def test_what_an_action_brings_is_seen_within_the_same_act(self) -> None:
        bo, model = _bo(acts(does("LOOK_UP", content="tides")), acts(talk("High tide is at noon.")))
        bo.add_faculty(_looks_up({"tides": "High: 12:00\nLow: 18:10"}))

        act = await bo.act()

        assert [action.type for action in act.actions] == ["LOOK_UP", "TALK", "DONE"]
        assert act.calls == len(model.asked) == 2
        assert model.asked[1].memory == [
            "- You did LOOK_UP (content: tides)",
            "- LOOK_UP showed you:",
            "  | High: 12:00",
            "  | Low: 18:10",
        ]
        assert model.asked[0].request.sample != model.asked[1].request.sample
        assert model.asked[0].after.startswith("It is your turn.")
        assert model.asked[1].after.startswith("Your turn goes on")

    async def test_an_action_that_brings_nothing_to_see_asks_for_no_further_call(self) -> None:
        bo, model = _bo(acts(does("LOOK_UP", content="tides")))
        bo.add_faculty(_looks_up({"tides": None}))

        assert (await bo.act()).calls == len(model.asked) == 1

    async def test_there_are_at_most_max_rounds_calls(self) -> None:
        model = FakeModel(lambda asked: acts(does("LOOK_UP", content=str(asked.number))))
        bo = TinyPerson("Bo", mind=mind_of(model, settings=MindSettings(max_rounds=3)))
        bo.add_faculty(_looks_up({str(n): "nothing much" for n in range(9)}))

        act = await bo.act()

        assert act.calls == len(model.asked) == 3
        assert [action.type for action in act.actions] == ["LOOK_UP", "LOOK_UP", "LOOK_UP", "DONE"]

    async def test_the_limit_of_actions_holds_over_all_rounds(self) -> None:
        lookups = [does("LOOK_UP", content=str(n)) for n in range(3)]
        bo, model = _bo(acts(*lookups), acts(talk("That is enough.")), settings=MindSettings(max_actions=3))
        bo.add_faculty(_looks_up({str(n): "nothing much" for n in range(3)}))

        act = await bo.act()

        assert len(act.actions) == 4
        assert len(model.asked) == 1

    async def test_each_reply_of_an_act_may_hold_as_many_actions_as_its_prompt_says(self) -> None:
        talks = [talk(f"This is number {n}.") for n in range(4)]
        replies = [acts(does("LOOK_UP", content="tides")), acts(*talks[:3])]
        bo, model = _bo(*replies, replies[0], acts(*talks), settings=MindSettings(max_actions=3))
        bo.add_faculty(_looks_up({"tides": "high"}))

        assert len((await bo.act()).performed) == 5
        assert all("at most 3" in asked.system for asked in model.asked)
        with pytest.raises(CannotAct, match="at most 3 may stand before DONE, and there are 4"):
            await bo.act()

    async def test_an_action_that_fails_is_seen_and_on_record(self) -> None:
        bo, model = _bo(acts(does("LOOK_UP", content="stars")), acts(talk("The book is gone.")))
        bo.add_faculty(_looks_up({}))

        await bo.act()

        assert model.asked[1].memory[-1] == "- LOOK_UP showed you: LOOK_UP failed: the book is gone"
        [failure] = [event for event in bo.journal.events if event.kind is EventKind.FAILURE]
        assert (failure.reason, failure.call_key) == ("the book is gone", bo.mind.calls[0].key)

    async def test_each_action_names_the_reply_of_its_own_round(self) -> None:
        bo, _ = _bo(acts(does("LOOK_UP", content="tides")), acts(talk("High tide is at noon.")))
        bo.add_faculty(_looks_up({"tides": "high"}))

        act = await bo.act()

        first, second = [call.key for call in bo.mind.calls]
        assert [(event.type, event.call_key) for event in act.events] == [
            ("LOOK_UP", first),
            ("TALK", second),
            ("DONE", second),
        ]

    async def test_fields_of_an_action_reach_its_event_and_its_tool(self) -> None:
        processor = TinyWordProcessor()
        written = does("WRITE_DOCUMENT", title="Plan", content="# Plan\nRest.", author="Bo")
        bo, _ = _bo(acts(written))
        bo.add_faculty(ToolUseFaculty([processor]))

        act = await bo.act()

        assert act.events[0].details == {"title": "Plan", "author": "Bo"}
        assert act.events[0].content == "# Plan\nRest."
        assert [(one.title, one.author_id) for one in processor.documents] == [("Plan", "bo-lind")]
        assert bo.tools == (processor,)

    async def test_what_was_said_in_an_act_that_broke_off_reached_nobody(self) -> None:
        look_up = does("LOOK_UP", content="tides")
        bo, _ = _bo(acts(talk("Let me see."), look_up), ChatReply(ReplyStatus.REFUSED, reason="no"))
        bo.add_faculty(_looks_up({"tides": "high"}))

        with pytest.raises(CannotAct):
            await bo.act()

        said, looked, failed = bo.journal.events
        assert (said.status, said.reason) == ("undelivered", "the act broke off")
        assert (looked.status, failed.kind) == ("happened", "failure")
        assert [said.call_key, looked.call_key, failed.call_key] == [bo.mind.calls[n].key for n in (0, 0, 1)]

    def test_two_faculties_with_an_action_of_one_name_are_an_error(self) -> None:
        bo = TinyPerson("Bo").add_faculty(_looks_up({}))

        with pytest.raises(FixTheInput, match="LOOK_UP"):
            bo.add_faculty(_looks_up({}))


class TestQuestions:
    _QUESTION = ActQuestion(
        "Which ad is best?",
        {"ad": {"type": "integer", "enum": [1, 2]}, "why": {"type": "string"}},
        lambda answer: None if answer["why"] else "say why",
    )

    async def test_a_question_is_asked_and_answered_in_the_one_call_of_the_act(self) -> None:
        bo, model = _bo(acts(talk("The second."), answers={"ad": 2, "why": "It is short."}))

        act = await bo.act(extra=self._QUESTION)

        assert act.answer == {"ad": 2, "why": "It is short."}
        assert act.actions[0].content == "The second."
        assert len(model.asked) == 1
        assert model.asked[0].after == "Which ad is best?"
        schema = model.asked[0].request.reply_schema
        assert schema is not None
        assert list(schema.schema["properties"]) == ["actions", "ad", "why", "cognitive_state"]

    async def test_an_answer_that_its_check_does_not_pass_is_no_answer(self) -> None:
        bo, _ = _bo(acts(answers={"ad": 2, "why": ""}))

        with pytest.raises(CannotAct, match="say why"):
            await bo.act(extra=self._QUESTION)

    async def test_equal_questions_share_one_schema_whatever_their_text(self) -> None:
        model = FakeModel(lambda asked: acts(answers={"ad": 1, "why": f"reason {asked.number}"}))
        for name in ("Ana", "Bo"):
            properties, check = self._QUESTION.properties, self._QUESTION.check
            question = ActQuestion(f"{name}, which ad is best?", properties, check)
            await TinyPerson(name, mind=mind_of(model)).act(extra=question)

        assert model.asked[0].request.reply_schema is model.asked[1].request.reply_schema

    async def test_an_act_without_a_question_has_no_answer(self) -> None:
        bo, _ = _bo()

        assert (await bo.act()).answer == {}

    def test_a_question_cannot_take_the_name_of_a_part_of_the_act(self) -> None:
        with pytest.raises(FixTheInput, match="actions"):
            ActQuestion("Which?", {"actions": {"type": "string"}})
