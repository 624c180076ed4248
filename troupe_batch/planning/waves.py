"""Later waves of a panel study: what people answered before, as the text that stands behind their persona."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from troupe_batch.declared import as_declared
from troupe_batch.persona.block import one_line
from troupe_batch.planning.job import WaveMemory
from troupe_batch.simulation.templates import Templates
from troupe_batch.studies.study import QuestionInfo
from troupe_batch.studies.values import value_words

# About 2,000 tokens: as much again as a long persona, and what a questionnaire of 40 questions takes word for word.
MOST_CHARACTERS = 8_000
_SHORT_QUESTION = 100
_SHORT_ANSWER = 160
_TEMPLATES = Templates(Path(__file__).parent / "prompts", "waves")


@dataclass(frozen=True, slots=True)
class WaveInfo:
    """A later wave as its plan states it.

    `after` is the run before. `digest` is SHA-256 (hex) of what all people remember of it and of the waves before, None
    where they remember nothing; `people` is how many have something to remember.
    """

    number: int
    after: str
    memory: WaveMemory
    digest: str | None = None
    people: int = 0

    def as_json(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, content: Mapping[str, Any] | None) -> WaveInfo | None:
        """What `as_json` gave; None for None."""
        return None if content is None else as_declared(cls, content)


@dataclass(frozen=True, slots=True)
class RememberedWave:
    """Wave as one person remembers it: an entry per answer, and how many more there were."""

    number: int
    entries: tuple[str, ...]
    left_out: int = 0


def entry(question: QuestionInfo, answer: Mapping[str, Any], memory: WaveMemory) -> str:
    """The entry for an answer, given as a row of `answers`; on lines of its own that nothing in it can break out of."""
    said = _answer_text(question, answer)
    if memory is WaveMemory.SUMMARY:
        return f"- {_text_cut(one_line(question.text), _SHORT_QUESTION)} -> {_text_cut(one_line(said), _SHORT_ANSWER)}"
    options = [one_line(label) for label in question.answerable]
    shown = f" (options: {'; '.join(options)})" if options else ""
    return f"- Asked: {one_line(question.text)}{shown}\n  Answered: {one_line(said)}"


def bounded(waves: Sequence[RememberedWave], most: int = MOST_CHARACTERS) -> tuple[RememberedWave, ...]:
    """The waves, oldest first, without the oldest entries that would make them longer than `most` characters."""
    kept: list[RememberedWave] = []
    left = most
    for wave in reversed(waves):
        first = len(wave.entries)
        # Once there is no room, there is none for all before it: nobody remembers the older and forgets the newer.
        while first and (left := left - len(wave.entries[first - 1])) >= 0:
            first -= 1
        kept.append(replace(wave, entries=wave.entries[first:], left_out=wave.left_out + first))
    return tuple(reversed(kept))


def recollections_text(waves: Sequence[RememberedWave]) -> str:
    """The block of the prompt; empty where there is nothing to remember."""
    told = [wave for wave in waves if wave.entries or wave.left_out]
    return _TEMPLATES.render("recollections.md", waves=told) if told else ""


def wave_digests(wave: WaveInfo | None) -> Mapping[str, str]:
    """SHA-256 (hex) of the template, by name, where people remember something; else none."""
    return {} if wave is None or wave.digest is None else _TEMPLATES.digests


def _answer_text(question: QuestionInfo, answer: Mapping[str, Any]) -> str:
    if answer["is_dont_know"]:
        return question.dont_know or "don't know"
    number = answer.get("number")
    return value_words(
        question.value_kind,
        label=answer.get("label"),
        selected=answer.get("selected"),
        number=None if number is None else _number_text(number, question.unit),
        text=answer.get("text"),
        between="; ",
    )


def _number_text(number: float, unit: str | None) -> str:
    return f"{number:{'g' if abs(number) < 1e6 else ',.15g'}}{f' {unit}' if unit else ''}"


def _text_cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1].rstrip()}…"
