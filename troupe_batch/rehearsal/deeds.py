"""Deeds: what goes into the actions of faculties, a text for each field by its name, so that tools can use it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from troupe_batch.rehearsal.act_specs import CONSULT, RECALL, WRITE_DOCUMENT
from troupe_batch.rehearsal.prompt import Prompt
from troupe_batch.rehearsal.scene import documents_named
from troupe_batch.rehearsal.thoughts import paragraph, title
from troupe_batch.seeded import DrawStream
from troupe_batch.truths.strings import sentence


def is_look_up(name: str) -> bool:
    """Whether the action is one of those that only bring something to see, and are shown it in the same act."""
    return name in (RECALL, CONSULT) or name.startswith("LIST_")


def texts_of(name: str, fields: Iterable[str], prompt: Prompt, draws: DrawStream) -> Mapping[str, str] | None:
    """A text for each field of the action; None where there is nothing that it could be done to."""
    texts = {field: _BY_FIELD.get(field, _anything)(prompt, draws) for field in fields}
    if name == WRITE_DOCUMENT and "content" in texts:
        texts["content"] = paragraph(draws)
    if name == CONSULT and "target" in texts:
        documents = documents_named(prompt.texts)
        if not documents:
            return None
        texts["target"] = draws.choice(documents)
    return texts


def _anything(_prompt: Prompt, draws: DrawStream) -> str:
    return sentence(draws)


def _title_for(_prompt: Prompt, draws: DrawStream) -> str:
    return title(draws)


def _somebody(prompt: Prompt, draws: DrawStream) -> str:
    return draws.choice(prompt.in_reach) if prompt.in_reach else ""


def _day(_prompt: Prompt, draws: DrawStream) -> str:
    return f"2025-{1 + draws.below(12):02}-{1 + draws.below(28):02}"


def _hour(_prompt: Prompt, draws: DrawStream) -> str:
    return f"{8 + draws.below(12):02}:{15 * draws.below(4):02}"


def _nothing(_prompt: Prompt, _draws: DrawStream) -> str:
    return ""


# Names, days and hours carry no mark: a tool reads them.
_BY_FIELD: Mapping[str, Callable[[Prompt, DrawStream], str]] = {
    "title": _title_for,
    "name": _title_for,
    "subject": _title_for,
    "target": _somebody,
    "attendees": _somebody,
    "date": _day,
    "day": _day,
    "time": _hour,
    "author": _nothing,
}
