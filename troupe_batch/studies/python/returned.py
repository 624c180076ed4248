"""Answers from what a function returned, by the same readers that read the replies of a survey."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from troupe_batch.errors import FixTheInput
from troupe_batch.spec_files import did_you_mean
from troupe_batch.studies.python.case import Absence
from troupe_batch.studies.questions.group import QuestionGroup
from troupe_batch.studies.questions.questions import Question
from troupe_batch.studies.study import Answer, AnswerStatus, Unit

NOTHING_RETURNED = "the function returned nothing"


class Returned:
    """Reads what the function of a study returns: one mapping for all people of the unit, or a list with one for each.

    A value is a label (or chances by label), a list of labels, a number, words, the question's `dont_know`, an Answer
    of `case.ask`, or an Absence. A question that is left out, or None, is skipped.
    """

    def __init__(self, questions: Sequence[Question], *, seed: int) -> None:
        self._questions = {question.id: question for question in questions}
        self._readers = {question.id: QuestionGroup([question], seed=seed) for question in questions}
        self._by_label = {question.id: QuestionGroup([question.named_outright()], seed=seed) for question in questions}

    def answers(self, returned: object, unit: Unit, people: Sequence[int]) -> tuple[Answer, ...]:
        """One answer per person and question; FixTheInput where the function returned something else."""
        mappings = self._per_person(returned, len(people))
        return tuple(
            self._answer(name, mapping.get(name), replace(unit, case=index))
            for mapping, index in zip(mappings, people, strict=True)
            for name in self._questions
        )

    def absent(self, status: AnswerStatus, reason: str, people: int) -> tuple[Answer, ...]:
        """One answer per person and question, all with this status and reason."""
        return tuple(
            answer
            for _ in range(people)
            for reader in self._readers.values()
            for answer in reader.absent(status, reason)
        )

    def _per_person(self, returned: object, people: int) -> Sequence[Mapping[str, Any]]:
        if returned is None:
            return [{}] * people
        if isinstance(returned, Mapping):
            listed: list[Any] = [returned] * people
        elif isinstance(returned, list | tuple) and len(returned) == people:
            listed = [{} if one is None else one for one in returned]
        else:
            what = f"{len(returned)} things" if isinstance(returned, list | tuple) else f"a {type(returned).__name__}"
            raise FixTheInput(
                f"the function returned {what}; return a mapping, or a list with one for each of {people}"
            )
        for mapping in listed:
            self._check(mapping)
        return listed

    def _check(self, mapping: object) -> None:
        if not isinstance(mapping, Mapping):
            raise FixTheInput(f"the function returned a {type(mapping).__name__} for a person; return a mapping")
        if unknown := [str(name) for name in mapping if name not in self._questions]:
            cure = did_you_mean(unknown[0], [*self._questions]) or "add it to `questions`"
            raise FixTheInput(f"the function answers {unknown[0]!r}, which is no question of the job; {cure}")

    def _answer(self, name: str, value: Any, unit: Unit) -> Answer:
        if isinstance(value, Answer):
            if value.question_id != name:
                raise FixTheInput(f"the function returned an answer to {value.question_id} as the one to {name}")
            # One answer may stand for several people, and rows are not shared.
            return replace(value)
        if value is None or isinstance(value, Absence):
            absence = value or Absence(AnswerStatus.SKIPPED, f"{NOTHING_RETURNED} for {name}")
            return self._readers[name].absent(absence.status, absence.reason)[0]
        return self._read(name, value, unit)

    def _read(self, name: str, value: Any, unit: Unit) -> Answer:
        question = self._questions[name]
        is_label = question.value_kind.is_one_label and isinstance(value, str)
        group = self._by_label[name] if is_label else self._readers[name]
        asked = group.asked_of(unit)
        [answer] = group.read({name: question.as_replied(value)}, asked.shown, unit)
        # Nobody was shown any options.
        answer.option_order = answer.position = None
        return answer
