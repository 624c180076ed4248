"""Choice: one of several labels, named or stated as chances.

A label k has log-odds `log(base_k) + shifts + position`, and its probability is their softmax; then the don't-know rate
is taken off all labels alike and given to the don't-know label, where that is shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from troupe_batch.seeded import DrawStream, weighted_index
from troupe_batch.truths.labels import (
    LogOdds,
    LogOddsByLabel,
    Position,
    Weight,
    add_position,
    by_label,
    check_labels,
    labels_of_enum,
    labels_of_object,
    log_weights,
    odds_of,
    unknown_label,
)
from troupe_batch.truths.truth import AnswerMaker, QuestionTruth, SchemaNode, Shift, Situation, TextFacts, without_null


class ChoiceShift(Shift):
    """A shift of a choice or a rating."""

    slope: LogOdds = Field(default=0.0, description="Log-odds per step along `base`, upwards when positive.")
    labels: LogOddsByLabel = Field(default_factory=dict, description="Log-odds added to single labels.")


class ChoiceQuestion(QuestionTruth):
    """A single choice or a rating; as words or as stated probabilities."""

    type: Literal["choice"]
    base: Annotated[dict[str, Weight], BeforeValidator(by_label)] = Field(
        min_length=1, description="Weight of each label before any shift, in the order of the scale."
    )
    shifts: list[ChoiceShift] = Field(default_factory=list, description="What persona and material change.")
    position: dict[Position, LogOdds] = Field(
        default_factory=dict, description="Log-odds by the place at which a label is shown: first, last, or 1, 2, 3 …"
    )

    @model_validator(mode="after")
    def _labels_are_known(self) -> ChoiceQuestion:
        if not any(self.base.values()):
            raise ValueError("base: at least one label needs a weight above 0")
        check_labels(self.base, [shift.labels for shift in self.shifts], self.dont_know)
        return self

    @classmethod
    def plain_maker(cls, question_id: str, node: SchemaNode) -> AnswerMaker | None:  # noqa: ARG003 -- all are shown alike
        """Chances that sum to 100."""
        labels = _stated_in(node)
        if labels is None:
            return None

        def make(_situation: Situation, draws: DrawStream) -> dict[str, int]:
            weights = [draws.uniform() + 0.01 for _ in labels]
            total = sum(weights)
            return dict(zip(labels, percentages([weight / total for weight in weights]), strict=True))

        return make

    def maker(self, question_id: str, node: SchemaNode) -> AnswerMaker | None:
        """One label, drawn; or the chance of each, in whole percent."""
        if labels := labels_of_enum(node):
            return self._picking(question_id, labels)
        labels = _stated_in(node)
        return None if labels is None else self._stating(question_id, labels)

    def field_maker(self, name: str, node: SchemaNode) -> AnswerMaker | None:
        """Also yes or no, and null where it says don't know."""
        core = without_null(node)
        is_yes_no = core.get("type") == "boolean"
        labels = ["yes", "no"] if is_yes_no else labels_of_enum(core)
        if not labels:
            return self.maker(name, node)
        pick = self._picking(name, labels)
        rate = self.dont_know.rate if self.dont_know and core is not node else 0.0

        def make(situation: Situation, draws: DrawStream) -> str | bool | None:
            if draws.uniform() < rate:
                return None
            label: str = pick(situation, draws)
            return label == "yes" if is_yes_no else label

        return make

    def problem(self, labels: Sequence[str]) -> str | None:
        """A label that it does not know."""
        return unknown_label(labels, self.base, self.dont_know)

    def shares(self, facts: TextFacts, material: str, shown: Sequence[str]) -> dict[str, float]:
        """Sums to 1, don't know included where it is shown."""
        return dict(zip(shown, self._probabilities(facts, material, shown), strict=True))

    def _probabilities(self, facts: TextFacts, material: str, shown: Sequence[str]) -> list[float]:
        """The probability of each label, in the order shown; sums to 1."""
        log_odds = list(self._log_base)
        for shift, effects in self._effects:
            if shift.holds(facts, material):
                log_odds = [a + b for a, b in zip(log_odds, effects, strict=True)]
        dont_know = self.dont_know.label if self.dont_know else None
        substantive = [log_odds[self._steps[label]] for label in shown if label != dont_know]
        add_position(substantive, self.position)
        # All shown labels may have weight 0 in the base when only some of them are shown.
        odds = odds_of(substantive)
        rate = self.dont_know.rate if self.dont_know and dont_know in shown else 0.0
        scale = (1.0 - rate) / sum(odds) if odds else 0.0
        answers = iter(odds)
        return [rate if label == dont_know else next(answers) * scale for label in shown]

    def _picking(self, question_id: str, labels: Sequence[str]) -> AnswerMaker:
        self.reject_unknown(question_id, labels)

        def make(situation: Situation, draws: DrawStream) -> str:
            shown = situation.shown(question_id, labels)
            chances = self._probabilities(situation.facts, situation.material, shown)
            return shown[weighted_index(chances, draws.uniform())]

        return make

    def _stating(self, question_id: str, labels: Sequence[str]) -> AnswerMaker:
        self.reject_unknown(question_id, labels)

        def make(situation: Situation, _draws: DrawStream) -> dict[str, int]:
            shown = situation.shown(question_id, labels)
            chances = percentages(self._probabilities(situation.facts, situation.material, shown))
            stated = dict(zip(shown, chances, strict=True))
            return {label: stated[label] for label in labels}

        return make

    @cached_property
    def _steps(self) -> dict[str, int]:
        return {label: index for index, label in enumerate(self.base)}

    @cached_property
    def _log_base(self) -> tuple[float, ...]:
        return tuple(log_weights(self.base).values())

    @cached_property
    def _effects(self) -> tuple[tuple[ChoiceShift, tuple[float, ...]], ...]:
        """What each shift adds to each label; its slope is centred on the middle of the scale."""
        middle = (len(self.base) - 1) / 2
        return tuple(
            (one, tuple(one.slope * (k - middle) + one.labels.get(label, 0.0) for label, k in self._steps.items()))
            for one in self.shifts
        )


def percentages(probabilities: Sequence[float]) -> list[int]:
    """The probabilities in whole percent that sum to exactly 100 (largest remainders)."""
    exact = [100 * p for p in probabilities]
    whole = [int(value) for value in exact]
    by_remainder = sorted(range(len(exact)), key=lambda index: whole[index] - exact[index])
    for index in by_remainder[: 100 - sum(whole)]:
        whole[index] += 1
    return whole


def _stated_in(node: SchemaNode) -> list[str] | None:
    """The labels where a schema asks for the chance of each in percent."""
    return labels_of_object(
        node, lambda p: p.get("type") == "integer" and p.get("maximum") == 100 and p.get("minimum") == 0
    )
