"""Examples: a unit run against replies of ordinary length, and the calls it would make, before any is made."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np
import orjson

from troupe_batch.llm.chat import ChatModel, ChatReply, ChatRequest, ReplyStatus
from troupe_batch.llm.embeddings import EmbeddingRequest
from troupe_batch.seeded import bits, stream
from troupe_batch.simulation.vectors import VectorStore
from troupe_batch.studies.study import PlannedCall, UnitSettings

_WORDS = tuple(
    (  # noqa: SIM905 -- a hundred quoted words are harder to read
        "able about after again always because before between both bring change clear close cost could day different "
        "early enough every family find first friend good hand hard help home hour idea kind know last later less like "
        "little long make matter mean might money month more most much need never next often other people place price "
        "quite rather reason right same seem simple since small sometimes soon still take talk thing think time today "
        "try use want week well while work worth year"
    ).split()
)
_TALK_WORDS = 30
_TEXT_WORDS = 12
_LIST_ITEMS = 3


class ExampleModel:
    """Answers each request by its schema, with texts of ordinary length, and keeps what it was asked.

    `answers` are values for properties of these names, wherever a reply has them.
    """

    def __init__(self, answers: Mapping[str, Any]) -> None:
        self.calls: list[PlannedCall] = []
        self._answers = answers

    async def complete(self, request: ChatRequest) -> ChatReply:
        """A reply that its schema allows."""
        number = len(self.calls)
        if isinstance(request, EmbeddingRequest):
            # Example people look nothing up by themselves; in long studies what comes back to them is looked up.
            self.calls.append(PlannedCall(request, ""))
            return ChatReply(ReplyStatus.OK, base64.b64encode(np.ones(1, "<f4").tobytes()).decode(), key=request.key())
        value = self._value(request.reply_schema.schema, number) if request.reply_schema else _words_for(number, "", 40)
        text = value if isinstance(value, str) else orjson.dumps(value).decode()
        self.calls.append(PlannedCall(request, text))
        return ChatReply(ReplyStatus.OK, text, value, key=request.key())

    def _value(self, schema: Mapping[str, Any], number: int, name: str = "") -> Any:
        if name in self._answers:
            return self._answers[name]
        if "anyOf" in schema:
            return self._value(schema["anyOf"][0], number, name)
        if "enum" in schema:
            return schema["enum"][len(schema["enum"]) // 2]
        kind = schema["type"] if isinstance(schema["type"], str) else schema["type"][0]
        if kind in ("object", "array"):
            return self._parts(kind, schema, number, name)
        return _made_scalar(kind, schema, number, name)

    def _parts(self, kind: str, schema: Mapping[str, Any], number: int, name: str) -> Any:
        if kind == "object":
            return {key: self._value(part, number, key) for key, part in schema["properties"].items()}
        if name == "actions":
            return _act(number)
        items = max(schema.get("minItems", 0), min(_LIST_ITEMS, schema.get("maxItems", _LIST_ITEMS)))
        return [self._value(schema["items"], number, f"{name} {place}") for place in range(items)]


def example_calls(
    run: Callable[[ChatModel, UnitSettings], Coroutine[Any, Any, object]],
    settings: UnitSettings,
    answers: Mapping[str, Any],
) -> tuple[PlannedCall, ...]:
    """The calls of `run`, in order. In a loop of its own, so that it can be asked for inside of one."""
    model = ExampleModel(answers)
    # Made-up vectors must never be at hand where real people look something up.
    examples = replace(settings, vectors=VectorStore())
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, run(model, examples)).result()
    return tuple(model.calls)


def _act(number: int) -> list[dict[str, Any]]:
    """Something said to everybody, in words unlike those of the acts before, which would not be said again."""
    said = {"type": "TALK", "target": None, "content": _words_for(number, "act", _TALK_WORDS)}
    return [said, {"type": "DONE", "target": None, "content": None}]


def _made_scalar(kind: str, schema: Mapping[str, Any], number: int, name: str) -> Any:
    if kind == "boolean":
        return True
    if kind in ("integer", "number"):
        least, most = schema.get("minimum"), schema.get("maximum")
        middle = (least + most) / 2 if least is not None and most is not None else (least or most or 100)
        return int(middle) if kind == "integer" else float(middle)
    return _words_for(number, name, _TEXT_WORDS)


def _words_for(number: int, name: str, count: int) -> str:
    key = stream("example", name, number)
    return " ".join(_WORDS[bits(key, place) * len(_WORDS) >> 64] for place in range(count))
