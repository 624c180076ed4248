"""The conversation of one person: what was asked and said before, as messages that only ever grow at the end."""

from __future__ import annotations

from functools import lru_cache

from troupe_batch.llm.chat import Message, Role
from troupe_batch.studies.survey.spec import LastTurns, SurveySpec
from troupe_batch.studies.survey.templates import Form


class History:
    """Turns of one person. The persona stands in the first message to the model, whichever turn that is."""

    __slots__ = ("_kept", "_persona", "_system", "_turns")

    def __init__(self, spec: SurveySpec, system: Message, persona: str) -> None:
        self._system = system
        self._persona = persona
        self._kept = _kept_turns(spec)
        self._turns: list[tuple[str, Message]] = []

    @property
    def is_kept(self) -> bool:
        """Whether later prompts show what was said."""
        return self._kept > 0

    def asking(self, questions: str) -> tuple[Message, ...]:
        """The messages that ask these questions now."""
        kept = self._turns[-self._kept :] if self._kept else []
        messages = [self._system]
        persona: str | None = self._persona
        for asked, said in kept:
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
    return 0 if spec.memory == "none" else len(spec.groups)


def _user(persona: str | None, questions: str) -> Message:
    return Message(Role.USER, questions if persona is None else _first_turn().fill(persona, questions))


@lru_cache(maxsize=1)
def _first_turn() -> Form:
    return Form("first_turn.md", ("persona", "questions"))
