"""A model that embeds texts by their words, and a person who has a mind, a memory and a journal and nothing else."""

from __future__ import annotations

import asyncio
import base64
import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from troupe_batch.llm.chat import ChatReply, ChatRequest, Endpoint, ReplyStatus, Usage
from troupe_batch.llm.embeddings import EmbeddingRequest
from troupe_batch.persona import Persona
from troupe_batch.simulation.mind import Mind
from troupe_batch.simulation.record.events import Journal
from troupe_batch.simulation.record.semantic import SemanticMemory

CHAT = Endpoint("openai", "gpt-4o-mini")
EMBEDDING = Endpoint("openai", "text-embedding-3-small")
WIDTH = 4_096


def embedding_reply(values: list[float]) -> ChatReply:
    """An OK reply that holds these numbers."""
    text = base64.b64encode(np.array(values, "<f4").tobytes()).decode()
    return ChatReply(ReplyStatus.OK, text, usage=Usage(prompt_tokens=3), finish_reason="stop")


class WordModel:
    """Embeds a text as the set of its words; texts without common words are at right angles. Keeps what was asked.

    What `troubles` has for a text is raised, or comes back, in place of its embedding.
    """

    def __init__(self, troubles: Mapping[str, ChatReply | Exception] | None = None) -> None:
        self.asked: list[str] = []
        self.troubles = dict(troubles or {})

    async def complete(self, request: ChatRequest) -> ChatReply:
        assert isinstance(request, EmbeddingRequest)
        self.asked.append(request.text)
        await asyncio.sleep(0)
        trouble = self.troubles.get(request.text)
        if isinstance(trouble, Exception):
            raise trouble
        values = [0.0] * WIDTH
        for word in re.findall(r"\w+", request.text.casefold()):
            values[zlib.crc32(word.encode()) % WIDTH] = 2.0
        return trouble or embedding_reply(values)


def mind_of(model: WordModel | None = None) -> Mind:
    """A mind that can look things up."""
    return Mind(model or WordModel(), CHAT, embedding=EMBEDDING)


@dataclass
class SomePerson:
    """As much of a person as faculties need."""

    mind: Mind = field(default_factory=mind_of)
    person_id: str = "ana-silva"
    name: str | None = "Ana Silva"
    semantic: SemanticMemory = field(default_factory=SemanticMemory)
    journal: Journal = field(default_factory=Journal)
    persona: Persona = field(default_factory=lambda: Persona({}))
    block: str = ""

    def transcript(self) -> str:
        return ""
