"""Models for tests: they answer from a script and keep what they were asked."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

from troupe_batch.llm.chat import ChatReply, ChatRequest, Endpoint, Message, ReplySchema, ReplyStatus, Role, Usage
from troupe_batch.llm.sqlite_values import SqliteValues

SCHEMA = ReplySchema(
    "answers",
    {
        "type": "object",
        "properties": {"q1": {"type": "string", "enum": ["yes", "no"]}},
        "required": ["q1"],
        "additionalProperties": False,
    },
)


def request(text: str = "Gazpacho?", *, sample: str = "0", schema: ReplySchema | None = SCHEMA) -> ChatRequest:
    """A small request."""
    endpoint = Endpoint("openai", "gpt-4o-mini")
    return ChatRequest(endpoint, (Message(Role.USER, text),), sample, reply_schema=schema)


def ok(answer: str = "yes", *, cost_usd: float | None = 0.01) -> ChatReply:
    """A good reply to `request()`."""
    text = f'{{"q1": "{answer}"}}'
    usage = Usage(100, 40, 20, 5)
    return ChatReply(
        ReplyStatus.OK,
        text,
        {"q1": answer},
        usage=usage,
        cost_usd=cost_usd,
        latency_s=0.5,
        model="m",
        finish_reason="stop",
    )


def cache_in(path: Path) -> SqliteValues:
    """Values of a reply cache in a file."""
    return SqliteValues(path, name="reply cache", cure="set Storage.STATE_FOLDER")


class ScriptedModel:
    """Gives the replies, or raises the errors, of its script one by one and repeats the last."""

    def __init__(self, script: Sequence[ChatReply | BaseException]) -> None:
        self._script = list(script)
        self.asked: list[ChatRequest] = []

    async def complete(self, request: ChatRequest) -> ChatReply:
        self.asked.append(request)
        await asyncio.sleep(0)
        step = self._script.pop(0) if len(self._script) > 1 else self._script[0]
        if isinstance(step, BaseException):
            raise step
        return step


class GatedModel:
    """Answers each call with `answer(number of the call)`, once its gate is open."""

    def __init__(self, answer: Callable[[int], ChatReply]) -> None:
        self._answer = answer
        self.calls = 0
        self.started = asyncio.Event()
        self.gate = asyncio.Event()

    async def complete(self, request: ChatRequest) -> ChatReply:  # noqa: ARG002 -- the same answer for every request
        self.calls += 1
        number = self.calls
        self.started.set()
        await self.gate.wait()
        return self._answer(number)
