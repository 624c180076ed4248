"""Conversation of one person: what was asked and said before, as messages that only ever grow at the end."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import TypeAlias

from troupe_batch.llm.chat import Message, Role
from troupe_batch.simulation.templates import Templates
from troupe_batch.studies.questions.templates import Blank
from troupe_batch.studies.survey.spec import LastTurns, SurveySpec

TEMPLATES = Templates(Path(__file__).parent / "prompts", "survey")

Turn: TypeAlias = tuple[str, str]
"""What was asked, and what was said."""


class History:
    """Turns of one person. The persona stands in the first message to the model, whichever turn that is.

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
