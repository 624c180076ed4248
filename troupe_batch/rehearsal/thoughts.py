"""Thoughts and notes of a made-up person: short marked texts, of the form that a schema asks for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from troupe_batch.rehearsal.instances import compile_instances
from troupe_batch.rehearsal.prompt import Prompt
from troupe_batch.rehearsal.reply_plan import PropertyMaker
from troupe_batch.seeded import DrawStream
from troupe_batch.truths.strings import MARK, sentence
from troupe_batch.truths.truth import without_null

# What goes into a field: a text that was decided on, or None where it is left empty.
FieldMaker = Callable[[str | None, DrawStream], Any]

_CONSTRAINTS = {"enum", "const", "pattern", "format", "minLength", "maxLength", "anyOf", "$ref"}
_BOUNDS = {"minItems", "maxItems"}
_STATES: Mapping[str, tuple[str, ...]] = {
    "goals": ("say what I think", "hear the others out", "come to a decision", "not waste the evening", "learn more"),
    "attention": ("what was said last", "the price", "the time", "who has not spoken yet", "the details"),
    "emotions": ("calm", "curious", "a little bored", "cheerful", "doubtful", "relaxed", "slightly annoyed"),
}
_SITUATIONS = ("an open conversation", "nothing is decided yet", "people are friendly", "it is getting late")
_TITLES = ("Notes on what was said", "What I would change", "A short summary", "Points to settle", "A first draft")
_SENTENCES = 3


def title(draws: DrawStream) -> str:
    """A marked title of something written."""
    return f"{MARK}{draws.choice(_TITLES)} ({1 + draws.below(99)})"


def paragraph(draws: DrawStream) -> str:
    """A few sentences behind one mark."""
    return MARK + " ".join([sentence(draws).removeprefix(MARK) for _ in range(_SENTENCES)])


def state_of_mind(node: dict[str, Any], root: dict[str, Any]) -> PropertyMaker:
    """A maker of objects whose free texts are short marked phrases; all else is whatever the schema allows."""
    makers = {name: _phrase(name, child, root) for name, child in node.get("properties", {}).items()}

    def make(_prompt: Prompt, draws: DrawStream) -> dict[str, Any]:
        return {name: maker(draws) for name, maker in makers.items()}

    return make


def field_of(node: dict[str, Any], root: dict[str, Any]) -> FieldMaker:
    """A maker for one field of an action: the text where the schema takes any text, else something that it takes."""
    core = without_null(node)
    if not _is_free_text(core):
        make = compile_instances(node, root)
        return lambda _text, draws: make(draws)
    if core is not node:
        return lambda text, _draws: text
    return lambda text, _draws: text or ""


def _phrase(name: str, node: dict[str, Any], root: dict[str, Any]) -> Callable[[DrawStream], Any]:
    phrases = _STATES.get(name, _SITUATIONS)
    if _is_free_text(node):
        return lambda draws: MARK + draws.choice(phrases)
    if node.get("type") == "array" and _is_free_text(node.get("items", {})) and not node.keys() & _BOUNDS:
        return lambda draws: [MARK + draws.choice(phrases)]
    return compile_instances(node, root)


def _is_free_text(node: dict[str, Any]) -> bool:
    return node.get("type") == "string" and not node.keys() & _CONSTRAINTS
