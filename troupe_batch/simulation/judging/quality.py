"""Acts that are scored before they happen, and made anew while they are too poor, within a fixed number of calls."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Generic, TypeVar

from troupe_batch.errors import RecordAndGoOn
from troupe_batch.llm.chat import ReplySchema, strict_object
from troupe_batch.persona.block import one_line, with_text
from troupe_batch.simulation.judging.judging import asked, disarmed, question, verdict
from troupe_batch.simulation.judging.propositions import HIGHEST_SCORE
from troupe_batch.simulation.mind import Mind
from troupe_batch.simulation.people import Person
from troupe_batch.simulation.record.events import Action, ActionKind
from troupe_batch.simulation.record.transcript import cut

PURPOSE = "judge:act"

# What an act is scored by. Worded for what somebody is about to do, unlike the propositions of the same names.
ACT_CLAIMS: Mapping[str, str] = {
    "persona_adherence": "This person would say and do this, in these words: it fits who they are, and it is as "
    "particular as they are.",
    "self_consistency": "It fits what they said, thought and did before; a change of mind has a reason that can be "
    "seen.",
    "fluency": "It reads like a living human being, and repeats neither the person's own earlier words nor those of "
    "others.",
    "suitability": "It answers to what just happened and to what they are after, and carries out what was asked of "
    "them if they mean to.",
}

_SCORE = {"type": "integer", "minimum": 0, "maximum": HIGHEST_SCORE}
_SCHEMA = ReplySchema("act_scores", strict_object({name: verdict(_SCORE) for name in ACT_CLAIMS}))
_LINES_SEEN = 40

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Score:
    """Score of how true one claim is of an act (0 to 9), why, and how sure the judge is (0 to 1)."""

    value: int
    justification: str
    confidence: float


@dataclass(frozen=True, slots=True)
class Scores:
    """The scores of one act by the name of the claim. The poorest of them is the quality of the act."""

    by_claim: Mapping[str, Score]
    call_key: str | None = None

    @property
    def lowest(self) -> int:
        """The poorest score."""
        return min(score.value for score in self.by_claim.values())

    @property
    def total(self) -> int:
        """The sum of the scores, to choose between acts whose poorest scores are equal."""
        return sum(score.value for score in self.by_claim.values())

    def as_details(self) -> Mapping[str, Mapping[str, str | float]]:
        """What each claim scored, why, and how sure the judge was, as they go on record."""
        return {
            name: {"score": score.value, "justification": score.justification, "confidence": score.confidence}
            for name, score in self.by_claim.items()
        }

    def feedback(self, threshold: int) -> str:
        """What was found wanting, for the prompt of the next attempt: a line for each score below the threshold."""
        return "\n".join(
            f"- {name.replace('_', ' ')}: {one_line(score.justification)}"
            for name, score in self.by_claim.items()
            if score.value < threshold
        )


@dataclass(frozen=True, slots=True)
class BestAttempt(Generic[T]):
    """The best of several attempts. `scores` is None, and `unscored_because` says why, where it could not be judged.

    `unscored_call_key` is the hex key of the reply that was no judgement, None where no reply came.
    `attempts` counts the attempts that brought an act; `all_scores` those that were judged, in order.
    """

    value: T
    attempts: int
    scores: Scores | None
    all_scores: tuple[Scores, ...] = ()
    unscored_because: str | None = None
    unscored_call_key: str | None = None


async def judged(person: Person, actions: Sequence[Action], mind: Mind, draw: str) -> Scores:
    """The scores of what the person is about to do: one call for all claims. CannotAct where the reply is unusable."""
    happened = disarmed(cut(person.transcript(), 0, _LINES_SEEN))
    about_to = "\n".join(_action_line(action) for action in actions if action.type != ActionKind.DONE)
    messages = question(
        "judge_act",
        _claims(),
        person.block,
        f"<material>\n## What the person saw, heard and did lately\n{happened or '(nothing yet)'}",
        f"## What the person is about to do\n{about_to or '(nothing)'}\n</material>",
        premise=mind.premise,
    )
    reply, key = await asked(mind, PURPOSE, messages, _SCHEMA, draw=draw)
    return Scores({name: _score(reply.value[name]) for name in ACT_CLAIMS}, key)


async def best_of(
    generate: Callable[[int, str | None], Awaitable[T]],
    judge: Callable[[T, int], Awaitable[Scores]],
    *,
    attempts: int,
    threshold: int,
) -> BestAttempt[T]:
    """The first attempt that has no score below `threshold`, else the best of all attempts.

    `generate(number, feedback)` and `judge(made, number)` are awaited at most `attempts` times each, so where each of
    them is one call there are at most `2 * attempts`. Feedback is None for attempt 0. Nothing may have happened yet to
    what is generated: all but one are dropped.

    A first attempt that fails is the caller's error. One that fails later, or cannot be judged, ends the search with
    the best that was scored, else with what there is, unscored. StopTheJob and TryAgain errors always propagate.
    """
    made = await generate(0, None)
    tried: list[tuple[T, Scores]] = []
    number = 0
    while True:
        try:
            scores = await judge(made, number)
            tried.append((made, scores))
            if scores.lowest >= threshold or number + 1 >= attempts:
                return _best(tried, number + 1)
            made = await generate(number + 1, scores.feedback(threshold))
            number += 1
        except RecordAndGoOn as error:
            if tried:
                return _best(tried, number + 1)
            return BestAttempt(made, number + 1, None, (), str(error) or type(error).__name__, error.call_key)


def _best(tried: Sequence[tuple[T, Scores]], attempts: int) -> BestAttempt[T]:
    # The earlier of two equals: it was made without being told what to say otherwise.
    value, scores = max(tried, key=lambda one: (one[1].lowest, one[1].total))
    return BestAttempt(value, attempts, scores, tuple(scores for _, scores in tried))


def _score(said: Mapping[str, Any]) -> Score:
    return Score(int(said["value"]), said["justification"].strip(), float(said["confidence"]))


@cache
def _claims() -> str:
    return "<claims>\n" + "\n".join(f"- {name}: {claim}" for name, claim in ACT_CLAIMS.items()) + "\n</claims>"


def _action_line(action: Action) -> str:
    target = f" to {action.target}" if action.target else ""
    fields = [action.content or "", *[f"{name}: {value}" for name, value in action.details.items()]]
    return disarmed(with_text(f"- {action.type}{target}", "; ".join(filter(None, fields))))
