"""From the value that a model replied with to a typed answer; what cannot be read is `unreadable`, never a guess."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

from troupe_batch.seeded import bits, stream, uniform, weighted_index
from troupe_batch.studies.questions.elicitation import answerable_labels, names_of
from troupe_batch.studies.questions.options import Elicitation
from troupe_batch.studies.questions.presentation import Shown
from troupe_batch.studies.questions.questions import (
    DONT_KNOW,
    MOST_ONE_BY_ONE,
    MultiChoice,
    Numeric,
    OpenText,
    Question,
    Rating,
    SingleChoice,
)
from troupe_batch.studies.study import Answer, AnswerStatus

# Percentages that add up to 98 to 102 are what rounding leaves; beyond that the answer carries a remark.
_ROUNDING_SLACK = 2
_ORDINARY_PICKS = 3
# Off by half or by twice is no rounding and no slip: what scale was meant cannot be known.
_LEAST_TOTAL, _GREATEST_TOTAL = 50, 200


def reader_of(question: Question, *, seed: int) -> Reader:
    """The reader for the question's form."""
    if isinstance(question, Numeric):
        return _NumberReader(question)
    if isinstance(question, OpenText):
        return _TextReader(question)
    if isinstance(question, MultiChoice):
        return _EachReader(question) if len(question.options) <= MOST_ONE_BY_ONE else _ListReader(question)
    if question.elicitation == Elicitation.PROBABILITIES:
        return _ChancesReader(question, seed=seed)
    return _PickReader(question, seed=seed)


class Reader(ABC):
    """Reads the replies to one question."""

    def __init__(self, question: Question) -> None:
        self._id = question.id
        self._type = question.kind

    def read(self, value: Any, shown: Shown, person_index: int, replicate: int) -> Answer:  # noqa: ARG002 -- for draws
        """The answer in `value`; status unreadable, with the reason, where there is none."""
        answer = Answer(self._id, self._type, AnswerStatus.ANSWERED, is_dont_know=False, option_order=shown.order)
        try:
            self._fill(answer, value)
        except _Unreadable as problem:
            return self.absent(AnswerStatus.UNREADABLE, str(problem), shown.order)
        return answer

    def problem(self, value: Any) -> str | None:
        """Why there is no answer in `value`; None where there is one."""
        try:
            self._fill(Answer(self._id, self._type, AnswerStatus.ANSWERED), value)
        except _Unreadable as problem:
            return str(problem)
        return None

    def absent(self, status: AnswerStatus, reason: str, order: tuple[str, ...] | None = None) -> Answer:
        """No answer, with its status and reason, and with the order that was shown if any was."""
        return Answer(self._id, self._type, status, reason, option_order=order)

    @abstractmethod
    def said(self, answer: Answer) -> Any:
        """The answer as the person would repeat it: what later prompts show. JSON."""

    @abstractmethod
    def example(self) -> Any:
        """A value of ordinary length, to estimate tokens with."""

    @abstractmethod
    def _fill(self, answer: Answer, value: Any) -> None:
        """Writes the value into the answer, or raises _Unreadable."""


class _Unreadable(ValueError):
    """The value holds no answer to the question; the message says why."""


class _LabelReader(Reader):
    """What naming a label and drawing one from stated chances have in common."""

    def __init__(self, question: SingleChoice | Rating, *, seed: int) -> None:
        super().__init__(question)
        self._codes: dict[str, int | None] = {option.label: option.code for option in question.choices}
        self._labels = answerable_labels(question)
        self._outside = frozenset((question.outside or ()) if isinstance(question, Rating) else ())
        self._key = stream(seed, "draw", question.id)

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
    def __init__(self, question: SingleChoice | Rating, *, seed: int) -> None:
        super().__init__(question, seed=seed)
        self._label_of = names_of(question)
        self._name_of = {label: name for name, label in self._label_of.items()}

    def said(self, answer: Answer) -> Any:
        return None if answer.label is None else self._name_of[answer.label]

    def example(self) -> Any:
        return list(self._label_of)[len(self._labels) // 2]

    def _fill(self, answer: Answer, value: Any) -> None:
        if not isinstance(value, str) or value not in self._label_of:
            raise _Unreadable(f"{_short(value)} is not one of the options")
        answer.label = self._label_of[value]


class _ChancesReader(_LabelReader):
    def example(self) -> Any:
        return dict.fromkeys(self._labels, 100 // len(self._labels))

    def _fill(self, answer: Answer, value: Any) -> None:
        chances = self._chances(value)
        total = sum(chances)
        if total <= 0:
            raise _Unreadable("all chances are 0")
        if not _LEAST_TOTAL <= total <= _GREATEST_TOTAL:
            raise _Unreadable(f"the chances add up to {total:g}, not to 100")
        answer.distribution = tuple([chance / total for chance in chances])
        answer.distribution_labels = self._labels
        if abs(total - 100) > _ROUNDING_SLACK:
            answer.reason = f"the stated chances added up to {total:g} %; they were scaled to 100 %"

    def _chances(self, value: Any) -> list[float]:
        if not isinstance(value, dict):
            raise _Unreadable(f"{_short(value)} states no chances")
        chances: list[float] = []
        for label in self._labels:
            chance = value.get(label)
            if chance is None or not _is_number(chance):
                raise _Unreadable(f"no chance is stated for {label!r}")
            if not 0 <= chance <= 100:
                raise _Unreadable(f"the chance stated for {label!r} is {_short(chance)}, not 0 to 100")
            chances.append(chance)
        if len(value) > len(chances):
            raise _Unreadable("a chance is stated for something that is not an option")
        return chances


class _EachReader(Reader):
    def __init__(self, question: MultiChoice) -> None:
        super().__init__(question)
        self._labels = tuple(option.label for option in question.choices)
        self._exclusive = question.exclusive
        self._asked = self._labels if question.dont_know is None else (*self._labels, DONT_KNOW)
        self._offers_dont_know = question.dont_know is not None

    def said(self, answer: Answer) -> Any:
        chosen = answer.selected or ()
        yes_or_no = {label: label in chosen for label in answer.option_order or self._labels}
        return {**yes_or_no, DONT_KNOW: bool(answer.is_dont_know)} if self._offers_dont_know else yes_or_no

    def example(self) -> Any:
        return {name: name == self._asked[0] for name in self._asked}

    def _fill(self, answer: Answer, value: Any) -> None:
        if not isinstance(value, dict):
            raise _Unreadable(f"{_short(value)} has no yes or no for each option")
        if missing := [name for name in self._asked if not isinstance(value.get(name), bool)]:
            raise _Unreadable(f"neither yes nor no is said for {missing[0]!r}")
        if len(value) > len(self._asked):
            raise _Unreadable("yes or no is said for something that is not an option")
        selected = tuple([label for label in self._labels if value[label]])
        is_dont_know = self._offers_dont_know and value[DONT_KNOW]
        _check_alone(selected, self._exclusive, is_dont_know=is_dont_know)
        answer.is_dont_know = is_dont_know
        answer.selected = None if is_dont_know else selected


class _ListReader(Reader):
    """A list of what was picked from very many options."""

    def __init__(self, question: MultiChoice) -> None:
        super().__init__(question)
        self._label_of = names_of(question)
        self._name_of = {label: name for name, label in self._label_of.items()}
        self._labels = tuple(option.label for option in question.choices)
        self._exclusive = question.exclusive

    def said(self, answer: Answer) -> Any:
        return [DONT_KNOW] if answer.is_dont_know else [self._name_of[label] for label in answer.selected or ()]

    def example(self) -> Any:
        return list(self._label_of)[:_ORDINARY_PICKS]

    def _fill(self, answer: Answer, value: Any) -> None:
        if not isinstance(value, list):
            raise _Unreadable(f"{_short(value)} is no list of options")
        if unknown := [name for name in value if not isinstance(name, str) or name not in self._label_of]:
            raise _Unreadable(f"{_short(unknown[0])} is not one of the options")
        picked = {self._label_of[name] for name in value}
        selected = tuple([label for label in self._labels if label in picked])
        is_dont_know = DONT_KNOW in value and len(selected) < len(picked)
        _check_alone(selected, self._exclusive, is_dont_know=is_dont_know)
        answer.is_dont_know = is_dont_know
        answer.selected = None if is_dont_know else selected


def _check_alone(selected: Sequence[str], exclusive: Sequence[str], *, is_dont_know: bool) -> None:
    """_Unreadable where something that rules out all others stands beside one of them."""
    if is_dont_know and selected:
        raise _Unreadable(f"don't know stands beside {selected[0]!r}")
    if len(selected) > 1 and (alone := [label for label in exclusive if label in selected]):
        raise _Unreadable(f"{alone[0]!r} rules out all others but does not stand alone")


class _NumberReader(Reader):
    def __init__(self, question: Numeric) -> None:
        super().__init__(question)
        self._question = question

    def said(self, answer: Answer) -> Any:
        if answer.number is None:
            return None
        return int(answer.number) if answer.number.is_integer() else answer.number

    def example(self) -> Any:
        low, high = self._question.minimum, self._question.maximum
        return int(high) if self._question.integer else (low + high) / 2

    def _fill(self, answer: Answer, value: Any) -> None:
        question = self._question
        if value is None and question.dont_know is not None:
            answer.is_dont_know = True
            return
        if not _is_number(value):
            raise _Unreadable(f"{_short(value)} is no number")
        if not question.minimum <= value <= question.maximum:
            raise _Unreadable(f"{_short(value)} is not between {question.minimum:g} and {question.maximum:g}")
        number = float(value)
        if question.integer and not number.is_integer():
            raise _Unreadable(f"{_short(value)} is no whole number")
        answer.number = number


class _TextReader(Reader):
    def __init__(self, question: OpenText) -> None:
        super().__init__(question)
        self._dont_know = question.dont_know
        self._words = question.words

    def said(self, answer: Answer) -> Any:
        return answer.text

    def example(self) -> Any:
        return " ".join(["something"] * self._words)

    def _fill(self, answer: Answer, value: Any) -> None:
        if value is None and self._dont_know is not None:
            answer.is_dont_know = True
            return
        if not isinstance(value, str):
            raise _Unreadable(f"{_short(value)} is no text")
        text = value.strip()
        if not text:
            raise _Unreadable("the text is empty")
        if not text.isascii() and not _is_unicode(text):
            raise _Unreadable("the text is broken: half of a character is missing")
        answer.text = text


def _is_number(value: Any) -> bool:
    # bool is a subclass of int, and true is no number.
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_unicode(text: str) -> bool:
    """False for lone surrogates, which JSON escapes can spell and UTF-8 files cannot hold."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _short(value: Any) -> str:
    if isinstance(value, int) and abs(value) > 10**18:
        return "a huge number"  # Python refuses to spell out integers of more than 4,300 digits
    text = ascii(value) if isinstance(value, str) else repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
