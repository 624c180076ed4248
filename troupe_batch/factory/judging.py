"""Judge of prose: a model says, in whatever language, what in a text cannot be true beside the facts of a person."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from troupe_batch.factory.commission import TEMPLATES
from troupe_batch.factory.contradictions import Contradiction, plain
from troupe_batch.llm.chat import ChatRequest, Endpoint, Message, ReplySchema, Role, strict_object
from troupe_batch.persona.block import CLOSING, OPENING, persona_block
from troupe_batch.simulation.mind import parameters_at
from troupe_batch.simulation.person.person import TinyPerson

_TEXT = {"type": "string"}
_FOUND = strict_object({"quote": _TEXT, "fact": _TEXT, "why": _TEXT, "is_possible": {"type": "boolean"}})
# One for everybody, so that caches can help: which facts there are is checked when the reply is read.
CONTRADICTIONS = ReplySchema("contradictions", strict_object({"contradictions": {"type": "array", "items": _FOUND}}))
_AROUND_QUOTES = " \"'.,;:…„«»「」『』。、"
_FEWEST_LETTERS = 2


def check_request(
    request: ChatRequest, person: TinyPerson, written: Mapping[str, Any], judge: Endpoint | None = None
) -> ChatRequest:
    """The call that checks what `request` has written about the person: the same rules first, then facts and text.

    The judge is by default the model that has written.
    """
    messages = (
        Message(Role.SYSTEM, TEMPLATES.render("judge.md")),
        Message(Role.USER, f"{person.block}\n{_judged_text(written)}"),
    )
    endpoint = judge or request.endpoint
    parameters = parameters_at(endpoint, request.endpoint, request.parameters)
    sample = f"{request.sample}/check"
    return ChatRequest(endpoint, messages, sample, parameters, CONTRADICTIONS, request.sharing)


def judged(value: Mapping[str, Any], person: TinyPerson, written: Mapping[str, Any]) -> tuple[Contradiction, ...]:
    """What the judge found, each once: only words that stand in the text, against facts that the person has."""
    return tuple(dict.fromkeys(_sound(value["contradictions"], person, _folded_text(_judged_text(written)))))


def _sound(found: Any, person: TinyPerson, text: str) -> Iterator[Contradiction]:
    facts = {_folded_text(fact).replace("_", " "): fact for fact in person.persona}
    for one in found:
        quote = plain(one["quote"]).strip(_AROUND_QUOTES)
        fact = facts.get(_folded_text(one["fact"].partition(":")[0]).replace("_", " "))
        stands = len(quote) >= _FEWEST_LETTERS and _folded_text(quote) in text
        if stands and fact is not None and not one["is_possible"]:
            value = person.persona[fact]
            shown = orjson.dumps(value).decode() if isinstance(value, dict | list) else value
            yield Contradiction(fact, shown, quote, " ".join(one["why"].split()))


def _judged_text(written: Mapping[str, Any]) -> str:
    """The text as the judge reads it; no part of it can end it."""
    return persona_block(written).replace(OPENING, "<text>", 1).removesuffix(CLOSING) + "</text>"


def _folded_text(text: str) -> str:
    return plain(text).casefold().strip()
