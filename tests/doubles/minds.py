"""Minds for simulation tests: models that act by a script or a rule, and keep what they were asked."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from troupe_batch.llm.chat import ChatReply, ChatRequest, Endpoint, ReplyStatus, Usage
from troupe_batch.seeded import bits, stream
from troupe_batch.simulation.mind import Mind, MindSettings
from troupe_batch.simulation.person.person import TinyPerson

ENDPOINT = Endpoint("test", "a-model")

_NAME = re.compile(r"^- name: (.+)$", re.MULTILINE)
_CALLED = re.compile(r"^Here you are called (.+)\.$", re.MULTILINE)


def talk(content: str, target: str | None = None) -> dict[str, Any]:
    """A TALK as a model writes it."""
    return {"type": "TALK", "target": target, "content": content}


def think(content: str) -> dict[str, Any]:
    """A THINK as a model writes it."""
    return {"type": "THINK", "target": None, "content": content}


def reach_out(target: str) -> dict[str, Any]:
    """A REACH_OUT as a model writes it."""
    return {"type": "REACH_OUT", "target": target, "content": None}


def does(kind: str, **fields: str) -> dict[str, Any]:
    """An action of a faculty as a model writes it."""
    return {"type": kind, **fields}


DONE: dict[str, Any] = {"type": "DONE", "target": None, "content": None}


def acts(
    *actions: dict[str, Any],
    goals: str = "",
    context: Sequence[str] = (),
    attention: str = "",
    emotions: str = "",
    answers: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """The value of a whole act: the actions and DONE, the answers to what was asked, the state of mind."""
    state = {"goals": goals, "context": list(context), "attention": attention, "emotions": emotions}
    return {"actions": [*actions, DONE], **(answers or {}), "cognitive_state": state}


@dataclass(frozen=True)
class Asked:
    """One request, and its number from 0, as a rule sees it."""

    request: ChatRequest
    number: int

    @property
    def schema(self) -> str:
        """The name of the reply schema: "act" for acts, "" where there is none."""
        return self.request.reply_schema.name if self.request.reply_schema is not None else ""

    @property
    def system(self) -> str:
        """The text of the system message."""
        return self.request.messages[0].content

    @property
    def text(self) -> str:
        """The text of all other messages."""
        return "\n\n".join(message.content for message in self.request.messages[1:])

    @property
    def person(self) -> str:
        """The name of who is asked, as the others know them."""
        found = _CALLED.search(self.text) or _NAME.search(self.text)
        return found.group(1) if found else ""

    @property
    def memory(self) -> list[str]:
        """The lines of the memory block."""
        return self._block("memory")

    @property
    def now(self) -> list[str]:
        """The lines of the block on how things stand."""
        return self._block("now")

    @property
    def after(self) -> str:
        """What stands after all blocks: what is asked now."""
        return re.split(r"</(?:persona|memory|now)>", self.text)[-1].strip()

    def _block(self, name: str) -> list[str]:
        found = re.search(rf"^<{name}>\n(.*?)\n?^</{name}>$", self.text, re.MULTILINE | re.DOTALL)
        return found.group(1).splitlines() if found else []


Said: TypeAlias = dict[str, Any] | ChatReply | BaseException
Rule: TypeAlias = Callable[[Asked], Said]


class FakeModel:
    """Answers acts by a rule, or from a list of which the last is repeated; other schemas by `others[name]`.

    What it is to say is the value of the reply, a whole reply, or an error to raise. A value that breaks the schema or
    its check comes back unreadable, as from the model stack. Without a rule for a schema it makes a small value that
    fits. With `shuffled_by` it lets calls gather and answers those in flight in an order drawn from that number.
    """

    def __init__(
        self,
        said: Rule | Sequence[Said] | None = None,
        *,
        others: dict[str, Rule] | None = None,
        shuffled_by: int | None = None,
    ) -> None:
        self.asked: list[Asked] = []
        self._said = said
        self._others = others or {}
        self._shuffled_by = shuffled_by
        self._waiting: list[asyncio.Future[None]] = []
        self._number_of_acts = 0

    @property
    def acts(self) -> list[Asked]:
        """The requests for acts."""
        return self.named("act")

    def named(self, schema: str) -> list[Asked]:
        """The requests with the reply schema of this name."""
        return [one for one in self.asked if one.schema == schema]

    async def complete(self, request: ChatRequest) -> ChatReply:
        asked = Asked(request, len(self.asked))
        self.asked.append(asked)
        said = self._says(asked)
        await self._turn()
        if isinstance(said, BaseException):
            raise said
        return said if isinstance(said, ChatReply) else _reply(said, request)

    def _says(self, asked: Asked) -> Said:
        if asked.schema != "act":
            rule = self._others.get(asked.schema)
            return rule(asked) if rule is not None else fitting(asked.request)
        if self._said is None:
            return acts(talk(f"This is thing {asked.number} that {asked.person} says."))
        if callable(self._said):
            return self._said(asked)
        number, self._number_of_acts = self._number_of_acts, self._number_of_acts + 1
        return self._said[min(number, len(self._said) - 1)]

    async def _turn(self) -> None:
        """Comes back when it is this call's turn."""
        if self._shuffled_by is None:
            await asyncio.sleep(0)
            return
        mine: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(mine)
        if len(self._waiting) == 1:
            self._conductor = asyncio.create_task(self._conduct())
        await mine

    async def _conduct(self) -> None:
        gathered = 0
        while gathered < len(self._waiting):
            gathered = len(self._waiting)
            for _ in range(5):
                await asyncio.sleep(0)
        waiting, self._waiting = self._waiting, []
        key = stream(self._shuffled_by or 0, "order of replies", len(self.asked))
        for number in sorted(range(len(waiting)), key=lambda i: bits(key, i)):
            waiting[number].set_result(None)
            for _ in range(5):
                await asyncio.sleep(0)


def mind_of(
    model: FakeModel | Rule | Sequence[Said] | None = None, *, settings: MindSettings | None = None, premise: str = ""
) -> Mind:
    """A mind with this model, or with a FakeModel of this rule."""
    return Mind(
        model if isinstance(model, FakeModel) else FakeModel(model), ENDPOINT, settings=settings, premise=premise
    )


def people(*names: str, mind: Mind | None = None) -> list[TinyPerson]:
    """People of these names, who share the mind."""
    return [TinyPerson(name, mind=mind) for name in names]


def _reply(value: dict[str, Any], request: ChatRequest) -> ChatReply:
    schema = request.reply_schema
    problem = None
    if schema is not None:
        value = schema.tidied(value)
        problem = schema.problem(value) or (schema.check(value) if schema.check is not None else None)
    if problem is not None:
        return ChatReply(ReplyStatus.UNREADABLE, reason=problem)
    return ChatReply(ReplyStatus.OK, value=value, usage=Usage(100, 40, 20, 0), cost_usd=0.01, model="m")


def fitting(request: ChatRequest) -> dict[str, Any]:
    """A small value that fits the schema of the request."""
    value = _value_for(request.reply_schema.schema if request.reply_schema is not None else {"type": "object"})
    return value if isinstance(value, dict) else {}


def _value_for(schema: Any) -> Any:
    """A small value that fits the schema."""
    if "enum" in schema:
        return schema["enum"][0]
    if "anyOf" in schema:
        return _value_for(schema["anyOf"][0])
    kind = schema.get("type")
    kind = kind[0] if isinstance(kind, list) else kind
    if kind == "object":
        return {name: _value_for(part) for name, part in schema.get("properties", {}).items()}
    if kind == "array":
        return [_value_for(schema["items"]) for _ in range(schema.get("minItems", 0))]
    return {"string": "words", "boolean": True, "null": None}.get(kind, schema.get("minimum", 0))
