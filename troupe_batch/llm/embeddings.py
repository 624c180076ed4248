"""Embeddings, asked for as any reply is: a request of their own kind that every layer of the stack can serve."""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import orjson

from troupe_batch.llm.chat import (
    CACHE_KEY_VERSION,
    ChatReply,
    ChatRequest,
    Endpoint,
    Message,
    Parameters,
    ReplyStatus,
    Role,
    Usage,
)
from troupe_batch.llm.error_bodies import NoReply, body_of
from troupe_batch.llm.usage import said_tier, said_usd, token_count

SAMPLE = "embedding"
"""The draw of every embedding: there is only one, so all people who ask for the same text share it."""

_COMPLETES_NOTHING = Parameters(max_completion_tokens=0)


@dataclass(frozen=True, slots=True)
class EmbeddingRequest(ChatRequest):
    """Asks for the embedding of one text: one message, no schema, no completion. Make it with `of`.

    The reply's `text` holds the vector as base64 of little-endian float32; `vector_of` reads it.
    """

    @classmethod
    def of(cls, endpoint: Endpoint, text: str) -> Self:
        """The request for `text`, to the embedding model that `endpoint` names."""
        return cls(endpoint, (Message(Role.USER, text),), SAMPLE, _COMPLETES_NOTHING)

    @property
    def text(self) -> str:
        """What is to be embedded."""
        return self.messages[0].content

    def key(self) -> bytes:
        """The cache key: 32 bytes, SHA-256 of a JSON array shorter than that of any chat request, so never equal."""
        body = orjson.dumps([CACHE_KEY_VERSION, SAMPLE, self.endpoint.identity, self.endpoint.model, self.text])
        return hashlib.sha256(body).digest()


def embedding_body(request: EmbeddingRequest) -> dict[str, Any]:
    """What is sent; base64 is a quarter of the same numbers in JSON."""
    return {"model": request.endpoint.model, "input": request.text, "encoding_format": "base64"}


def read_embedding(body: bytes) -> ChatReply:
    """The reply in the body of a 200 answer; NoReply where it holds no vector."""
    try:
        data = orjson.loads(body)
        vector = _vector(data["data"][0]["embedding"])
        model = data.get("model")
    except (KeyError, IndexError, TypeError, AttributeError, ValueError) as error:
        raise NoReply(body_of(body)) from error
    return ChatReply(
        ReplyStatus.OK,
        text=base64.b64encode(vector.tobytes()).decode(),
        usage=_usage(data.get("usage")),
        service_tier=said_tier(data),
        said_usd=said_usd(data.get("usage")),
        model=model if isinstance(model, str) else None,
        finish_reason="stop",
    )


def vector_of(reply: ChatReply) -> npt.NDArray[np.float32]:
    """The vector of an OK reply, shape (d,), scaled to length 1."""
    vector = np.frombuffer(base64.b64decode(reply.text or ""), "<f4").astype(np.float32)
    return vector / np.linalg.norm(vector)


def _vector(given: Any) -> npt.NDArray[np.float32]:
    """The numbers as they came: in base64, or in a list, since some servers know nothing else. ValueError if unfit."""
    if isinstance(given, str):
        try:
            vector = np.frombuffer(base64.b64decode(given, validate=True), "<f4")
        except binascii.Error as error:
            raise ValueError("not base64") from error
    else:
        vector = np.array(given, "<f4")
    if vector.ndim != 1 or not np.isfinite(vector).all() or not vector.any():
        raise ValueError("no direction")
    return vector


def _usage(data: Any) -> Usage | None:
    prompt = token_count(data.get("prompt_tokens")) if isinstance(data, dict) else None
    # No text has no tokens: 0 is said by servers that do not count.
    return Usage(prompt_tokens=prompt) if prompt else None
