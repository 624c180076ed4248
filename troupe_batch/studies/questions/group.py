"""Questions of one call, compiled for asking: a presentation and a reader for each, a schema for the reply.

Endpoints that enforce a schema write properties in its order. So questions that are answered property by property stand
in the schema as they were shown, and are shown in few orders: endpoints and validators compile a schema when they first
see it. A choice of one label is one value whatever the order of its enum, so that order is the file's for everybody.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import orjson

from troupe_batch.llm.chat import ReplySchema, strict_object
from troupe_batch.seeded import bits, stream
from troupe_batch.studies.questions.form import QuestionForm
from troupe_batch.studies.questions.options import Order
from troupe_batch.studies.questions.ordering import OptionOrder, Shown, ShownOptions
from troupe_batch.studies.questions.reading import Reader
from troupe_batch.studies.study import Answer, AnswerStatus, Unit

# Which questions of a call could not be read varies; each such part has schemas of its own.
_KEPT_PARTS = 64
# Above 6 options (720 orders) a rendered order seldom comes back; below, nearly always.
_KEPT_ORDERS = 720


class Presentation:
    """Shows one question to anybody; equal orders share one rendered text.

    `versions` is the number of orders that a question answered option by option is shown in, all equally often; 0 where
    the order is drawn for each person from all that there are.
    """

    def __init__(self, question: QuestionForm, *, seed: int) -> None:
        listing = question.listing or ShownOptions((), Order.FIXED)
        self._labels, self._last, self._lines = listing.labels, listing.last, listing.lines
        anchored = {self._labels.index(label) for label in listing.anchored}
        self._order = OptionOrder(len(self._labels), listing.order, anchored, seed=seed, question_id=question.id)
        self._blank = question.blank()
        self._few = self._order.few() if listing.is_gone_through else ()
        self.versions = len(self._few)
        self._in_order = lru_cache(maxsize=_KEPT_ORDERS)(self._render)

    def to(self, person_index: int, replicate: int, draw: int) -> Shown:
        """The question as this person sees it in this replicate; 64 bits `draw` choose among the versions."""
        if self._few:
            return self._in_order(self._few[draw * self.versions >> 64])
        return self._in_order(self._order.shown_to(person_index, replicate))

    def _render(self, order: tuple[int, ...]) -> Shown:
        if not order:
            return Shown(self._blank.fill(), None, {})
        labels = (*(self._labels[place] for place in order), *self._last)
        lines = "\n".join(f"- {self._lines.get(label, label)}" for label in labels)
        return Shown(self._blank.fill(lines), labels, {label: place for place, label in enumerate(labels)})


@dataclass(frozen=True, slots=True)
class Asked:
    """The questions of one call as one person sees them, and the schema of the reply: one of at most `schemas`."""

    shown: list[Shown]
    schema: ReplySchema
    schemas: int = 1

    @property
    def text(self) -> str:
        """The questions as they stand in the prompt."""
        return "\n\n".join([seen.text for seen in self.shown])


def form_digests(questions: Sequence[QuestionForm]) -> Mapping[str, str]:
    """SHA-256 (hex) of the templates that only some forms of questions need: plans without these forms keep theirs."""
    return {name: digest for question in questions for name, digest in question.template_digests.items()}


class QuestionGroup:
    """The questions of one call. `only` gives some of them as a call of their own, each shown as it is among all."""

    def __init__(self, questions: Sequence[QuestionForm], *, seed: int, whole: QuestionGroup | None = None) -> None:
        """`whole` is the call that this is a part of: its draws decide on orders."""
        self.ids = tuple(question.id for question in questions)
        self._questions = questions
        self._seed = seed
        self._compiled: Mapping[str, tuple[Presentation, Reader]]
        if whole is None:
            self._compiled = {one.id: (Presentation(one, seed=seed), one.reader(seed=seed)) for one in questions}
            self._key = stream(seed, "version", *self.ids)
        else:
            self._compiled, self._key = whole._compiled, whole._key  # noqa: SLF001 -- another one of this class
        self._presentations = [self._compiled[name][0] for name in self.ids]
        self._readers = [self._compiled[name][1] for name in self.ids]
        self._versions = tuple(sorted({one.versions for one in self._presentations} - {0}))
        self._most_schemas = 1 + sum(count - 1 for count in self._versions)
        self._schemas: dict[tuple[int, ...], ReplySchema] = {}
        self.only = lru_cache(maxsize=_KEPT_PARTS)(self._only)

    def _only(self, ids: tuple[str, ...]) -> QuestionGroup:
        if ids == self.ids:
            return self
        return QuestionGroup([one for one in self._questions if one.id in ids], seed=self._seed, whole=self)

    def asked_of(self, unit: Unit) -> Asked:
        """The questions as the unit's person sees them.

        One draw chooses the order of every question that is answered option by option, so that a call has about as
        many schemas as its longest question has options, and not the product over its questions.
        """
        draw = bits(bits(self._key, unit.case), unit.replicate) if self._versions else 0
        shown = [one.to(unit.case, unit.replicate, draw) for one in self._presentations]
        version = tuple([draw * count >> 64 for count in self._versions])
        schema = self._schemas.get(version)
        if schema is None:
            orders = [
                seen.order if one.versions else None for one, seen in zip(self._presentations, shown, strict=True)
            ]
            schema = self._schemas[version] = reply_schema(self._questions, orders, self.problem, self.keeps)
        return Asked(shown, schema, self._most_schemas)

    def problem(self, value: Any) -> str | None:
        """Why a reply that matches the schema cannot be read in whole, in words for the model; None where it can."""
        for question_id, reader in self._readers_by_id():
            if (problem := reader.problem(value[question_id])) is not None:
                return f"{question_id}: {problem}"
        return None

    def keeps(self, value: Any) -> bool:
        """Whether some of the questions can be read, and not all of them."""
        if not isinstance(value, dict):
            return False
        named = [(reader, value[question_id]) for question_id, reader in self._readers_by_id() if question_id in value]
        readable = sum(reader.problem(said) is None for reader, said in named)
        return 0 < readable < len(self.ids)

    def read(self, value: Any, shown: Sequence[Shown], unit: Unit) -> list[Answer]:
        """One answer per question from the object that the model replied with."""
        if not isinstance(value, dict):
            return self.absent(AnswerStatus.UNREADABLE, "the reply is no JSON object", shown)
        answers = []
        for question_id, reader, seen in zip(self.ids, self._readers, shown, strict=True):
            if question_id in value:
                answers.append(reader.read(value[question_id], seen, unit.case, unit.replicate))
            else:
                answers.append(reader.absent(AnswerStatus.UNREADABLE, "the reply leaves this question out", seen.order))
        return answers

    def left_out(self, question_id: str, status: AnswerStatus, reason: str) -> Answer:
        """The answer to a question of these that was not asked."""
        return self._compiled[question_id][1].absent(status, reason)

    def absent(self, status: AnswerStatus, reason: str, shown: Sequence[Shown] | None = None) -> list[Answer]:
        """One answer per question without a value, all with this status and reason."""
        orders = [seen.order for seen in shown] if shown is not None else [None] * len(self.ids)
        return [reader.absent(status, reason, order) for reader, order in zip(self._readers, orders, strict=True)]

    def said(self, answers: Sequence[Answer]) -> str | None:
        """What later prompts show as the person's reply: JSON of the answers that were given; None without any.

        Where chances were asked for this is the drawn label: a person who wavered still said one thing.
        """
        said = {
            answer.question_id: reader.said(answer)
            for answer, reader in zip(answers, self._readers, strict=True)
            if answer.status is AnswerStatus.ANSWERED
        }
        return orjson.dumps(said).decode() if said else None

    def example(self) -> dict[str, Any]:
        """A reply of ordinary length, to estimate tokens with."""
        return {question_id: reader.example() for question_id, reader in self._readers_by_id()}

    def _readers_by_id(self) -> zip[tuple[str, Reader]]:
        return zip(self.ids, self._readers, strict=True)


def reply_schema(
    questions: Sequence[QuestionForm],
    orders: Sequence[Sequence[str] | None] | None = None,
    check: Callable[[Any], str | None] | None = None,
    keeps: Callable[[Any], bool] | None = None,
) -> ReplySchema:
    """The schema of one reply: an object with one required property per question, the options as `orders` shows them.

    None stands for the order of the file. `check` finds what the schema cannot say, `keeps` what is good in part.
    """
    shown = orders or [None] * len(questions)
    properties = {question.id: question.node(order) for question, order in zip(questions, shown, strict=True)}
    return ReplySchema("answers", strict_object(properties), check, keeps=keeps)
