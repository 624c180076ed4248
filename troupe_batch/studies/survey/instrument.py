"""A survey compiled for asking: the questions of each call, and a system text per arm."""

from __future__ import annotations

from troupe_batch.llm.chat import Message, Role
from troupe_batch.studies.questions.group import QuestionGroup
from troupe_batch.studies.survey.history import TEMPLATES
from troupe_batch.studies.survey.spec import SurveySpec


class Instrument:
    """Everything about a survey that does not depend on the person."""

    def __init__(self, spec: SurveySpec, *, seed: int) -> None:
        self.groups = tuple(QuestionGroup(questions, seed=seed) for questions in spec.groups)
        self.questions = tuple(question.info for question in spec.all_questions)
        materials: dict[str | None, str | None] = {arm.id: arm.material for arm in spec.arms}
        by_arm = (materials or {None: None}).items()
        self.system = {arm: _system(spec, material) for arm, material in by_arm}
        self.system_with_memory = {arm: _system(spec, material, remembers=True) for arm, material in by_arm}


def _system(spec: SurveySpec, material: str | None, *, remembers: bool = False) -> Message:
    questions = spec.all_questions
    text = TEMPLATES.render(
        "system.md",
        introduction=spec.introduction,
        material=material,
        remembers=remembers or (len(spec.groups) > 1 and spec.memory != "none"),
        asks_for_chances=any(question.asks_for_chances for question in questions),
        asks_yes_or_no=any(question.asks_yes_or_no for question in questions),
        offers_dont_know=any(question.info.dont_know is not None for question in questions),
    )
    return Message(Role.SYSTEM, text)
