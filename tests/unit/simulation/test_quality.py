"""Scores of acts, and the search for a good one within a fixed number of calls."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from tests.doubles.minds import FakeModel, mind_of, people
from troupe_batch.errors import BudgetSpent, CannotAct, GaveUp
from troupe_batch.rehearsal.strict_schema import check_strict
from troupe_batch.simulation.judging.quality import ACT_CLAIMS, BestAttempt, Score, Scores, best_of, judged
from troupe_batch.simulation.record.events import Action

ACTIONS = (Action("THINK", "Late again."), Action("TALK", "I am off.", "Bo"), Action("DONE"))


def scored(*values: int) -> dict[str, Any]:
    return {
        name: {"justification": f"why {name}", "value": value, "confidence": 0.5}
        for name, value in zip(ACT_CLAIMS, values, strict=True)
    }


def scores(*values: int) -> Scores:
    return Scores({name: Score(value, f"why {name}", 0.5) for name, value in zip(ACT_CLAIMS, values, strict=True)})


class Attempts:
    """Generates a, b, c ... and scores them as told; counts both kinds of calls and keeps the feedback."""

    def __init__(self, *outcomes: Scores | Exception, fails_to_generate: Sequence[int] = ()) -> None:
        self.feedback: list[str | None] = []
        self.judged: list[str] = []
        self._outcomes = list(outcomes)
        self._fails = fails_to_generate

    async def generate(self, number: int, feedback: str | None) -> str:
        self.feedback.append(feedback)
        if number in self._fails:
            raise GaveUp(f"attempt {number} failed")
        return "abcdef"[number]

    async def judge(self, made: str, number: int) -> Scores:
        assert made == "abcdef"[number]
        self.judged.append(made)
        outcome = self._outcomes[number]
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    async def best(self, *, attempts: int = 3, threshold: int = 5) -> BestAttempt[str]:
        return await best_of(self.generate, self.judge, attempts=attempts, threshold=threshold)

    @property
    def calls(self) -> int:
        return len(self.feedback) + len(self.judged)


async def test_an_act_is_scored_on_every_claim_by_one_call() -> None:
    model = FakeModel(others={"act_scores": lambda _asked: scored(9, 4, 7, 8)})
    [person] = people("Ana", mind=mind_of(model))
    person.define("occupation", "baker").listen("Stay a little.", "Bo")

    found = await judged(person, ACTIONS, person.mind, "draw-1")

    [asked] = model.asked
    assert {name: score.value for name, score in found.by_claim.items()} == dict(
        zip(ACT_CLAIMS, (9, 4, 7, 8), strict=True)
    )
    assert (found.lowest, found.total, found.call_key) == (4, 28, person.mind.calls[0].key)
    assert asked.request.sample == "draw-1"
    assert asked.request.reply_schema is not None
    check_strict(dict(asked.request.reply_schema.schema))


async def test_the_judge_sees_claims_person_past_and_what_is_about_to_happen_in_this_order() -> None:
    model = FakeModel(others={"act_scores": lambda _asked: scored(9, 9, 9, 9)})
    [person] = people("Ana", mind=mind_of(model))
    person.define("occupation", "baker").listen("Stay a little.", "Bo")

    await judged(person, ACTIONS, person.mind, "0")

    text = model.asked[0].text
    places = [text.index(part) for part in (ACT_CLAIMS["fluency"], "occupation: baker", "Stay a little.", "I am off.")]
    assert places == sorted(places)
    assert "- TALK to Bo: I am off." in text
    assert "DONE" not in text


async def test_a_score_that_cannot_be_read_is_an_error() -> None:
    model = FakeModel(others={"act_scores": lambda _asked: scored(9, 9, 9, 10)})
    [person] = people("Ana", mind=mind_of(model))

    with pytest.raises(CannotAct):
        await judged(person, ACTIONS, person.mind, "0")


async def test_a_good_first_attempt_costs_two_calls() -> None:
    tries = Attempts(scores(5, 9, 9, 9))

    best = await tries.best()

    assert (best.value, best.attempts, tries.calls) == ("a", 1, 2)
    assert best.scores == scores(5, 9, 9, 9)


async def test_poor_attempts_end_at_twice_the_attempts_in_calls_and_the_best_is_kept() -> None:
    tries = Attempts(scores(2, 9, 9, 9), scores(4, 4, 4, 4), scores(3, 9, 9, 9))

    best = await tries.best(attempts=3)

    assert (best.value, best.attempts, tries.calls) == ("b", 3, 6)
    assert best.scores == scores(4, 4, 4, 4)
    assert [one.lowest for one in best.all_scores] == [2, 4, 3]


@pytest.mark.parametrize("attempts", [1, 2, 5])
async def test_no_number_of_attempts_makes_more_calls_than_stated(attempts: int) -> None:
    tries = Attempts(*[scores(0, 0, 0, 0)] * 6)

    best = await tries.best(attempts=attempts)

    assert tries.calls == 2 * attempts
    assert best.attempts == attempts


async def test_of_equal_attempts_the_greater_sum_wins_and_then_the_earlier() -> None:
    assert (await Attempts(scores(3, 3, 3, 3), scores(3, 5, 3, 3)).best(attempts=2)).value == "b"
    assert (await Attempts(scores(3, 3, 3, 3), scores(3, 3, 3, 3)).best(attempts=2)).value == "a"


async def test_the_next_attempt_is_told_what_was_poor_and_nothing_else() -> None:
    tries = Attempts(scores(9, 4, 9, 0), scores(9, 9, 9, 9))

    await tries.best()

    assert tries.feedback[0] is None
    assert tries.feedback[1] == "- self consistency: why self_consistency\n- suitability: why suitability"


async def test_an_act_that_cannot_be_judged_is_kept_without_a_score_and_says_so() -> None:
    tries = Attempts(CannotAct("refused", "no"))

    best = await tries.best()

    assert (best.value, best.attempts, best.scores) == ("a", 1, None)
    assert best.unscored_because == "refused: no"
    assert tries.calls == 2


async def test_a_later_failure_leaves_the_best_that_was_scored() -> None:
    unjudged = Attempts(scores(2, 2, 2, 2), GaveUp("busy"))
    unmade = Attempts(scores(2, 2, 2, 2), fails_to_generate=[1])

    first, second = await unjudged.best(), await unmade.best()

    assert (first.value, first.attempts, first.scores) == ("a", 2, scores(2, 2, 2, 2))
    assert (second.value, second.attempts, second.scores) == ("a", 1, scores(2, 2, 2, 2))


async def test_a_first_attempt_that_fails_and_a_spent_budget_are_the_callers() -> None:
    with pytest.raises(GaveUp):
        await Attempts(fails_to_generate=[0]).best()
    with pytest.raises(BudgetSpent):
        await Attempts(scores(2, 2, 2, 2), BudgetSpent("spent")).best()
