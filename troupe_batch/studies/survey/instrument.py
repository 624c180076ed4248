"""Instrument of a survey: what it compiles to for everybody, and the conversation of one person that it leads to."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TypeAlias

from troupe_batch.expressions.kinds import Kind
from troupe_batch.llm.chat import Message, Role
from troupe_batch.simulation.templates import Templates
from troupe_batch.studies.conditions import Gate, kind_of
from troupe_batch.studies.questions.form import Blank
from troupe_batch.studies.questions.group import QuestionGroup
from troupe_batch.studies.questions.when import names_in
from troupe_batch.studies.survey.spec import LastTurns, SurveySpec

TEMPLATES = Templates(Path(__file__).parent / "prompts", "survey")

FactKinds: TypeAlias = Callable[[], Mapping[str, Kind]]
"""What facts of the people are, worked out when it is asked for."""
Turn: TypeAlias = tuple[str, str]
"""What was asked, and what was said."""


class Instrument:
    """Everything about a survey that does not depend on the person."""

    def __init__(self, spec: SurveySpec, *, seed: int, facts: FactKinds) -> None:
        self.groups = tuple(QuestionGroup(questions, seed=seed) for questions in spec.groups)
        self.questions = tuple(question.info for question in spec.all_questions)
        # Of somebody who is asked everything: a group each, or a part of one.
        whole = {name: group for group in self.groups for name in group.ids}
        self.calls = tuple(whole[call[0].id].only(tuple(one.id for one in call)) for call in spec.calls)
        self.gates = _gates(spec, facts)
        materials: dict[str | None, str | None] = {arm.id: arm.material for arm in spec.arms}
        by_arm = (materials or {None: None}).items()
        has_memory = len(self.calls) > 1 and spec.memory != "none"
        self.system = {arm: _system(spec, material, remembers=has_memory) for arm, material in by_arm}
        self.system_with_memory = {arm: _system(spec, material, remembers=True) for arm, material in by_arm}


class History:
    """Turns of one person, as messages that only ever grow at the end; the persona stands in the first of them.

    `system` goes before what is asked, `system_with_memory` before what is asked again, which shows what came before.
    """

    __slots__ = ("_kept", "_persona", "_system", "_system_with_memory", "_turns")

    def __init__(self, spec: SurveySpec, system: Message, system_with_memory: Message, persona: str) -> None:
        self._system = system
        self._system_with_memory = system_with_memory
        self._persona = persona
        self._kept = _kept_turns(spec)
        self._turns: list[tuple[str, Message]] = []

    @property
    def is_kept(self) -> bool:
        """Whether later prompts show what was said."""
        return self._kept > 0

    def asking(self, questions: str, begun: Sequence[Turn] = ()) -> tuple[Message, ...]:
        """The messages that ask these questions now; `begun` are the asked and said of a turn that is not over yet."""
        kept = self._turns[-self._kept :] if self._kept else []
        messages = [self._system_with_memory if begun else self._system]
        persona: str | None = self._persona
        for asked, said in (*kept, *[(asked, Message(Role.ASSISTANT, said)) for asked, said in begun]):
            messages.append(_user(persona, asked))
            messages.append(said)
            persona = None
        messages.append(_user(persona, questions))
        return tuple(messages)

    def add(self, questions: str, said: str) -> None:
        """Remembers a turn that brought an answer."""
        if self._kept:
            self._turns.append((questions, Message(Role.ASSISTANT, said)))


def _gates(spec: SurveySpec, facts: FactKinds) -> Mapping[str, Gate]:
    """Question -> what must hold before it is asked; `facts` is asked only where conditions read any."""
    kinds = {question.id: kind_of(question) for question in spec.all_questions}
    conditions = spec.conditions
    read = {name for several in conditions.values() for one in several for name in names_in(one)}
    known = {} if read <= kinds.keys() else facts()
    return {name: Gate(several, kinds, known) for name, several in conditions.items()}


def _system(spec: SurveySpec, material: str | None, *, remembers: bool) -> Message:
    questions = spec.all_questions
    text = TEMPLATES.render(
        "system.md",
        introduction=spec.introduction,
        material=material,
        remembers=remembers,
        asks_for_chances=any(question.asks_for_chances for question in questions),
        asks_yes_or_no=any(question.asks_yes_or_no for question in questions),
        offers_dont_know=any(question.info.dont_know is not None for question in questions),
    )
    return Message(Role.SYSTEM, text)


def _kept_turns(spec: SurveySpec) -> int:
    if isinstance(spec.memory, LastTurns):
        return spec.memory.last
    # As many as there can be, each with a question at least.
    return 0 if spec.memory == "none" else len(spec.all_questions)


def _user(persona: str | None, questions: str) -> Message:
    return Message(Role.USER, questions if persona is None else _first_turn().fill(persona, questions))


@lru_cache(maxsize=1)
def _first_turn() -> Blank:
    return Blank(TEMPLATES, "first_turn.md", ("persona", "questions"))
