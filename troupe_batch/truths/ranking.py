"""Ranking: labels in order, one place after the other (Plackett 1975, Luce 1959).

A label k has log-odds `log(base_k) + shifts + position`. Each place is filled by a draw among the labels that are left,
with probabilities that are the softmax of theirs.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from troupe_batch.seeded import DrawStream, weighted_index
from troupe_batch.truths.labels import (
    LogOdds,
    Position,
    Weight,
    add_position,
    by_label,
    check_labels,
    labels_of_enum,
    log_weights,
    odds_of,
    unknown_label,
)
from troupe_batch.truths.multi import OptionShift
from troupe_batch.truths.truth import (
    SOME_DONT_KNOW,
    AnswerMaker,
    QuestionTruth,
    SchemaNode,
    Situation,
    TextFacts,
    without_null,
)


class RankingQuestion(QuestionTruth):
    """A ranking; each place is drawn among the options that are left, by their worth."""

    type: Literal["ranking"]
    base: Annotated[dict[str, Weight], BeforeValidator(by_label)] = Field(
        min_length=1, description="Worth of each option before any shift; 3 is put before 1 by three in four."
    )
    shifts: list[OptionShift] = Field(default_factory=list, description="What persona and material change.")
    position: dict[Position, LogOdds] = Field(
        default_factory=dict, description="Log-odds by the place at which an option is shown: first, last, or 1, 2 …"
    )

    @model_validator(mode="after")
    def _labels_are_known(self) -> RankingQuestion:
        if not any(self.base.values()):
            raise ValueError("base: at least one option needs a worth above 0")
        check_labels(self.base, [shift.options for shift in self.shifts], self.dont_know)
        return self

    @classmethod
    def plain_maker(cls, question_id: str, node: SchemaNode) -> AnswerMaker | None:  # noqa: ARG003 -- all are shown alike
        """Any order, as a schema cannot say that no option stands twice."""
        names, places = _ranked_in(node)
        rate = SOME_DONT_KNOW if without_null(node) is not node else 0.0

        def make(_situation: Situation, draws: DrawStream) -> list[str] | None:
            return None if draws.uniform() < rate else _drawn_order(dict.fromkeys(names, 0.0), places, draws)

        return make if names else None

    def maker(self, question_id: str, node: SchemaNode) -> AnswerMaker | None:
        """The places one after the other, or null."""
        names, places = _ranked_in(node)
        if not names:
            return None
        self.reject_unknown(question_id, names)
        rate = self.dont_know.rate if self.dont_know and without_null(node) is not node else 0.0

        def make(situation: Situation, draws: DrawStream) -> list[str] | None:
            if draws.uniform() < rate:
                return None
            shown = situation.shown(question_id, names)
            log_odds = self._log_odds(situation.facts, situation.material, shown)
            return _drawn_order(dict(zip(shown, log_odds, strict=True)), places, draws)

        return make

    def problem(self, labels: Sequence[str]) -> str | None:
        """An option that it does not know."""
        return unknown_label(labels, self.base, self.dont_know)

    def shares(self, facts: TextFacts, material: str, shown: Sequence[str]) -> dict[str, float]:
        """The share that puts each option first, don't-know answers (who put none there) included in the base."""
        odds = odds_of(self._log_odds(facts, material, shown))
        scale = (1.0 - (self.dont_know.rate if self.dont_know else 0.0)) / sum(odds)
        return {option: value * scale for option, value in zip(shown, odds, strict=True)}

    def _log_odds(self, facts: TextFacts, material: str, shown: Sequence[str]) -> list[float]:
        active = [shift.options for shift in self.shifts if shift.holds(facts, material)]
        log_odds = [self._log_base[option] + sum(e.get(option, 0.0) for e in active) for option in shown]
        add_position(log_odds, self.position)
        return log_odds

    @cached_property
    def _log_base(self) -> dict[str, float]:
        return log_weights(self.base)


def _drawn_order(log_odds: dict[str, float], places: int, draws: DrawStream) -> list[str]:
    """So many of the options, the best first."""
    left, ranked = dict(log_odds), list[str]()
    while len(ranked) < places:
        ranked.append(list(left)[weighted_index(odds_of([*left.values()]), draws.uniform())])
        del left[ranked[-1]]
    return ranked


def _ranked_in(node: SchemaNode) -> tuple[list[str], int]:
    """The options, and how many places a schema wants filled with them; none for any other schema."""
    core = without_null(node)
    items, places = core.get("items"), core.get("minItems", 0)
    names = labels_of_enum(items) if core.get("type") == "array" and isinstance(items, dict) else None
    return (names, places) if names and 0 < places <= len(names) and places == core.get("maxItems") else ([], 0)
