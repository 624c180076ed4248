"""Stories: a model tells in prose what happened to people, part by part, as the simulation goes on."""

from __future__ import annotations

import re
from typing import Any

from troupe_batch.errors import CannotAct, FixTheInput
from troupe_batch.llm.chat import Message, ReplySchema, ReplyStatus, Role, strict_object
from troupe_batch.simulation.judging.judging import Judged, id_of, material, mind_for
from troupe_batch.simulation.mind import Mind
from troupe_batch.simulation.templates import render

PURPOSE = "story"
_MOST_WORDS = 5_000
_MARK = re.compile(r"<(?=\s*(?:/\s*)?story\b)", re.IGNORECASE)


def _story_problem(value: Any) -> str | None:
    return None if value["text"].strip() else "text is empty; write the story"


_STORY = ReplySchema(
    "story",
    strict_object({"text": {"type": "string"}}),
    _story_problem,
)


class TinyStory:
    """The story of a world, a person or several people: told as far as they have come, one call a part.

    A part knows the record (`first_n` and `last_n` limit it to the first and last lines) and the parts before it. Run
    the world between two parts, and the second goes on from what happened.
    """

    def __init__(
        self,
        about: Judged,
        *,
        purpose: str = "See how these people would get on.",
        mind: Mind | None = None,
        first_n: int | None = None,
        last_n: int | None = None,
    ) -> None:
        self.about = about
        self.purpose = purpose
        self.parts: list[str] = []
        self._mind = mind
        self._first_n = first_n
        self._last_n = last_n
        self._calls = 0

    @property
    def text(self) -> str:
        """The story as far as it is told; "" before it is begun."""
        return "\n\n".join(self.parts)

    async def start_story(self, requirements: str = "", words: int = 100) -> str:
        """The beginning, of about so many words; FixTheInput where there is one. CannotAct where no part came back."""
        if self.parts:
            raise FixTheInput("this story has begun; go on with continue_story, or make another TinyStory")
        return await self._tell("Begin the story.", requirements, words)

    async def continue_story(self, requirements: str = "", words: int = 100) -> str:
        """The next part, of about so many words; FixTheInput before the first. CannotAct where no part came back."""
        if not self.parts:
            raise FixTheInput("this story has not begun; call start_story first")
        return await self._tell("Go on with the story where it stops.", requirements, words)

    async def _tell(self, task: str, requirements: str, words: int) -> str:
        if not 1 <= words <= _MOST_WORDS:
            raise FixTheInput(f"a part of a story has 1 to {_MOST_WORDS} words, not {words}")
        mind = mind_for(self.about, self._mind)
        draw = mind.draw_of(f"{PURPOSE}.{id_of(self.about)}", self._calls)
        self._calls += 1
        reply = await mind.ask(PURPOSE, self._messages(task, requirements, words), _STORY, draw=draw)
        if reply.status is not ReplyStatus.OK:
            raise CannotAct(str(reply.status), reply.reason or "the reply holds no story")
        text = str(reply.value["text"]).strip()
        self.parts.append(text)
        return text

    def _messages(self, task: str, requirements: str, words: int) -> tuple[Message, Message]:
        # What only grows comes before what changes, so that the endpoint's cache can serve the next part.
        parts = [
            f"The purpose of the simulation: {self.purpose.strip()}",
            material(self.about, first_n=self._first_n, last_n=self._last_n),
            f"<story>\n{_MARK.sub('&lt;', self.text)}\n</story>" if self.parts else "",
            f"{task} Write about {words} words." + (f" {requirements.strip()}" if requirements.strip() else ""),
        ]
        return Message(Role.SYSTEM, render("story.md")), Message(Role.USER, "\n\n".join([one for one in parts if one]))
