"""Multiple answers: yes or no for each of the options, or a list of those that were picked from very many."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from troupe_batch.seeded import DrawStream
from troupe_batch.truths.labels import (
    LogOdds,
    LogOddsByLabel,
    Position,
    add_position,
    by_label,
    check_labels,
    labels_of_enum,
    labels_of_object,
    unknown_label,
)
from troupe_batch.truths.truth import (
    SOME_DONT_KNOW,
    AnswerMaker,
    LabelText,
    QuestionTruth,
    Rate,
    SchemaNode,
    Shift,
    Situation,
    TextFacts,
)

_DONT_KNOW = "dont_know"
_SOME_ALONE = 0.15
_MOST_LISTED = 5
_VERY_MANY = 100
_RULES_OUT_OTHERS = re.compile(r"(none|never|nothing|neither|no one|not any)\b", re.IGNORECASE)


class OptionShift(Shift):
    """A shift of a question with several answers."""

    options: LogOddsByLabel = Field(description="Log-odds added to single options.", min_length=1)


class MultiQuestion(QuestionTruth):
    """Several answers; each option is taken on its own probability."""

    type: Literal["multi"]
    base: Annotated[dict[str, Rate], BeforeValidator(by_label)] = Field(
        min_length=1, description="Probability of each option before any shift."
    )
    shifts: list[OptionShift] = Field(default_factory=list, description="What persona and material change.")
    position: dict[Position, LogOdds] = Field(
        default_factory=dict, description="Log-odds by the place at which an option is shown: first, last, or 1, 2 …"
    )

    exclusive: list[LabelText] = Field(
        default_factory=list, description="Options that rule out all others, such as none of these; drawn first."
    )

    @model_validator(mode="after")
    def _labels_are_known(self) -> MultiQuestion:
        for option in self.exclusive:
            if option not in self.base:
                raise ValueError(f"exclusive: {option!r} is no option of base; known: {', '.join(self.base)}")
        check_labels(self.base, [shift.options for shift in self.shifts], self.dont_know)
        return self

    @classmethod
    def plain_maker(cls, question_id: str, node: SchemaNode) -> AnswerMaker | None:
        """Never don't know, or what rules out the others, beside another option."""
        if names := _ticked_in(node):
            return _ticking_at_random(question_id, names)
        names = _listed_in(node)
        return None if names is None else _listing_at_random(question_id, names)

    def maker(self, question_id: str, node: SchemaNode) -> AnswerMaker | None:
        """Each option drawn for itself."""
        if names := _ticked_in(node):
            return self._ticking(question_id, names)
        if names := _listed_in(node):
            ticking = self._ticking(question_id, names)
            return lambda situation, draws: [name for name, is_taken in ticking(situation, draws).items() if is_taken]
        return None

    def problem(self, labels: Sequence[str]) -> str | None:
        """An option that it does not know."""
        return unknown_label(labels, self.base, self.dont_know)

    def shares(self, facts: TextFacts, material: str, shown: Sequence[str]) -> dict[str, float]:
        """The share that takes each option in the end, don't-know answers (who take none) included in the base."""
        left = 1 - (self.dont_know.rate if self.dont_know else 0.0)
        chances = self._chances(facts, material, shown)
        shares = {}
        for option in self.exclusive:
            if option in chances:
                shares[option] = left * chances[option]
                left *= 1 - chances[option]
        return {option: shares.get(option, left * chance) for option, chance in chances.items()}

    def _chances(self, facts: TextFacts, material: str, shown: Sequence[str]) -> dict[str, float]:
        """The probability that each option is drawn, in the order shown, before exclusive options rule out others."""
        active = [shift.options for shift in self.shifts if shift.holds(facts, material)]
        log_odds = [self._log_odds[option] + sum(e.get(option, 0.0) for e in active) for option in shown]
        add_position(log_odds, self.position)
        return {option: _logistic(value) for option, value in zip(shown, log_odds, strict=True)}

    def _ticking(self, question_id: str, names: Sequence[str]) -> AnswerMaker:
        options = [name for name in names if name != _DONT_KNOW]
        self.reject_unknown(question_id, options)
        offers_dont_know = _DONT_KNOW in names
        rate = self.dont_know.rate if self.dont_know and offers_dont_know else 0.0

        def make(situation: Situation, draws: DrawStream) -> dict[str, bool]:
            shown = situation.shown(question_id, options)
            knows = draws.uniform() >= rate
            chances = self._chances(situation.facts, situation.material, shown)
            taken = self._taken(chances, draws, situation.stand_alone(question_id, options))
            answer = {option: taken[option] and knows for option in options}
            return {**answer, _DONT_KNOW: not knows} if offers_dont_know else answer

        return make

    def _taken(self, chances: Mapping[str, float], draws: DrawStream, ruled: Sequence[str]) -> dict[str, bool]:
        """Whether each option is taken; an exclusive one that is drawn stands alone, so does one of `ruled`."""
        drawn = {option: draws.uniform() < chance for option, chance in chances.items()}
        alone = next((option for option in (*self.exclusive, *ruled) if drawn.get(option)), None)
        return drawn if alone is None else {option: option == alone for option in drawn}

    @cached_property
    def _log_odds(self) -> dict[str, float]:
        return {option: _logit(p) for option, p in self.base.items()}


def _ticking_at_random(question_id: str, names: Sequence[str]) -> AnswerMaker:
    """Yes or no at even odds."""
    options = [name for name in names if name != _DONT_KNOW]

    def make(situation: Situation, draws: DrawStream) -> dict[str, bool]:
        exclusive = _alone(situation, question_id, options)
        drawn = {option: draws.uniform() < 0.5 for option in options}
        alone = next((option for option in exclusive if draws.uniform() < _SOME_ALONE), None)
        if len(names) > len(options) and draws.uniform() < SOME_DONT_KNOW:
            alone = _DONT_KNOW
        if alone is not None:
            return {name: name == alone for name in names}
        return {name: drawn.get(name, False) and name not in exclusive for name in names}

    return make


def _listing_at_random(question_id: str, names: Sequence[str]) -> AnswerMaker:
    """A few of many options."""

    def make(situation: Situation, draws: DrawStream) -> list[str]:
        exclusive = [*_alone(situation, question_id, names), *([_DONT_KNOW] if _DONT_KNOW in names else [])]
        options = [name for name in names if name not in exclusive]
        if exclusive and (draws.uniform() < _SOME_ALONE or not options):
            return [draws.choice(exclusive)]
        return list(dict.fromkeys(draws.choice(options) for _ in range(draws.below(_MOST_LISTED + 1))))

    return make


def _alone(situation: Situation, question_id: str, names: Sequence[str]) -> list[str]:
    """Options that rule out all others: those of which the prompt says so, and those whose wording does."""
    ruled = situation.stand_alone(question_id, names)
    return [name for name in names if name in ruled or _RULES_OUT_OTHERS.match(name)]


def _ticked_in(node: SchemaNode) -> list[str] | None:
    """The options where a schema asks for yes or no to each."""
    return labels_of_object(node, lambda p: p.get("type") == "boolean" and "enum" not in p and "const" not in p)


def _listed_in(node: SchemaNode) -> list[str] | None:
    """The options where a schema asks which of very many are picked, be it none or all."""
    items = node.get("items") if node.get("type") == "array" and "minItems" not in node else None
    names = labels_of_enum(items) if isinstance(items, dict) else None
    return names if names and len(names) > _VERY_MANY else None


def _logit(p: float) -> float:
    if p in (0.0, 1.0):
        return math.inf if p else -math.inf
    return math.log(p / (1 - p))


def _logistic(value: float) -> float:
    return 1 / (1 + math.exp(-value)) if value > -700 else 0.0
