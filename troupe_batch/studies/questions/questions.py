"""The five forms of a question, as they stand in a job file or are built in Python."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal, TypeAlias

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationInfo,
    field_validator,
)

from troupe_batch.spec_building import BuiltSpec
from troupe_batch.spec_files import did_you_mean
from troupe_batch.studies.questions.names_elsewhere import FLOW, FORMS, in_our_spelling
from troupe_batch.studies.questions.options import (
    MOST_OPTIONS,
    Elicitation,
    Label,
    Option,
    Order,
    Prose,
    as_labels_alone,
    repeated,
    with_codes,
)
from troupe_batch.studies.scales import Best
from troupe_batch.studies.values import ValueKind

# How a reply says "don't know" where options are gone through one by one, or named by code.
DONT_KNOW = "dont_know"
# A longer list is not gone through option by option, and no scale has so many steps.
MOST_ONE_BY_ONE = 100

# Two underscores join a question and a suffix in column names (`drinks__status`), so no id may hold them.
QuestionId: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[A-Za-z](_?[A-Za-z0-9])*$", max_length=60)]


# Columns that `responses` has beside those of the questions.
RESERVED_IDS = frozenset(
    {"arm", "is_rehearsal", "name", "person_id", "person_index", "replicate", "run_id"}
    | {"sample", "unit_id", "unit_index", "weight"}
)


def _checked_options(options: tuple[Option, ...]) -> tuple[Option, ...]:
    if again := repeated(option.label.casefold() for option in options):
        written = next(option.label for option in options if option.label.casefold() == again[0])
        raise ValueError(f"the label {written!r} stands twice (capitals do not count); make them differ")
    return with_codes(options)


Options: TypeAlias = Annotated[
    tuple[Option, ...],
    BeforeValidator(as_labels_alone),
    Field(min_length=2, max_length=MOST_OPTIONS),
    AfterValidator(_checked_options),
]
Labels: TypeAlias = Annotated[tuple[Label, ...], Field(max_length=MOST_OPTIONS)]
Bound: TypeAlias = Annotated[float, Field(ge=-1e15, le=1e15, allow_inf_nan=False)]

_ORDER = (
    "Order of the options: random, flip (forward or reversed) or fixed; drawn per person and replicate, and recorded."
)
_ANCHOR = "Options that keep their place in the list while the others move, for example [None of these]."
_DONT_KNOW = 'Offer this answer to people who have none, for example "Don\'t know"; it is always shown last.'
_ELICITATION = (
    "probabilities: the model states a chance per label and one seeded draw decides; pick: it names one label."
)
_BEST = (
    "Which end of the labels, as they stand here, is the most or the best: first or last. Without it there are boxes "
    "(top 2, bottom 2) only where the labels are numbers."
)
_OUTSIDE = (
    "Labels that are no steps of the scale, for example [Not applicable]: they keep their place in the list, and are "
    "in no mean, deviation or box. [] says that all labels are steps."
)


def _is_none(value: object) -> bool:
    return value is None


class _Question(BuiltSpec):
    model_config = ConfigDict(frozen=True, extra="forbid")

    names_elsewhere: ClassVar[Mapping[str, str]] = FLOW

    id: QuestionId = Field(description="Name of the question and of its column: letters, digits, single underscores.")
    text: Prose = Field(description="The question as people read it.")


def _labels_before(info: ValidationInfo) -> list[str]:
    """The labels that were read before this field; none where they themselves were wrong."""
    options: tuple[Option, ...] = info.data.get("options") or info.data.get("labels") or ()
    return [option.label for option in options]


def _are_options(named: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
    labels = _labels_before(info)
    for label in named:
        if labels and label not in labels:
            raise ValueError(f"{label!r} is not among the options; {did_you_mean(label, labels)}")
    if again := repeated(named):
        raise ValueError(f"{again[0]!r} stands twice; remove one")
    return named


def _leave_a_scale(outside: tuple[str, ...] | None, info: ValidationInfo) -> tuple[str, ...] | None:
    if outside is None:
        return None
    named = _are_options(outside, info)
    labels = _labels_before(info)
    if labels and len(labels) - len(named) < 2:
        raise ValueError("a scale has two steps or more; leave two labels that are not outside")
    return named


def _is_no_option(dont_know: str | None, info: ValidationInfo) -> str | None:
    taken = {label.casefold() for label in _labels_before(info)}
    if dont_know is not None and dont_know.casefold() in taken:
        raise ValueError(f"{dont_know!r} is also an option; remove it there, `dont_know` shows it")
    if dont_know is not None and info.data.get("type") == "multi" and DONT_KNOW in taken:
        raise ValueError(f"an option may not be called {DONT_KNOW!r} where don't know is offered; rename it")
    return dont_know


def _can_be_stated(elicitation: Elicitation, info: ValidationInfo) -> Elicitation:
    count = len(_labels_before(info))
    if elicitation is Elicitation.PROBABILITIES and count > MOST_ONE_BY_ONE:
        raise ValueError(f"nobody states chances for {count} options, at most for {MOST_ONE_BY_ONE}; write pick")
    return elicitation


class SingleChoice(_Question):
    """Exactly one of several options."""

    kind: ClassVar[str] = "single"
    value_kind: ClassVar[ValueKind] = ValueKind.LABEL

    type: Literal["single"] = Field(default="single", description="One of several options.")
    options: Options = Field(description="At least two, as labels or as {code, label}.")
    dont_know: Label | None = Field(default=None, description=_DONT_KNOW)
    order: Order = Field(default=Order.RANDOM, description=_ORDER)
    anchor: Labels = Field(default=(), description=_ANCHOR)
    elicitation: Elicitation = Field(default=Elicitation.PICK, description=_ELICITATION)

    _check_anchor = field_validator("anchor")(_are_options)
    _check_elicitation = field_validator("elicitation")(_can_be_stated)
    _check_dont_know = field_validator("dont_know")(_is_no_option)

    @property
    def choices(self) -> tuple[Option, ...]:
        """The options in file order, each with its code."""
        return self.options


class MultiChoice(_Question):
    """Any number of several options: each is asked for with yes or no."""

    kind: ClassVar[str] = "multi"
    value_kind: ClassVar[ValueKind] = ValueKind.LABELS

    type: Literal["multi"] = Field(default="multi", description="Any number of options; each is answered yes or no.")
    options: Options = Field(description="At least two, as labels or as {code, label}.")
    dont_know: Label | None = Field(default=None, description=_DONT_KNOW)
    order: Order = Field(default=Order.RANDOM, description=_ORDER)
    anchor: Labels = Field(default=(), description=_ANCHOR)
    exclusive: Labels = Field(
        default=(), description="Options that rule out all others, for example [None of these]; both is unreadable."
    )

    _check_anchor = field_validator("anchor", "exclusive")(_are_options)
    _check_dont_know = field_validator("dont_know")(_is_no_option)

    @property
    def choices(self) -> tuple[Option, ...]:
        """The options in file order, each with its code."""
        return self.options


def _is_a_scale(steps: object) -> object:
    if isinstance(steps, list | tuple) and len(steps) > MOST_ONE_BY_ONE:
        low, high = _ends_of(steps)
        raise ValueError(
            f"a scale of {len(steps)} steps is a number; ask for it as one:\n"
            f'    - {{id: feeling, type: numeric, text: "How do you feel about it, from {low} to {high}?",\n'
            f"       unit: points, minimum: {low}, maximum: {high},\n"
            "       integer: true}"
        )
    return steps


def _ends_of(steps: Sequence[object]) -> tuple[int, int]:
    """The least and the greatest of steps that are numbers, else of a scale from 0 to 100."""
    numbers = [step for step in steps if isinstance(step, int) and not isinstance(step, bool)]
    return (min(numbers), max(numbers)) if len(numbers) == len(steps) else (0, 100)


class Rating(_Question):
    """One step of a labelled scale."""

    kind: ClassVar[str] = "rating"
    value_kind: ClassVar[ValueKind] = ValueKind.CODE

    type: Literal["rating", "likert"] = Field(
        default="rating", description="One step of a scale; `likert` is the same."
    )
    labels: Annotated[Options, BeforeValidator(_is_a_scale)] = Field(
        description="The steps in their natural order, as labels or as {code, label}; codes 1, 2, 3 …"
    )
    dont_know: Label | None = Field(default=None, description=_DONT_KNOW)
    order: Order = Field(default=Order.FLIP, description=_ORDER)
    anchor: Labels = Field(default=(), description=_ANCHOR)
    elicitation: Elicitation = Field(default=Elicitation.PROBABILITIES, description=_ELICITATION)
    # Left out where they are not given, so that plans of before keep their digests.
    best: Best | None = Field(default=None, exclude_if=_is_none, description=_BEST)
    outside: Labels | None = Field(default=None, exclude_if=_is_none, description=_OUTSIDE)

    _check_anchor = field_validator("anchor")(_are_options)
    _check_dont_know = field_validator("dont_know")(_is_no_option)
    _check_outside = field_validator("outside")(_leave_a_scale)

    @property
    def choices(self) -> tuple[Option, ...]:
        """The steps in file order, each with its code."""
        return self.labels


class Numeric(_Question):
    """A number with a unit, within a range."""

    kind: ClassVar[str] = "numeric"
    value_kind: ClassVar[ValueKind] = ValueKind.NUMBER

    type: Literal["numeric"] = Field(default="numeric", description="A number with a unit, within a range.")
    unit: Label = Field(description="What is counted or measured, for example euros or hours per week.")
    minimum: Bound = Field(description="The least number that can be answered; anything below is unreadable.")
    maximum: Bound = Field(description="The greatest number that can be answered; anything above is unreadable.")
    integer: bool = Field(default=False, description="Whether only whole numbers can be answered.")
    dont_know: Label | None = Field(default=None, description=_DONT_KNOW)

    @field_validator("maximum")
    @classmethod
    def _leaves_room(cls, maximum: float, info: ValidationInfo) -> float:
        minimum = info.data.get("minimum")
        if minimum is not None and maximum <= minimum:
            raise ValueError(f"maximum ({maximum:g}) must be greater than minimum ({minimum:g})")
        return maximum

    @field_validator("integer")
    @classmethod
    def _has_a_whole_number(cls, integer: bool, info: ValidationInfo) -> bool:
        if integer and {"minimum", "maximum"} <= info.data.keys():
            low, high = info.data["minimum"], info.data["maximum"]
            if math.floor(high) < math.ceil(low):
                raise ValueError(f"there is no whole number between {low:g} and {high:g}; widen the range")
        return integer


class OpenText(_Question):
    """An answer in the person's own words."""

    kind: ClassVar[str] = "open"
    value_kind: ClassVar[ValueKind] = ValueKind.TEXT

    type: Literal["open"] = Field(default="open", description="An answer in the person's own words.")
    words: int = Field(default=40, ge=1, le=2_000, description="About how many words an answer should have.")
    dont_know: Label | None = Field(default=None, description=_DONT_KNOW)


KINDS = ("single", "multi", "rating", "numeric", "open")
"""What the forms are called in the data."""
QUESTION_TYPES = ("single", "multi", "rating", "likert", "numeric", "open")
_MOST_QUESTIONS = 500
_WITH_ELICITATION = ("single", "rating", "likert")


def _has_known_type(value: Any) -> Any:
    """Says in plain words what pydantic would say about tags, discriminators and extra fields."""
    if isinstance(value, Mapping):
        if "type" not in value:
            raise ValueError(f"a question needs a `type`; one of {', '.join(QUESTION_TYPES)}")
        if value["type"] not in QUESTION_TYPES:
            word = str(value["type"])
            cure = FORMS.get(in_our_spelling(word)) or did_you_mean(word, list(QUESTION_TYPES))
            raise ValueError(f"unknown question type {str(value['type'])[:40]!r}; {cure}")
        if "elicitation" in value and value["type"] not in _WITH_ELICITATION:
            raise ValueError("`elicitation` is for questions with one list of labels (single, rating); remove it here")
    return value


def _not_too_many(items: object) -> object:
    """Before any of them is looked at: a list of thousands would have each of its mistakes told."""
    if isinstance(items, list | tuple) and len(items) > _MOST_QUESTIONS:
        raise ValueError(f"at most {_MOST_QUESTIONS} questions fit here, and there are {len(items):,}")
    return items


Question: TypeAlias = Annotated[
    Annotated[SingleChoice | MultiChoice | Rating | Numeric | OpenText, Field(discriminator="type")],
    BeforeValidator(_has_known_type),
]
Questions: TypeAlias = Annotated[
    tuple[Question, ...], BeforeValidator(_not_too_many), Field(max_length=_MOST_QUESTIONS)
]
