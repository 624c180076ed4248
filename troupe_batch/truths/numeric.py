"""Number: drawn, shifted, then kept within the bounds of the question and rounded."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cached_property
from statistics import NormalDist
from typing import Annotated, Literal

from pydantic import Field, model_validator

from troupe_batch.seeded import DrawStream
from troupe_batch.truths.numbers import is_within, number_maker
from troupe_batch.truths.truth import (
    AnswerMaker,
    Finite,
    QuestionTruth,
    SchemaNode,
    Shift,
    Situation,
    TextFacts,
    without_null,
)

_STANDARD_NORMAL = NormalDist()


class NumberShift(Shift):
    """A shift of a numeric question: the number is first multiplied, then added to."""

    times: float = Field(default=1.0, gt=0, description="Factor on the number.")
    add: Finite = Field(default=0.0, description="Added to the number.")


class NumericQuestion(QuestionTruth):
    """A number; drawn, shifted, then kept within the bounds of the question and rounded."""

    type: Literal["numeric"]
    distribution: Literal["normal", "lognormal", "uniform"] = Field(description="Shape before any shift.")
    mean: Finite | None = Field(default=None, description="normal: the mean.")
    sd: Annotated[float, Field(gt=0)] | None = Field(default=None, description="normal: the standard deviation.")
    median: Annotated[float, Field(gt=0)] | None = Field(default=None, description="lognormal: the median.")
    sigma: Annotated[float, Field(gt=0, le=10)] | None = Field(default=None, description="lognormal: sd of the log.")
    low: Finite | None = Field(default=None, description="uniform: the lower end.")
    high: Finite | None = Field(default=None, description="uniform: the upper end.")
    decimals: Annotated[int, Field(ge=0, le=9)] = Field(default=2, description="Rounded to so many places.")
    shifts: list[NumberShift] = Field(default_factory=list, description="What persona and material change.")

    @model_validator(mode="after")
    def _has_its_parameters(self) -> NumericQuestion:
        needed = {"normal": ("mean", "sd"), "lognormal": ("median", "sigma"), "uniform": ("low", "high")}
        for shape, names in needed.items():
            for name in names:
                is_given = getattr(self, name) is not None
                if is_given and shape != self.distribution:
                    raise ValueError(f"`{name}` belongs to {shape}, and distribution is {self.distribution}")
                if not is_given and shape == self.distribution:
                    raise ValueError(f"distribution {shape} needs `{name}`")
        if self.low is not None and self.high is not None and self.low >= self.high:
            raise ValueError("`low` must be below `high`")
        return self

    def maker(self, question_id: str, node: SchemaNode) -> AnswerMaker | None:  # noqa: ARG002 -- all are asked alike
        """A number within the bounds of the schema, or null."""
        core = without_null(node)
        if core.get("type") not in ("number", "integer") or "enum" in core:
            return None
        rate = self.dont_know.rate if self.dont_know and core is not node else 0.0
        decimals = None if core.get("type") == "integer" else self.decimals
        valid = number_maker(core)

        def make(situation: Situation, draws: DrawStream) -> float | None:
            if draws.uniform() < rate:
                return None
            number = self.quantile(situation.facts, situation.material, draws.uniform())
            number = round(min(max(number, core.get("minimum", number)), core.get("maximum", number)), decimals)
            # Rounding or an exclusive bound can leave the range; then the schema wins over the behaviour.
            return number if is_within(number, core) and "multipleOf" not in core else valid(draws)

        return make

    def quantile(self, facts: TextFacts, material: str, u: float) -> float:
        """The number below which a share `u` of such people answer, before bounds and rounding."""
        number = self._quantiles(min(max(u, 1e-12), 1 - 1e-12))
        for shift in self.shifts:
            if shift.holds(facts, material):
                number = number * shift.times + shift.add
        return number

    @cached_property
    def _quantiles(self) -> Callable[[float], float]:
        # The validator above has made sure that the parameters of its shape are there.
        if self.mean is not None and self.sd is not None:
            return NormalDist(self.mean, self.sd).inv_cdf
        if self.median is not None and self.sigma is not None:
            median, sigma = self.median, self.sigma
            return lambda u: median * math.exp(sigma * _STANDARD_NORMAL.inv_cdf(u))
        low, high = self.low or 0.0, self.high or 0.0
        return lambda u: low + (high - low) * u
