"""Prompts read the way a respondent does: who am I, what was I shown, what is asked, in which order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

import orjson

from troupe_batch.rehearsal.prefix_cache import text_of
from troupe_batch.rehearsal.scene import people_in_reach

ANSWERS = "answers."
STANDS_ALONE = "stands alone:"


class Prompt:
    """The texts of a conversation, oldest first; the parts of it are read only when something asks for them."""

    def __init__(self, messages: Sequence[dict[str, Any]]) -> None:
        self.texts = [text_of(message) for message in messages]
        self._messages = messages

    @cached_property
    def facts(self) -> PromptFacts:
        """What is known of the person: the persona, and the answers given so far as `answers.<question id>`."""
        # A line of its own first: rules may speak of <persona> and </persona> in passing.
        for opening, first in (("<persona>\n", "\n"), ("<persona>", "")):
            for text in self.texts:
                if block := _between(text, opening, "</persona>"):
                    return PromptFacts(first + block, self)
        return PromptFacts("", self)

    @cached_property
    def said(self) -> dict[str, Any]:
        """What the person has answered earlier in this conversation, by question id."""
        said: dict[str, Any] = {}
        for message, text in zip(self._messages, self.texts, strict=True):
            if message.get("role") == "assistant":
                try:
                    answers = orjson.loads(text)
                except orjson.JSONDecodeError:
                    continue
                said |= answers if isinstance(answers, dict) else {}
        return said

    @cached_property
    def material(self) -> str:
        """The text of the arm, "" without one."""
        for text in self.texts:
            if block := _between(text, "<material>", "</material>"):
                return block
        return ""

    @cached_property
    def in_reach(self) -> list[str]:
        """Who can be spoken to, by name; empty where the prompt does not say."""
        return people_in_reach(self.texts)

    def shown(self, question_id: str, labels: Sequence[str]) -> Sequence[str]:
        """The labels in the order in which the question shows them; as given where the prompt does not show all."""
        lines = self._question(question_id).split("\n- ")[1:]
        return _in_order(lines, labels) if lines else labels

    def stand_alone(self, question_id: str, names: Sequence[str]) -> list[str]:
        """Those of the options that rule out all others, as the question says; none where it says nothing of it."""
        asked = self._question(question_id)
        if STANDS_ALONE not in asked:
            return []
        written = _on_one_line(asked)
        return [name for name in names if f'("{_on_one_line(name)}" {STANDS_ALONE}' in written]

    def _question(self, question_id: str) -> str:
        """The text of the question where it was asked last, "" where it was not."""
        opening = f'<question id="{question_id}"'
        for text in reversed(self.texts):
            start = text.rfind(opening)
            if start >= 0:
                return text[start : text.find("</question>", start)]
        return ""


class PromptFacts(Mapping[str, str]):
    """Facts as text; a nested part is the text of its lines.

    Each is searched when it is asked for: a respondent looks at a few of many.
    """

    def __init__(self, block: str, prompt: Prompt) -> None:
        self._block = block
        self._prompt = prompt

    def __getitem__(self, key: str) -> str:
        text = self.get(key)
        if text is None:
            raise KeyError(key)
        return str(text)

    def __iter__(self) -> Iterator[str]:
        lines = self._block.split("\n- ")[1:]
        return iter(dict.fromkeys(line.partition(":")[0] for line in lines if ":" in line))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and self.get(key) is not None

    def get(self, key: str, default: Any = None) -> Any:
        """The text of the fact, `default` where the persona does not have it."""
        if key.startswith(ANSWERS):
            said = answer_text(self._prompt.said.get(key.removeprefix(ANSWERS)))
            return default if said is None else said
        start = self._block.find(f"\n- {key}:")
        if start < 0:
            return default
        start += len(key) + 4
        end = self._block.find("\n- ", start)
        return self._block[start : end if end >= 0 else None].strip()


def answer_text(answer: Any) -> str | None:
    """An answer as the text that conditions compare with: a label, a number, or the options taken, joined by "; "."""
    if isinstance(answer, dict):
        return "; ".join(option for option, is_taken in answer.items() if is_taken is True)
    if isinstance(answer, list):
        return "; ".join(map(str, answer))
    return None if answer is None else str(answer)


def _in_order(lines: Sequence[str], labels: Sequence[str]) -> Sequence[str]:
    """The labels in the order of the lines; as given where the lines do not hold each of them once."""
    texts = [line.partition("\n")[0].strip() for line in lines]
    order = [text for text in texts if text in labels]
    if len(order) < len(labels):
        # A prompt writes "<" as "&lt;" where it could begin a tag, and a label on one line.
        written = {_on_one_line(label): label for label in labels}
        texts = [_on_one_line(text) for text in texts]
        order = [written[text] for text in texts if text in written]
    return order if len(order) == len(labels) == len(set(order)) else labels


def _on_one_line(text: str) -> str:
    return " ".join(text.replace("<", "&lt;").split())


def _between(text: str, opening: str, closing: str) -> str:
    start = text.find(opening)
    if start < 0:
        return ""
    start += len(opening)
    end = text.find(closing, start)
    return text[start:end] if end >= 0 else ""
