"""A truth that nobody knows but the union of truths: each place goes to what is left, by its weight."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from pydantic import Field

from troupe_batch.seeded import DrawStream, weighted_index
from troupe_batch.truths.labels import Weight, labels_of_enum, unknown_label
from troupe_batch.truths.truth import AnswerMaker, QuestionTruth, SchemaNode, Situation, TextFacts

_PLACES = 3


class PodiumQuestion(QuestionTruth):
    """Places for the three best."""

    type: Literal["podium"]
    base: dict[str, Weight] = Field(min_length=_PLACES, description="Weight of each option.")

    @classmethod
    def plain_maker(cls, question_id: str, node: SchemaNode) -> AnswerMaker | None:  # noqa: ARG003 -- all are shown alike
        """Three different options, each as likely."""
        labels = _ranked_in(node)
        return None if labels is None else _placing(dict.fromkeys(labels, 1.0))

    def maker(self, question_id: str, node: SchemaNode) -> AnswerMaker | None:
        """The three, by weight."""
        labels = _ranked_in(node)
        if labels is None:
            return None
        self.reject_unknown(question_id, labels)
        return _placing({label: self.base[label] for label in labels})

    def problem(self, labels: Sequence[str]) -> str | None:
        """An option that it does not know."""
        return unknown_label(labels, self.base, self.dont_know)

    def shares(self, facts: TextFacts, material: str, shown: Sequence[str]) -> dict[str, float]:  # noqa: ARG002
        """How often each stands first."""
        total = sum(self.base[label] for label in shown)
        return {label: self.base[label] / total for label in shown}


def _placing(weights: Mapping[str, float]) -> AnswerMaker:
    def make(_situation: Situation, draws: DrawStream) -> list[str]:
        left = dict(weights)
        placed: list[str] = []
        for _ in range(_PLACES):
            placed.append([*left][weighted_index([*left.values()], draws.uniform())])
            del left[placed[-1]]
        return placed

    return make


def _ranked_in(node: SchemaNode) -> list[str] | None:
    return labels_of_enum(node["items"]) if node.get("type") == "array" and node.get("maxItems") == _PLACES else None
