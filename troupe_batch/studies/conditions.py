"""Gates of questions: the conditions on what a person has answered before, bound to the questions of a study."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, assert_never

from troupe_batch.expressions.expression import Bound, Expression
from troupe_batch.expressions.kinds import BadExpression, Kind
from troupe_batch.spec_files import did_you_mean
from troupe_batch.spec_messages import Place
from troupe_batch.studies.questions.questions import Question
from troupe_batch.studies.questions.when import Condition, When, as_tuple, listed, names_in
from troupe_batch.studies.script import PlacedMistake, labels_of
from troupe_batch.studies.study import Answer, AnswerStatus
from troupe_batch.studies.values import ValueKind

_NOTHING: Mapping[str, Any] = {}


class Gate:
    """Condition before something is asked, bound to the questions of the study, and to facts, by their kinds."""

    def __init__(self, when: When, kinds: Mapping[str, Kind], facts: Mapping[str, Kind] = _NOTHING) -> None:
        """BadExpression where it does not fit the questions; see `when_mistakes`."""
        self._kinds = kinds
        self._bound = [_bound(one, {**facts, **kinds}) for one in listed(when)]
        self.reads_answers = any(not kinds.keys().isdisjoint(bound.names) for bound in self._bound)

    def unmet(
        self,
        answers: Mapping[str, Answer],
        facts: Mapping[str, Any] = _NOTHING,
        coming: AbstractSet[str] = frozenset(),
    ) -> str | None:
        """Why it is not for this person: the first condition that does not hold; None where all hold, or may hold yet.

        `coming` are the questions whose answers are not there yet: what they decide, nobody knows.
        """
        for bound in self._bound:
            if self._holds(bound, answers, facts, coming) is False:
                ends = (
                    (name, answers[name].status if name in answers else AnswerStatus.NOT_RUN)
                    for name in sorted((bound.names & self._kinds.keys()) - coming)
                )
                absent = [f", and {name} ended as {end}" for name, end in ends if end is not AnswerStatus.ANSWERED]
                return f"asked only where {bound.text}{''.join(absent[:1])}"
        return None

    def waits_for(self, coming: AbstractSet[str], answers: Mapping[str, Answer], facts: Mapping[str, Any]) -> bool:
        """Whether it takes the answers to some of the questions that are `coming` to say for whom it is."""
        reading = (bound for bound in self._bound if not coming.isdisjoint(bound.names))
        return any(self._holds(bound, answers, facts, coming) is None for bound in reading)

    def _holds(
        self, bound: Bound, answers: Mapping[str, Answer], facts: Mapping[str, Any], coming: AbstractSet[str]
    ) -> bool | None:
        known = {
            name: value_of(answers.get(name), self._kinds[name]) if name in self._kinds else facts.get(name)
            for name in bound.names
            if name not in coming
        }
        return bound.holds(known)


def kind_of(question: Question) -> Kind:
    """What the answers to the question are in expressions; there may be none."""
    labels, info = labels_of(question), question.info
    match question.value_kind:
        case ValueKind.NUMBER:
            low, high, _ = question.amounts or (-math.inf, math.inf, "")
            return Kind("number", integer=info.is_integer, low=low, high=high, optional=True)
        case ValueKind.CODE:
            steps = dict(zip(info.labels, info.codes, strict=True))
            known = {label: float(code) for label, code in steps.items() if label not in (info.outside or ())}
            codes = tuple(known.get(label, math.nan) for label in labels)
            return Kind("category", labels, optional=True, is_ranked=False, codes=codes)
        case ValueKind.LABEL:
            return Kind("category", labels, optional=True, is_ranked=False)
        case ValueKind.LABELS | ValueKind.RANKING:
            return Kind("labels", labels, optional=True)
        case ValueKind.TEXT:
            return Kind("words", optional=True)
    assert_never(question.value_kind)


def value_of(answer: Answer | None, kind: Kind) -> object:
    """What an expression reads of the answer; None where there is none."""
    if answer is None or answer.status is not AnswerStatus.ANSWERED:
        return None
    match kind.type:
        case "number":
            return answer.number
        case "category":
            return answer.label
        case "labels":
            # Who does not know names none of them.
            return answer.selected or ()
        case _:
            return answer.text


def when_mistakes(
    place: Place,
    when: When,
    before: Mapping[str, Question],
    all_ids: Sequence[str],
    *,
    is_whole: bool = True,
    has_facts: bool = False,
) -> Iterator[PlacedMistake]:
    """What is wrong with the conditions at `place`, given the questions `before` them and the ids of all there are.

    `is_whole` False: not all questions are known, so nobody knows whether there is none of a name. `has_facts`: what is
    no question may be a fact of the person; what is wrong then, `fact_mistakes` says.
    """
    for at, one in _placed(place, when):
        if not isinstance(one, str):
            if one.question in before or (is_whole and (one.question in all_ids or not has_facts)):
                yield from condition_mistakes(at, one, before, all_ids)
            continue
        names = names_in(one)
        later = sorted(name for name in names if name in all_ids and name not in before)
        if not later and (names <= before.keys() or (is_whole and not has_facts)):
            yield from _expression_mistakes(at, one, before, _NOTHING)
        elif is_whole:
            yield from (_unknown_question(at, name, before, all_ids) for name in later)


def fact_mistakes(
    place: Place, when: When, before: Mapping[str, Question], all_ids: Sequence[str], facts: Mapping[str, Kind]
) -> Iterator[PlacedMistake]:
    """What is wrong with the conditions at `place` as they read facts of these kinds, beside `when_mistakes`."""
    for at, one in _placed(place, when):
        names = names_in(one)
        for name in sorted(names & facts.keys() & set(all_ids)):
            yield at, f"`{name}` is a question, and a fact of people too", "give the question another id"
        if names <= set(all_ids):
            continue
        if not isinstance(one, str):
            yield _no_question((*at, "question"), one.question, before, facts)
        elif names & set(all_ids) <= before.keys():
            yield from _expression_mistakes(at, one, before, facts)


def _placed(place: Place, when: When) -> Iterator[tuple[Place, str | Condition]]:
    for number, one in enumerate(listed(when)):
        yield (*place, number) if isinstance(when, tuple) else place, one


def _bound(one: str | Condition, kinds: Mapping[str, Kind]) -> Bound:
    if isinstance(one, str):
        return Expression.parse(one).bind_condition(kinds)
    return one.compiled(kinds[one.question]).bind_condition(kinds)


def _expression_mistakes(
    place: Place, text: str, before: Mapping[str, Question], facts: Mapping[str, Kind]
) -> Iterator[PlacedMistake]:
    try:
        _bound(text, {**facts, **{name: kind_of(question) for name, question in before.items()}})
    except BadExpression as error:
        yield place, str(error), error.cure


def _unknown_question(place: Place, name: str, before: Mapping[str, Question], all_ids: Sequence[str]) -> PlacedMistake:
    if name in all_ids:
        return place, f"`{name}` is asked only later", "move the question up, or this down"
    return _no_question(place, name, before, _NOTHING)


def _no_question(place: Place, name: str, before: Mapping[str, Question], facts: Mapping[str, Kind]) -> PlacedMistake:
    if name in facts:
        return place, f"`{name}` is a fact of people, and no question", f"write an expression, such as `{name} == ...`"
    return place, f"there is no question `{name}`", did_you_mean(name, [*before])


def condition_mistakes(
    place: Place, condition: Condition, before: Mapping[str, Question], all_ids: Sequence[str]
) -> Iterator[PlacedMistake]:
    """What is wrong with a condition, given the questions asked `before` it and the ids of all there are."""
    question = before.get(condition.question)
    if question is None:
        yield _unknown_question((*place, "question"), condition.question, before, all_ids)
        return
    fitting, cure = _fitting_tests(question.value_kind)
    for name, why in _WHY_NOT.items():
        if name not in fitting and getattr(condition, name) is not None:
            yield (*place, name.rstrip("_")), f"`{question.id}` is {question.kind}{why}", cure
    if "is_" in fitting:
        yield from _label_mistakes(place, condition, question)
    if "at_least" in fitting:
        yield from _number_mistakes(place, condition, question)


_WHY_NOT = {
    **dict.fromkeys(("is_", "is_not"), ": its answers have no labels"),
    **dict.fromkeys(("at_least", "at_most"), ": its answers have no number"),
    "mentions": ", not open: nobody speaks there",
}


def _fitting_tests(kind: ValueKind) -> tuple[tuple[str, ...], str]:
    """What can be asked of answers of this kind, and what to write where anything else is."""
    match kind:
        case ValueKind.CODE:
            return ("is_", "is_not", "at_least", "at_most"), "use is or is_not"
        case ValueKind.LABEL | ValueKind.LABELS | ValueKind.RANKING:
            return ("is_", "is_not"), "use is or is_not"
        case ValueKind.NUMBER:
            return ("at_least", "at_most"), "use at_least, at_most"
        case ValueKind.TEXT:
            return ("mentions",), "use mentions"
    assert_never(kind)


def _label_mistakes(place: Place, condition: Condition, question: Question) -> Iterator[PlacedMistake]:
    labels = labels_of(question)
    for name, wanted in (("is", condition.is_), ("is_not", condition.is_not)):
        for label in as_tuple(wanted or ()):
            if label not in labels:
                problem = f"{label!r} is no option of `{question.id}`"
                yield (*place, name), problem, did_you_mean(label, list(labels))
    if condition.is_ and condition.is_not and set(as_tuple(condition.is_)) <= set(as_tuple(condition.is_not)):
        yield (*place, "is_not"), "it rules out all that `is` asks for", "remove one of the two"


def _number_mistakes(place: Place, condition: Condition, question: Question) -> Iterator[PlacedMistake]:
    bounds = {"at_least": condition.at_least, "at_most": condition.at_most}
    given = {name: bound for name, bound in bounds.items() if bound is not None}
    least, most, what = question.amounts or (-math.inf, math.inf, "numbers")
    for name, bound in given.items():
        if not least <= bound <= most:
            problem = f"{bound:g} is out of range: the {what} of `{question.id}` go from {least:g} to {most:g}"
            yield (*place, name), problem, "write a number in between"
    if len(given) == 2 and given["at_least"] > given["at_most"]:
        problem = f"at_least ({given['at_least']:g}) is greater than at_most ({given['at_most']:g})"
        yield (*place, "at_least"), problem, "no answer is both; lower it, or raise at_most"
