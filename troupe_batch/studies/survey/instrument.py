"""Survey compiled for asking: its questions, the conditions under which they are asked, a system text per arm."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

from troupe_batch.expressions.kinds import Kind
from troupe_batch.llm.chat import Message, Role
from troupe_batch.studies.conditions import Gate, kind_of
from troupe_batch.studies.questions.group import QuestionGroup
from troupe_batch.studies.questions.when import names_in
from troupe_batch.studies.survey.history import TEMPLATES
from troupe_batch.studies.survey.spec import SurveySpec

FactKinds: TypeAlias = Callable[[], Mapping[str, Kind]]
"""What facts of the people are, worked out when it is asked for."""


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
        self.system = {arm: _system(spec, material) for arm, material in by_arm}
        self.system_with_memory = {arm: _system(spec, material, remembers=True) for arm, material in by_arm}


def _gates(spec: SurveySpec, facts: FactKinds) -> Mapping[str, Gate]:
    """Question -> what must hold before it is asked; `facts` is asked only where conditions read any."""
    kinds = {question.id: kind_of(question) for question in spec.all_questions}
    conditions = spec.conditions
    read = {name for several in conditions.values() for one in several for name in names_in(one)}
    known = {} if read <= kinds.keys() else facts()
    return {name: Gate(several, kinds, known) for name, several in conditions.items()}


def _system(spec: SurveySpec, material: str | None, *, remembers: bool = False) -> Message:
    questions = spec.all_questions
    text = TEMPLATES.render(
        "system.md",
        introduction=spec.introduction,
        material=material,
        remembers=remembers or (len(spec.calls) > 1 and spec.memory != "none"),
        asks_for_chances=any(question.asks_for_chances for question in questions),
        asks_yes_or_no=any(question.asks_yes_or_no for question in questions),
        offers_dont_know=any(question.info.dont_know is not None for question in questions),
    )
    return Message(Role.SYSTEM, text)
