"""Acts that are checked before they happen."""

from __future__ import annotations

from typing import Any

from tests.doubles.minds import Asked, FakeModel, Said, acts, does, mind_of, talk
from troupe_batch.llm.chat import ChatReply, ReplyStatus
from troupe_batch.simulation.acting.faculties import ActionSpec, CustomFaculty, FacultyFailed
from troupe_batch.simulation.mind import MindSettings
from troupe_batch.simulation.person.person import TinyPerson
from troupe_batch.simulation.record.events import Action, EventKind


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


class TestQuality:
    _SETTINGS = MindSettings(checks_quality=True, quality_attempts=2, quality_threshold=5)

    @staticmethod
    def _scores(value: int) -> dict[str, Any]:
        claims = ("persona_adherence", "self_consistency", "fluency", "suitability")
        return {name: {"value": value, "justification": f"found {value}", "confidence": 0.5} for name in claims}

    def _judged(self, *values: int) -> tuple[TinyPerson, FakeModel]:
        scores = iter(values)

        def say(asked: Asked) -> Said:
            return acts(talk(f"Attempt {len(model.acts)}."), emotions=f"after {asked.number}")

        model = FakeModel(say, others={"act_scores": lambda _: self._scores(next(scores))})
        return TinyPerson("Bo", mind=mind_of(model, settings=self._SETTINGS)), model

    async def test_an_act_that_passes_is_one_call_and_one_check(self) -> None:
        bo, model = self._judged(7)

        act = await bo.act()

        assert act.calls == len(model.asked) == 2
        assert (act.events[0].quality, act.events[0].attempts) == (7, 1)

    async def test_a_poor_act_never_happens_and_the_next_attempt_is_told_why(self) -> None:
        bo, model = self._judged(2, 8)

        act = await bo.act()

        assert [action.content for action in act.performed] == ["Attempt 2.", None]
        assert bo.transcript() == "Bo: Attempt 2."
        assert bo.mental_state.emotions == "after 2"
        assert "found 2" in model.acts[1].after
        assert (act.events[0].quality, act.events[0].attempts) == (8, 2)

    async def test_the_best_is_kept_and_the_budget_of_calls_holds(self) -> None:
        bo, model = self._judged(4, 3)

        act = await bo.act()

        assert act.performed[0].content == "Attempt 1."
        assert act.calls == len(model.asked) == 2 * self._SETTINGS.quality_attempts
        assert act.events[0].quality == 4
        assert len({asked.request.sample for asked in model.asked}) == 4

    async def test_further_rounds_of_an_act_share_its_budget_of_checks(self) -> None:
        said = [acts(does("LOOK_UP", content="tides")), acts(talk("High tide is at noon."))]
        model = FakeModel(said, others={"act_scores": lambda _: self._scores(9)})
        bo = TinyPerson("Bo", mind=mind_of(model, settings=MindSettings(checks_quality=True, quality_attempts=1)))
        bo.add_faculty(_looks_up({"tides": "high"}))

        act = await bo.act()

        assert [asked.schema for asked in model.asked] == ["act", "act_scores", "act"]
        assert [event.quality for event in act.events] == [9, None, None]

    async def test_the_end_of_an_act_holds_what_each_claim_scored_and_why(self) -> None:
        bo, _ = self._judged(2, 8)

        act = await bo.act()

        found = {"score": 8, "justification": "found 8", "confidence": 0.5}
        claims = ("persona_adherence", "self_consistency", "fluency", "suitability")
        assert [event.details for event in act.events] == [{}, dict.fromkeys(claims, found)]
        assert "found 8" not in bo.transcript()

    async def test_what_was_scored_first_is_told_where_later_rounds_are_not(self) -> None:
        said = [acts(does("LOOK_UP", content="tides")), acts(talk("High tide is at noon."))]
        model = FakeModel(said, others={"act_scores": lambda _: self._scores(9)})
        bo = TinyPerson("Bo", mind=mind_of(model, settings=MindSettings(checks_quality=True, quality_attempts=1)))
        bo.add_faculty(_looks_up({"tides": "high"}))

        act = await bo.act()

        assert [event.details["fluency"]["score"] for event in act.events if event.type == "DONE"] == [9]

    async def test_an_act_that_cannot_be_judged_happens_unscored_and_the_reason_is_on_record(self) -> None:
        refused = ChatReply(ReplyStatus.REFUSED, reason="no")
        model = FakeModel(None, others={"act_scores": lambda _: refused})
        bo = TinyPerson("Bo", mind=mind_of(model, settings=self._SETTINGS))

        act = await bo.act()

        assert act.events[0].quality is None
        assert act.events[-1].details == {}
        [failure] = [event for event in bo.journal.events if event.kind is EventKind.FAILURE]
        assert (failure.type, failure.reason) == ("QUALITY_CHECK", "refused: no")
        assert [event.call_key for event in (act.events[0], failure)] == [call.key for call in bo.mind.calls]

    async def test_actions_name_the_attempt_that_happened(self) -> None:
        bo, _ = self._judged(4, 3)

        act = await bo.act()

        assert {event.call_key for event in act.events} == {act.reply_key} == {bo.mind.calls[0].key}

    async def test_without_checks_there_is_no_call_beside_the_act(self) -> None:
        bo, model = _bo(acts(talk("Hello there, you all.")))

        act = await bo.act()

        assert [asked.schema for asked in model.asked] == ["act"]
        assert (act.events[0].quality, act.events[0].attempts) == (None, 1)
