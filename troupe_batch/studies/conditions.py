"""Conditions on what a person has answered before: they decide whether a follow-up is for this person."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, TypeAlias

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, model_validator

from troupe_batch.spec_files import did_you_mean
from troupe_batch.studies.questions.options import Label
from troupe_batch.studies.questions.questions import Bound, Numeric, Question, QuestionId, Rating
from troupe_batch.studies.script import Mistake, Place, as_tuple, form_of, labels_of
from troupe_batch.studies.study import Answer, AnswerStatus, QuestionType

# Thai, Lao, Burmese, Khmer, then kana and the characters of Chinese and Japanese.
_WITHOUT_BLANKS = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3031-\u3035\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff"
    "\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003ffff"
)
_UNSPACED = re.compile(f"[{_WITHOUT_BLANKS}]")
_SPACED_LETTER = rf"[^\W{_WITHOUT_BLANKS}]"

_WITH_LABELS = (QuestionType.SINGLE, QuestionType.MULTI, QuestionType.RATING)


_Labels: TypeAlias = Annotated[
    Annotated[Label, Tag("one")] | Annotated[tuple[Label, ...], Tag("list"), Field(min_length=1, max_length=100)],
    Discriminator(form_of),
]


class Condition(BaseModel):
    """Something about an earlier answer of the same person. Without an answer to that question it does not hold."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    question: QuestionId = Field(description="The earlier question that it looks at.")
    is_: _Labels | None = Field(default=None, alias="is", description="The answer is, or names, one of these labels.")
    is_not: _Labels | None = Field(default=None, description="The answer is, or names, none of these labels.")
    at_least: Bound | None = Field(default=None, description="The number, or the code of a rating, is this or more.")
    at_most: Bound | None = Field(default=None, description="The number, or the code of a rating, is this or less.")
    mentions: _Labels | None = Field(
        default=None, description="The words of the answer hold one of these, as whole words; capitals do not count."
    )

    @model_validator(mode="after")
    def _tests_something(self) -> Condition:
        tests = (self.is_, self.is_not, self.at_least, self.at_most, self.mentions)
        if all(test is None for test in tests):
            raise ValueError("this tests nothing; add is, is_not, at_least, at_most or mentions")
        return self

    def holds(self, answer: Answer | None) -> bool:
        """Whether the person's answer is as this asks for."""
        if answer is None or answer.status is not AnswerStatus.ANSWERED:
            return False
        return self._fits_labels(_labels_in(answer)) and self._fits_number(answer) and self._fits_words(answer)

    def __str__(self) -> str:
        """The condition in words, for the reason of an answer that was skipped."""
        parts = [
            f"is {' or '.join(as_tuple(self.is_))}" if self.is_ else "",
            f"is not {' or '.join(as_tuple(self.is_not))}" if self.is_not else "",
            f"is at least {self.at_least:g}" if self.at_least is not None else "",
            f"is at most {self.at_most:g}" if self.at_most is not None else "",
            f"mentions {' or '.join(as_tuple(self.mentions))}" if self.mentions else "",
        ]
        return f"{self.question} {' and '.join(part for part in parts if part)}"

    def _fits_labels(self, labels: frozenset[str]) -> bool:
        if self.is_ is not None and labels.isdisjoint(as_tuple(self.is_)):
            return False
        return self.is_not is None or labels.isdisjoint(as_tuple(self.is_not))

    def _fits_number(self, answer: Answer) -> bool:
        if self.at_least is None and self.at_most is None:
            return True
        number = answer.number if answer.number is not None else answer.code
        if number is None or answer.is_outside:
            return False
        return (self.at_least is None or number >= self.at_least) and (self.at_most is None or number <= self.at_most)

    def _fits_words(self, answer: Answer) -> bool:
        if self.mentions is None:
            return True
        return answer.text is not None and mentions(answer.text, as_tuple(self.mentions))


def mentions(text: str, words: Sequence[str]) -> bool:
    """Whether one of the words, or phrases, stands in the text as a whole; capitals and spacing do not count.

    In scripts that put nothing between words, such as those of Chinese, Japanese and Thai, any part is a word.
    """
    plain = " ".join(text.split())
    return any(re.search(_pattern(" ".join(word.split())), plain, re.IGNORECASE) is not None for word in words)


def _pattern(word: str) -> str:
    """The word, with a border on each side that has to do with letters of a script that puts blanks between words."""
    before = "" if _UNSPACED.match(word[:1]) else rf"(?<!{_SPACED_LETTER})"
    behind = "" if _UNSPACED.match(word[-1:]) else rf"(?!{_SPACED_LETTER})"
    return f"{before}{re.escape(word)}{behind}"


When: TypeAlias = Annotated[
    Annotated[Condition, Tag("one")] | Annotated[tuple[Condition, ...], Tag("list"), Field(max_length=20)],
    Discriminator(form_of),
]
"""One condition, or several that must all hold."""


def unmet(conditions: Sequence[Condition], answers: Mapping[str, Answer]) -> str | None:
    """Why the follow-up is not for this person: the first condition that does not hold; None where all hold."""
    for condition in conditions:
        answer = answers.get(condition.question)
        if not condition.holds(answer):
            status = answer.status if answer is not None else AnswerStatus.NOT_RUN
            because = "" if status is AnswerStatus.ANSWERED else f", and {condition.question} ended as {status}"
            return f"asked only where {condition}{because}"
    return None


def condition_mistakes(
    place: Place, condition: Condition, before: Mapping[str, Question], all_ids: Sequence[str]
) -> Iterator[Mistake]:
    """What is wrong with a condition, given the questions asked `before` it and the ids of all there are."""
    question = before.get(condition.question)
    if question is None:
        if condition.question in all_ids:
            problem, cure = f"`{condition.question}` is asked only later", "move the question up, or this down"
        else:
            problem, cure = f"there is no question `{condition.question}`", did_you_mean(condition.question, [*before])
        yield (*place, "question"), problem, cure
        return
    yield from _label_mistakes(place, condition, question)
    yield from _number_mistakes(place, condition, question)
    if condition.mentions is not None and question.kind is not QuestionType.OPEN:
        yield (*place, "mentions"), f"`{question.id}` is {question.kind}, not open: nobody speaks there", "use is"


def _label_mistakes(place: Place, condition: Condition, question: Question) -> Iterator[Mistake]:
    labels = labels_of(question)
    for name, wanted in (("is", condition.is_), ("is_not", condition.is_not)):
        if wanted is None:
            continue
        if question.kind not in _WITH_LABELS:
            cure = "use at_least, at_most" if question.kind is QuestionType.NUMERIC else "use mentions"
            yield (*place, name), f"`{question.id}` is {question.kind}: its answers have no labels", cure
            continue
        for label in as_tuple(wanted):
            if label not in labels:
                problem = f"{label!r} is no option of `{question.id}`"
                yield (*place, name), problem, did_you_mean(label, list(labels))
    if condition.is_ and condition.is_not and set(as_tuple(condition.is_)) <= set(as_tuple(condition.is_not)):
        yield (*place, "is_not"), "it rules out all that `is` asks for", "remove one of the two"


def _number_mistakes(place: Place, condition: Condition, question: Question) -> Iterator[Mistake]:
    bounds = {"at_least": condition.at_least, "at_most": condition.at_most}
    given = {name: bound for name, bound in bounds.items() if bound is not None}
    least, most, what = _range_of(question)
    for name, bound in given.items():
        if not what:
            cure = "use mentions" if question.kind is QuestionType.OPEN else "use is or is_not"
            yield (*place, name), f"`{question.id}` is {question.kind}: its answers have no number", cure
        elif not least <= bound <= most:
            problem = f"{bound:g} is out of range: the {what} of `{question.id}` go from {least:g} to {most:g}"
            yield (*place, name), problem, "write a number in between"
    if len(given) == 2 and given["at_least"] > given["at_most"]:
        problem = f"at_least ({given['at_least']:g}) is greater than at_most ({given['at_most']:g})"
        yield (*place, "at_least"), problem, "no answer is both; lower it, or raise at_most"


def _range_of(question: Question) -> tuple[float, float, str]:
    """The least and the greatest number that an answer can have, and what they are; no word where it has none."""
    if isinstance(question, Numeric):
        return question.minimum, question.maximum, "numbers"
    if isinstance(question, Rating):
        outside = question.outside or ()
        codes = [step.code for step in question.choices if step.code is not None and step.label not in outside]
        return min(codes), max(codes), "codes"
    # Codes of a single choice are names and no amounts: of two options in file order, neither is more.
    return 0, 0, ""


def _labels_in(answer: Answer) -> frozenset[str]:
    if answer.selected is not None:
        return frozenset(answer.selected)
    return frozenset() if answer.label is None else frozenset((answer.label,))
