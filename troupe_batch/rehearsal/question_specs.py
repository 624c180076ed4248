"""Questions as a respondent file describes them: how often which answer comes, from whom, under which material."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from troupe_batch.rehearsal.conditions import Scalar, parse_condition
from troupe_batch.scalars import fact_of, label_of

PLACEHOLDER = re.compile(r"\{([^{}]*)\}")


def by_label(value: Any) -> Any:
    """The mapping by labels: see `label_of`; ValueError where two are the same text."""
    if not isinstance(value, dict):
        return value
    labelled = {label_of(key): item for key, item in value.items()}
    if len(labelled) < len(value):
        raise ValueError("two labels are the same text; remove one")
    return labelled


Label = Annotated[str, BeforeValidator(label_of)]
LogOdds = Annotated[float, Field(ge=-20, le=20, allow_inf_nan=False)]
Rate = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Weight = Annotated[float, Field(ge=0, le=1e9, allow_inf_nan=False)]
LogOddsByLabel = Annotated[dict[str, LogOdds], BeforeValidator(by_label)]
_Scalar = Annotated[Scalar, BeforeValidator(fact_of)]
Words = dict[str, Annotated[list[str], Field(min_length=1)]]


class Spec(BaseModel):
    """A part of a respondent file."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Scope(Spec):
    """For whom something holds: every condition of `when` must hold, and the material must contain the text."""

    when: dict[str, _Scalar | list[_Scalar]] = Field(
        default_factory=dict, description="Conditions on persona facts, all of which must hold; see docs/rehearsal.md."
    )
    material: str | None = Field(
        default=None, min_length=1, description="Holds where the shown material contains this text, whatever its case."
    )

    @field_validator("when")
    @classmethod
    def _conditions_are_readable(cls, when: dict[str, Scalar | list[Scalar]]) -> dict[str, Scalar | list[Scalar]]:
        for fact, written in when.items():
            try:
                parse_condition(written)
            except ValueError as error:
                raise ValueError(f"{fact}: {error}") from error
        return when


class Shift(Scope):
    """A scope that is not everybody: what holds for everybody belongs into the base."""

    @model_validator(mode="after")
    def _says_for_whom(self) -> Shift:
        if not self.when and self.material is None:
            raise ValueError("say for whom: give `when` (persona facts), `material` (text of the arm), or both")
        return self


class ChoiceShift(Shift):
    """A shift of a choice or a rating."""

    slope: LogOdds = Field(default=0.0, description="Log-odds per step along `base`, upwards when positive.")
    labels: LogOddsByLabel = Field(default_factory=dict, description="Log-odds added to single labels.")


class OptionShift(Shift):
    """A shift of a question with several answers."""

    options: LogOddsByLabel = Field(description="Log-odds added to single options.", min_length=1)


class NumberShift(Shift):
    """A shift of a numeric question: the number is first multiplied, then added to."""

    times: float = Field(default=1.0, gt=0, description="Factor on the number.")
    add: Finite = Field(default=0.0, description="Added to the number.")


class DontKnow(Spec):
    """How often "don't know" is answered where it is offered."""

    rate: Rate = Field(description="Share of respondents.")
    label: Label = Field(default="Don't know", min_length=1, description="The label as the question shows it.")


class _Question(Spec):
    dont_know: DontKnow | None = Field(default=None, description="How often and under which label.")
    refusal_rate: Rate = Field(default=0.0, description="Share of replies that refuse to answer at all.")


Position = Annotated[str, BeforeValidator(label_of), Field(pattern=r"^(first|last|[1-9][0-9]{0,2})$")]


class ChoiceQuestion(_Question):
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
        _check_labels(self.base, [(n, s.labels) for n, s in enumerate(self.shifts)], self.dont_know)
        return self


class MultiQuestion(_Question):
    """Several answers; each option is taken on its own probability."""

    type: Literal["multi"]
    base: Annotated[dict[str, Rate], BeforeValidator(by_label)] = Field(
        min_length=1, description="Probability of each option before any shift."
    )
    shifts: list[OptionShift] = Field(default_factory=list, description="What persona and material change.")
    position: dict[Position, LogOdds] = Field(
        default_factory=dict, description="Log-odds by the place at which an option is shown: first, last, or 1, 2 …"
    )

    exclusive: list[Label] = Field(
        default_factory=list, description="Options that rule out all others, such as none of these; drawn first."
    )

    @model_validator(mode="after")
    def _labels_are_known(self) -> MultiQuestion:
        for option in self.exclusive:
            if option not in self.base:
                raise ValueError(f"exclusive: {option!r} is no option of base; known: {', '.join(self.base)}")
        _check_labels(self.base, [(n, s.options) for n, s in enumerate(self.shifts)], self.dont_know)
        return self


class NumericQuestion(_Question):
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


class TextTemplate(Scope):
    """One way to answer in own words, and for whom; for everybody where no scope is given."""

    text: str = Field(min_length=1, max_length=4000, description="{fact} and {word list} are filled in.")


class TextQuestion(_Question):
    """An open question; one fitting template is taken and filled in."""

    type: Literal["text"]
    templates: list[TextTemplate | str] = Field(min_length=1, description="Texts, or {text, when, material}.")
    words: Words = Field(default_factory=dict, description="Lists to fill {name} from, one word at random.")

    @model_validator(mode="after")
    def _placeholders_are_names(self) -> TextQuestion:
        check_placeholders("templates", self.templates)
        return self


Question = Annotated[ChoiceQuestion | MultiQuestion | NumericQuestion | TextQuestion, Field(discriminator="type")]


def check_placeholders(place: str, templates: Sequence[TextTemplate | str]) -> None:
    """ValueError where a template has a placeholder without a name."""
    for number, template in enumerate(templates):
        text = template if isinstance(template, str) else template.text
        for name in PLACEHOLDER.findall(text):
            if not name.strip():
                raise ValueError(f"{place}[{number}]: {{}} is empty; name a fact or a word list in it")


def _check_labels(
    base: dict[str, float], shifts: list[tuple[int, dict[str, float]]], dont_know: DontKnow | None
) -> None:
    for number, labels in shifts:
        for label in labels:
            if label not in base:
                raise ValueError(f"shifts[{number}]: {label!r} is no label of base; known: {', '.join(base)}")
    if dont_know and dont_know.label in base:
        raise ValueError(f"{dont_know.label!r} stands in base and in dont_know; leave it out of base")
