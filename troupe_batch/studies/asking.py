"""Questions that people answer while they act: one act brings what they do and say, and the typed answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from troupe_batch.errors import RecordAndGoOn
from troupe_batch.llm.chat import CallRecord
from troupe_batch.simulation.acting.act_schema import ActQuestion
from troupe_batch.simulation.acting.acting import PURPOSE, Act
from troupe_batch.simulation.person.person import TinyPerson
from troupe_batch.simulation.record.events import ActionKind
from troupe_batch.studies.failing import absence_after
from troupe_batch.studies.minds import TEMPLATES
from troupe_batch.studies.questions.group import QuestionGroup
from troupe_batch.studies.questions.ordering import Shown
from troupe_batch.studies.questions.questions import Question
from troupe_batch.studies.study import Answer, AnswerStatus, Unit
from troupe_batch.studies.values import ValueKind, value_words

SAID_NOTHING = "the person said nothing"


class Ask:
    """Questions that one act answers, compiled once and put to any number of people; at most one of them is open.

    Typed answers come in properties of the reply and are read as in a survey. The open one is answered aloud.
    """

    def __init__(self, questions: Sequence[Question], *, seed: int) -> None:
        typed = [question for question in questions if question.spoken_words is None]
        spoken = [question for question in questions if question.spoken_words is not None]
        if len(spoken) > 1:
            raise ValueError("what is said aloud answers one open question, not several")
        self.ids = tuple(question.id for question in questions)
        self._typed = QuestionGroup(typed, seed=seed)
        self._kinds = {question.id: question.value_kind for question in typed}
        self._spoken = QuestionGroup(spoken, seed=seed)
        self._instructions = TEMPLATES.render(
            "ask.md",
            several=len(questions) > 1,
            typed=_ids_text(typed),
            typed_several=len(typed) > 1,
            spoken=_ids_text(spoken),
            words=spoken[0].spoken_words if spoken else 0,
            asks_for_chances=any(question.asks_for_chances for question in typed),
            asks_yes_or_no=any(question.asks_yes_or_no for question in typed),
            offers_dont_know=any(question.info.dont_know is not None for question in typed),
        )

    async def answered_by(self, person: TinyPerson, unit: Unit) -> list[Answer]:
        """One answer per question after an act of the person; raises only what stops more than a call."""
        put = self.put_to(person, unit)
        try:
            return put.answers(await person.act(extra=put.extra))
        except RecordAndGoOn as error:
            return put.answers(error)

    def put_to(self, person: TinyPerson, unit: Unit) -> Put:
        """The questions as the person sees them: with orders and draws of their own, also in a world of several."""
        own = replace(unit, case=person.index)
        typed, spoken = self._typed.asked_of(own), self._spoken.asked_of(own)
        shown = dict(zip((*self._typed.ids, *self._spoken.ids), (*typed.shown, *spoken.shown), strict=True))
        text = "\n\n".join([self._instructions, *[shown[name].text for name in self.ids]])
        properties = typed.schema.schema["properties"]
        check = self._typed.problem if properties else None
        extra = ActQuestion(
            text, properties, check, lambda answer: self.given(self._typed.read(answer, typed.shown, own))
        )
        return Put(self, person, own, extra, typed.shown, spoken.shown, len(person.mind.calls))

    def read(self, act: Act, put: Put) -> list[Answer]:
        """One answer per question from an act."""
        answers = [*self._typed.read(act.answer, put.typed, put.unit), *self._heard(act, put)]
        for answer in answers:
            answer.sample, answer.cache, answer.call_key = act.sample, act.cache, act.reply_key
        return self._in_order(answers)

    def failed(self, error: RecordAndGoOn, put: Put) -> list[Answer]:
        """One answer per question after an act that brought nothing."""
        status, reason = absence_after(error)
        answers = [*self._typed.absent(status, reason, put.typed), *self._spoken.absent(status, reason, put.spoken)]
        last = next((call for call in reversed(put.calls) if call.purpose == PURPOSE), None)
        if last is not None:
            for answer in answers:
                answer.sample, answer.call_key = last.sample, last.key
                answer.cache = last.reply.cache if last.reply is not None else None
        return self._in_order(answers)

    def given(self, answers: Sequence[Answer]) -> str | None:
        """The answers that were not said aloud, as the person remembers them; None where there are none."""
        kinds = self._kinds
        given = [
            (one.question_id, _words_of(kinds[one.question_id], one)) for one in answers if one.question_id in kinds
        ]
        parts = [(name, words) for name, words in given if words is not None]
        if not parts:
            return None
        if len(self.ids) == 1:
            return f"My answer is: {parts[0][1]}"
        return "My answers are: " + "; ".join([f"{name}: {words}" for name, words in parts])

    def absent(self, status: AnswerStatus, reason: str) -> list[Answer]:
        """One answer per question without a value, all with this status and reason."""
        return self._in_order([*self._typed.absent(status, reason), *self._spoken.absent(status, reason)])

    def example(self) -> dict[str, object]:
        """Typed answers of ordinary length, to estimate tokens with."""
        return self._typed.example()

    def _heard(self, act: Act, put: Put) -> list[Answer]:
        """The answer to the open question: all that was said aloud, also where it was said before."""
        said = [action.content for action in act.actions if action.type == ActionKind.TALK and action.content]
        if not said:
            return self._spoken.absent(AnswerStatus.REFUSED, SAID_NOTHING, put.spoken)
        return self._spoken.read(dict.fromkeys(self._spoken.ids, "\n".join(said)), put.spoken, put.unit)

    def _in_order(self, answers: Sequence[Answer]) -> list[Answer]:
        by_id = {answer.question_id: answer for answer in answers}
        return [by_id[name] for name in self.ids]


@dataclass(frozen=True, slots=True)
class Put:
    """Questions put to one person, and `extra`: what this adds to the person's act."""

    ask: Ask
    person: TinyPerson
    unit: Unit
    extra: ActQuestion
    typed: Sequence[Shown]
    spoken: Sequence[Shown]
    calls_before: int

    @property
    def calls(self) -> Sequence[CallRecord]:
        """The calls of the person's mind since then."""
        return self.person.mind.calls[self.calls_before :]

    def answers(self, outcome: Act | RecordAndGoOn) -> list[Answer]:
        """One answer per question, whatever became of the act."""
        if isinstance(outcome, RecordAndGoOn):
            return self.ask.failed(outcome, self)
        return self.ask.read(outcome, self)


def _words_of(kind: ValueKind, answer: Answer) -> str | None:
    if answer.status is not AnswerStatus.ANSWERED:
        return None
    if answer.is_dont_know:
        return answer.label or "I do not know"
    number = None if answer.number is None else f"{answer.number:g}"
    return value_words(
        kind, label=answer.label, selected=answer.selected, number=number, text=answer.text, between=", "
    )


def _ids_text(questions: Sequence[Question]) -> str:
    quoted = [f"`{question.id}`" for question in questions]
    return " and ".join([", ".join(quoted[:-1]), quoted[-1]] if len(quoted) > 1 else quoted)
