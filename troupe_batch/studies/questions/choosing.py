"""Choosing among options: what the forms that show some have in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, TypeAlias

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo

from troupe_batch.llm.chat import strict_object
from troupe_batch.llm.schemas import MOST_CHARACTERS_PER_LIST
from troupe_batch.seeded import bits, stream, uniform, weighted_index
from troupe_batch.spec_files import did_you_mean
from troupe_batch.studies.questions.options import (
    MOST_OPTIONS,
    Elicitation,
    Label,
    Option,
    as_labels_alone,
    repeated,
    with_codes,
)
from troupe_batch.studies.questions.ordering import Shown
from troupe_batch.studies.questions.reading import Reader, Unreadable, is_number, short_text
from troupe_batch.studies.study import Answer, QuestionInfo

# How a reply says "don't know" where options are gone through one by one, or named by code.
DONT_KNOW = "dont_know"
# A longer list is not gone through option by option, and no scale has so many steps.
MOST_ONE_BY_ONE = 100
# Percentages that add up to 98 to 102 are what rounding leaves; beyond that the answer carries a remark.
_ROUNDING_SLACK = 2
# Off by half or by twice is no rounding and no slip: what scale was meant cannot be known.
_LEAST_TOTAL, _GREATEST_TOTAL = 50, 200


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

ORDER = (
    "Order of the options: random, flip (forward or reversed) or fixed; drawn per person and replicate, and recorded."
)
ANCHOR = "Options that keep their place in the list while the others move, for example [None of these]."
OFFERED = 'Offer this answer to people who have none, for example "Don\'t know"; it is always shown last.'
ELICITATION = (
    "probabilities: the model states a chance per label and one seeded draw decides; pick: it names one label."
)


def labels_before(info: ValidationInfo) -> list[str]:
    """The labels that were read before this field; none where they themselves were wrong."""
    options: tuple[Option, ...] = info.data.get("options") or info.data.get("labels") or ()
    return [option.label for option in options]


def are_options(named: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
    """The labels, each of them an option and none of them twice; for a field behind the options."""
    labels = labels_before(info)
    for label in named:
        if labels and label not in labels:
            raise ValueError(f"{label!r} is not among the options; {did_you_mean(label, labels)}")
    if again := repeated(named):
        raise ValueError(f"{again[0]!r} stands twice; remove one")
    return named


def is_no_option(dont_know: str | None, info: ValidationInfo) -> str | None:
    """The answer of those who have none, which is none of the options."""
    taken = {label.casefold() for label in labels_before(info)}
    if dont_know is not None and dont_know.casefold() in taken:
        raise ValueError(f"{dont_know!r} is also an option; remove it there, `dont_know` shows it")
    if dont_know is not None and info.data.get("type") == "multi" and DONT_KNOW in taken:
        raise ValueError(f"an option may not be called {DONT_KNOW!r} where don't know is offered; rename it")
    return dont_know


def can_be_stated(elicitation: Elicitation, info: ValidationInfo) -> Elicitation:
    """How an answer is obtained: chances of a list short enough to be gone through."""
    count = len(labels_before(info))
    if elicitation is Elicitation.PROBABILITIES and count > MOST_ONE_BY_ONE:
        raise ValueError(f"nobody states chances for {count} options, at most for {MOST_ONE_BY_ONE}; write pick")
    return elicitation


def is_long(options: Sequence[Option]) -> bool:
    """Whether the options are too many to be gone through one by one: a reply only names those that it picks."""
    return len(options) > MOST_ONE_BY_ONE


def is_by_code(options: Sequence[Option]) -> bool:
    """Whether the labels of a long list are too long for a schema, so that a reply names their codes."""
    return is_long(options) and sum(len(one.label) for one in options) > MOST_CHARACTERS_PER_LIST


def names_of(options: Sequence[Option], dont_know: str | None, *, several: bool = False) -> dict[str, str]:
    """The labels that can be chosen, in file order, by what a reply calls them; `several`: it may list any number."""
    by_code = is_by_code(options)
    labels = {str(option.code) if by_code else option.label: option.label for option in options}
    if dont_know is None:
        return labels
    return {**labels, DONT_KNOW if by_code or (several and is_long(options)) else dont_know: dont_know}


def name_of(label: Any, names: Mapping[str, str]) -> Any:
    """What a reply calls the label; anything else as it is."""
    return next((name for name, one in names.items() if one == label), label)


def labels_in(options: Sequence[Option]) -> tuple[str, ...]:
    """The labels in file order."""
    return tuple(option.label for option in options)


def codes_in(options: Sequence[Option]) -> tuple[int, ...]:
    """The codes in file order; a checked list has one for each option."""
    return tuple(option.code for option in options if option.code is not None)


def names_in_schema(options: Sequence[Option], names: Mapping[str, str]) -> tuple[str, ...]:
    """What of the options a schema spells out."""
    return tuple(names) if is_long(options) else labels_in(options)


def lines_by_code(options: Sequence[Option], names: Mapping[str, str]) -> Mapping[str, str]:
    """The lines of labels that stand there with the code by which a reply names them."""
    return {label: f"{name}: {label}" for name, label in names.items()} if is_by_code(options) else {}


def one_label_node(
    order: Sequence[str] | None, labels: Sequence[str], names: Mapping[str, str], elicitation: Elicitation
) -> dict[str, Any]:
    """The schema of a reply that names one label, or states a chance for each."""
    if elicitation is Elicitation.PROBABILITIES:
        percent = {"type": "integer", "minimum": 0, "maximum": 100}
        return strict_object(dict.fromkeys(order or labels, percent))
    return {"type": "string", "enum": list(names)}


def label_reader(info: QuestionInfo, names: Mapping[str, str], elicitation: Elicitation, *, seed: int) -> Reader:
    """The reader of replies that name one of the `names`, or state a chance for each label."""
    if elicitation is Elicitation.PROBABILITIES:
        return _ChancesReader(info, seed=seed)
    return _PickReader(info, names, seed=seed)


class _LabelReader(Reader):
    """What naming a label and drawing one from stated chances have in common."""

    def __init__(self, info: QuestionInfo, *, seed: int) -> None:
        super().__init__(info.id, info.type)
        self._codes: dict[str, int | None] = dict(zip(info.labels, info.codes, strict=True))
        self._labels = info.answerable
        self._outside = frozenset(info.outside or ())
        self._key = stream(seed, "draw", info.id)

    def read(self, value: Any, shown: Shown, person_index: int, replicate: int) -> Answer:
        answer = super().read(value, shown, person_index, replicate)
        if answer.distribution is not None:
            draw = uniform(bits(self._key, person_index), replicate)
            answer.label = self._labels[weighted_index(answer.distribution, draw)]
        if answer.label is not None:
            answer.position = shown.place_of[answer.label]
            # Labels are distinct, so the one without a code is "don't know".
            answer.code = self._codes.get(answer.label)
            answer.is_dont_know = answer.code is None
            answer.is_outside = answer.label in self._outside
        return answer

    def said(self, answer: Answer) -> Any:
        return answer.label


class _PickReader(_LabelReader):
    """Reads which label was named."""

    def __init__(self, info: QuestionInfo, label_of: Mapping[str, str], *, seed: int) -> None:
        super().__init__(info, seed=seed)
        self._label_of = label_of
        self._name_of = {label: name for name, label in self._label_of.items()}

    def said(self, answer: Answer) -> Any:
        return None if answer.label is None else self._name_of[answer.label]

    def example(self) -> Any:
        return list(self._label_of)[len(self._labels) // 2]

    def _fill(self, answer: Answer, value: Any) -> None:
        if not isinstance(value, str) or value not in self._label_of:
            raise Unreadable(f"{short_text(value)} is not one of the options")
        answer.label = self._label_of[value]


class _ChancesReader(_LabelReader):
    """Reads the chances stated for each label, of which one draw decides."""

    def example(self) -> Any:
        return dict.fromkeys(self._labels, 100 // len(self._labels))

    def _fill(self, answer: Answer, value: Any) -> None:
        chances = self._chances(value)
        total = sum(chances)
        if total <= 0:
            raise Unreadable("all chances are 0")
        if not _LEAST_TOTAL <= total <= _GREATEST_TOTAL:
            raise Unreadable(f"the chances add up to {total:g}, not to 100")
        answer.distribution = tuple([chance / total for chance in chances])
        answer.distribution_labels = self._labels
        if abs(total - 100) > _ROUNDING_SLACK:
            answer.reason = f"the stated chances added up to {total:g} %; they were scaled to 100 %"

    def _chances(self, value: Any) -> list[float]:
        if not isinstance(value, dict):
            raise Unreadable(f"{short_text(value)} states no chances")
        chances: list[float] = []
        for label in self._labels:
            chance = value.get(label)
            if chance is None or not is_number(chance):
                raise Unreadable(f"no chance is stated for {label!r}")
            if not 0 <= chance <= 100:
                raise Unreadable(f"the chance stated for {label!r} is {short_text(chance)}, not 0 to 100")
            chances.append(chance)
        if len(value) > len(chances):
            raise Unreadable("a chance is stated for something that is not an option")
        return chances
