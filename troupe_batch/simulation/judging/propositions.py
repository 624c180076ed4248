"""Claims about people and worlds that a model judges: true or not, or how true."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from troupe_batch.errors import FixTheInput
from troupe_batch.llm.chat import ReplySchema
from troupe_batch.simulation.arguments import a_text
from troupe_batch.simulation.judging.judging import (
    Judged,
    asked,
    digest,
    disarmed,
    id_of,
    material,
    mind_for,
    question,
    verdict,
    verdict_problem,
)
from troupe_batch.simulation.mind import Mind

HIGHEST_SCORE = 9
_CHECK = ReplySchema("check", verdict({"type": "boolean"}), verdict_problem)
_SCORE = ReplySchema("score", verdict({"type": "integer", "minimum": 0, "maximum": HIGHEST_SCORE}), verdict_problem)
_VARIABLE = re.compile(r"\{\{\s*([A-Za-z_]\w*)\s*\}\}")
_VACUOUS = "the precondition does not hold, so there is nothing that could be untrue"

V = TypeVar("V", bool, int)


@dataclass(frozen=True, slots=True)
class Judgement(Generic[V]):
    """Judgement of a claim by a model: true or false, or a score from 0 to 9; why; and how sure it is, 0 to 1.

    `is_vacuous`: the precondition did not hold, so nobody was asked and there is no `call_key`.
    """

    value: V
    justification: str
    confidence: float
    is_vacuous: bool = False
    call_key: str | None = None


class Proposition:
    """A claim about a person, several people or a world, judged by one call each time it is checked or scored.

    The claim may hold `{{variables}}`, which are given when it is judged. A judge sees what happened (`first_n` and
    `last_n` limit it to the first and last lines of each transcript), and with `include_persona` who the people are.
    Where `precondition(target)` is false the claim is true without a call, and its score 9: a rule about complaints is
    not broken by who never complains. `target` is judged where none is given later.

    The same question about the same material is the same draw, and a cache answers it; `repetition` names others.
    """

    def __init__(  # noqa: PLR0913 -- each is a property of its own, and only the first is needed
        self,
        claim: str,
        *,
        name: str | None = None,
        target: Judged | None = None,
        include_persona: bool = False,
        first_n: int | None = None,
        last_n: int | None = None,
        precondition: Callable[[Any], bool] | None = None,
    ) -> None:
        if not a_text(claim, "a claim").strip():
            raise FixTheInput("a proposition needs a claim; write what should be true")
        self.claim = claim.strip()
        self.name = name or f"claim-{digest(self.claim)}"
        self.target = target
        self.include_persona = include_persona
        self.first_n = first_n
        self.last_n = last_n
        self.precondition = precondition

    async def check(
        self, target: Judged | None = None, *, mind: Mind | None = None, repetition: int = 0, **variables: str
    ) -> bool:
        """Whether the claim is true. CannotAct where the reply is unusable; raises what the model raises."""
        return (await self.judge_check(target, mind=mind, repetition=repetition, **variables)).value

    async def score(
        self, target: Judged | None = None, *, mind: Mind | None = None, repetition: int = 0, **variables: str
    ) -> int:
        """How true the claim is, 0 to 9. CannotAct where the reply is unusable; raises what the model raises."""
        return (await self.judge_score(target, mind=mind, repetition=repetition, **variables)).value

    async def judge_check(
        self, target: Judged | None = None, *, mind: Mind | None = None, repetition: int = 0, **variables: str
    ) -> Judgement[bool]:
        """As `check`, with the justification and the confidence."""
        about, claim = self._about(target), self.claim_with(**variables)
        if not self._applies_to(about):
            return Judgement(value=True, justification=_VACUOUS, confidence=1.0, is_vacuous=True)
        said, key = await self._ask("check", claim, about, mind, repetition)
        return Judgement(bool(said["value"]), said["justification"].strip(), float(said["confidence"]), call_key=key)

    async def judge_score(
        self, target: Judged | None = None, *, mind: Mind | None = None, repetition: int = 0, **variables: str
    ) -> Judgement[int]:
        """As `score`, with the justification and the confidence."""
        about, claim = self._about(target), self.claim_with(**variables)
        if not self._applies_to(about):
            return Judgement(HIGHEST_SCORE, _VACUOUS, 1.0, is_vacuous=True)
        said, key = await self._ask("score", claim, about, mind, repetition)
        return Judgement(int(said["value"]), said["justification"].strip(), float(said["confidence"]), call_key=key)

    def claim_with(self, **variables: str) -> str:
        """The claim with its variables filled in; FixTheInput where one is missing or unknown."""
        wanted = set(_VARIABLE.findall(self.claim))
        if missing := sorted(wanted - variables.keys()):
            raise FixTheInput(f"the claim {self.name!r} needs a value for {missing[0]!r}; pass `{missing[0]}=…`")
        if unknown := sorted(variables.keys() - wanted):
            raise FixTheInput(f"the claim {self.name!r} has no variable {unknown[0]!r}; it has {sorted(wanted)}")
        return _VARIABLE.sub(lambda found: str(variables[found[1]]), self.claim)

    def __repr__(self) -> str:
        return f"Proposition({self.name!r})"

    def _about(self, target: Judged | None) -> Judged:
        about = target if target is not None else self.target
        if about is None:
            raise FixTheInput(f"whom is {self.name!r} about? Give a person, a list of people or a world")
        return about

    def _applies_to(self, target: Judged) -> bool:
        return self.precondition is None or bool(self.precondition(target))

    async def _ask(
        self, kind: str, claim: str, target: Judged, mind: Mind | None, repetition: int
    ) -> tuple[dict[str, Any], str]:
        judge = mind_for(target, mind)
        seen = material(target, include_persona=self.include_persona, first_n=self.first_n, last_n=self.last_n)
        messages = question(f"judge_{kind}", f"<claim>\n{disarmed(claim)}\n</claim>", seen, premise=judge.premise)
        draw = judge.draw_of(f"{kind}.{self.name}.{id_of(target)}", repetition)
        reply, key = await asked(
            judge, f"judge:{self.name}", messages, _CHECK if kind == "check" else _SCORE, draw=draw
        )
        return reply.value, key
