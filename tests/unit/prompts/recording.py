"""Record of all that reaches a model: the messages and schemas of the plans in `jobs.py`, a file for each.

`python -m tests.unit.prompts.recording` writes the files. It refuses where the words have changed and the digests of
the plan have not, as runs would mix two versions then: raise a number in `planning/word_digests.py` first.
"""

from __future__ import annotations

import asyncio
import hashlib
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from tests.doubles.embeddings import WordModel
from tests.doubles.runs import memory_store
from tests.unit.prompts.jobs import plans
from tests.unit.prompts.scenes import requests, texts
from troupe_batch.execution.shard import Attempt, run_shard
from troupe_batch.llm.chat import ChatReply, ChatRequest, ReplySchema, ReplyStatus, Usage
from troupe_batch.llm.embeddings import EmbeddingRequest
from troupe_batch.llm.repair import Repairing
from troupe_batch.planning.job import WaveMemory
from troupe_batch.planning.plan import Plan
from troupe_batch.planning.waves import WaveInfo
from troupe_batch.planning.word_digests import VERSIONS, words_of_wave
from troupe_batch.studies.minds import prompt_digests
from troupe_batch.wiring.supplies import make_run

_KNOWN = "[...]"
FOLDER = Path(__file__).parent / "on_record"


@dataclass
class Recorder:
    """A model that keeps all it is asked and answers by the schema, each time with another of the values it allows.

    The first reply to each schema cannot be read, so that the round which repairs it is on record too.
    """

    asked: list[str] = field(default_factory=list)
    _known: set[str] = field(default_factory=set)
    _lines: set[str] = field(default_factory=set)
    _words: WordModel = field(default_factory=WordModel)

    async def complete(self, request: ChatRequest) -> ChatReply:
        """A reply that fits."""
        if isinstance(request, EmbeddingRequest):
            self.note(request)
            return await self._words.complete(request)
        schema = request.reply_schema
        self.note(request)
        if schema is None:
            return ChatReply(ReplyStatus.OK, f"words {len(self.asked)}")
        if schema.name not in self._known:
            self._known.add(schema.name)
            return ChatReply(ReplyStatus.UNREADABLE, "{", reason="it ends too early")
        return self._reply(schema)

    def note(self, request: ChatRequest) -> None:
        """Keep the whole as a digest, and of its lines those that are new: the rest has been read above."""
        if isinstance(request, EmbeddingRequest):
            parts = [("embedding", request.text)]
        else:
            parts = [(str(message.role), message.content) for message in request.messages]
        if request.reply_schema is not None:
            shape = orjson.dumps(dict(request.reply_schema.schema)).decode()
            parts.append((f"schema {request.reply_schema.name}", shape))
        whole = hashlib.sha256(orjson.dumps(parts)).hexdigest()
        self.asked.append("\n".join([f"=== {whole}", *(f"--- {name}\n{self._news(text)}" for name, text in parts)]))

    def _news(self, text: str) -> str:
        shown = [line if line not in self._lines else _KNOWN for line in text.split("\n")]
        self._lines.update(text.split("\n"))
        return "\n".join(
            line for line, before in zip(shown, [None, *shown], strict=False) if line != _KNOWN or before != _KNOWN
        )

    def _reply(self, schema: ReplySchema) -> ChatReply:
        value = schema.tidied(_value(schema.schema, _Turns(len(self.asked))))
        problem = schema.problem(value) or (schema.check(value) if schema.check is not None else None)
        if problem is not None:
            return ChatReply(ReplyStatus.UNREADABLE, orjson.dumps(value).decode(), value=None, reason=problem)
        return ChatReply(ReplyStatus.OK, orjson.dumps(value).decode(), value=value, usage=Usage(1, 0, 1, 0))


NAMES = ("beside_the_plans", *plans())


async def record(name: str) -> str:
    """The text that is on record under this name, as the code of today makes it."""
    return await _beside_the_plans() if name == NAMES[0] else await _in_a_run(plans()[name])


async def _in_a_run(plan: Plan) -> str:
    """What a model is asked in a run of the plan, behind the digest of the words that the plan says it has."""
    run, recorder = make_run(plan, memory_store("recorded")), Recorder()
    for shard in range(plan.shards):
        await run_shard(run, Attempt(shard, f"attempt-{shard}"), model=Repairing(recorder), concurrency=1)
    return _filed(plan.prompt_digests, recorder.asked)


async def _beside_the_plans() -> str:
    recorder = Recorder()
    for request in await requests():
        recorder.note(request)
    wave = WaveInfo(2, "the-first", WaveMemory.SUMMARY, digest="0" * 64)
    versions = {name: str(version) for name, version in VERSIONS.items()}
    return _filed({**prompt_digests(), **words_of_wave(wave), **versions}, [*recorder.asked, *texts()])


def _filed(digests: Mapping[str, str], said: Iterable[str]) -> str:
    words = hashlib.sha256(orjson.dumps(dict(digests), option=orjson.OPT_SORT_KEYS)).hexdigest()
    return "\n\n".join([f"words: {words}", *said]) + "\n"


def is_mixed(before: str, now: str) -> bool:
    """Whether other words stand under the same digest."""
    return before != now and before.partition("\n")[0] == now.partition("\n")[0]


@dataclass
class _Turns:
    """Numbers that count on, from where the number of the call has it."""

    at: int

    def __call__(self, among: int) -> int:
        self.at += 1
        return self.at % among


def _value(node: Mapping[str, Any], turns: _Turns, name: str = "") -> Any:
    if "enum" in node:
        return node["enum"][turns(len(node["enum"]))]
    if "anyOf" in node:
        some = [one for one in node["anyOf"] if one.get("type") != "null"]
        return _value(some[turns(len(some))], turns, name)
    kinds = node.get("type", "object")
    kind = kinds if isinstance(kinds, str) else next(one for one in kinds if one != "null")
    if kind == "object":
        return _object(node.get("properties", {}), turns)
    if kind == "array":
        values = [_value(node["items"], turns, name) for _ in range(max(1, node.get("minItems", 1)))]
        return [*values, _END] if name == "actions" else values
    if kind in ("number", "integer"):
        return node.get("minimum", 0) if turns(2) else node.get("maximum", 9)
    return turns(2) == 1 if kind == "boolean" else _text(name, turns)


_END = {"type": "DONE", "target": None, "content": None}
_NOBODY = "Nobody known"


def _object(properties: Mapping[str, Any], turns: _Turns) -> dict[str, Any]:
    if properties and all(part.get("maximum") == 100 for part in properties.values()):
        return {name: 100 * (number == 0) for number, name in enumerate(properties)}
    if properties and all(part.get("type") == "boolean" for part in properties.values()):
        return {name: number == 0 for number, name in enumerate(properties)}
    value = {name: _value(part, turns, name) for name, part in properties.items()}
    if value.get("type") == "DONE":
        value["type"] = "TALK"
    return value


def _text(name: str, turns: _Turns) -> str:
    if name == "target":
        return _NOBODY
    if name == "bio":
        return "A person of 12 years who lives alone."
    return f"{name or 'some'} words {turns(10_000)} of call {turns.at}"


def write() -> int:
    """Write the record anew; the number of files that were refused."""
    refused = 0
    for name in NAMES:
        path, now = FOLDER / f"{name}.txt", asyncio.run(record(name))
        if path.exists() and is_mixed(path.read_text(encoding="utf-8"), now):
            refused += 1
            sys.stderr.write(f"{path.name}: other words, and no other version: raise one in word_digests.py\n")
            continue
        path.write_text(now, encoding="utf-8")
    return refused


if __name__ == "__main__":
    sys.exit(write())
