"""One worker process for the single-flight tests: asks for every key at once and prints what it got as JSON."""

from __future__ import annotations

import asyncio
import sys

import orjson

from troupe_batch.llm.cache import Cached
from troupe_batch.llm.chat import ChatRequest, Endpoint, Message, Role
from troupe_batch.llm.connection import ConnectionSpec
from troupe_batch.llm.embeddings import EmbeddingRequest
from troupe_batch.llm.price_library import ListedPrices
from troupe_batch.llm.provider import connect
from troupe_batch.llm.redis_batch import RedisBatch
from troupe_batch.llm.redis_store import RedisReplyStore
from troupe_batch.llm.retry import Retrying, RetryPolicy


def asked(kind: str, text: str) -> ChatRequest:
    endpoint = Endpoint("test", "model")
    if kind == "embedding":
        return EmbeddingRequest.of(endpoint, text)
    return ChatRequest(endpoint, (Message(Role.USER, text),), "0")


async def main(redis_url: str, server_url: str, kind: str, keys: int, askers: int, lease_s: float) -> None:
    batch = RedisBatch(redis_url)
    provider = connect(ConnectionSpec("compatible", base_url=server_url), ListedPrices())
    cached = Cached(Retrying(provider, RetryPolicy()), RedisReplyStore(batch, lease_s=lease_s))
    requests = [asked(kind, f"key {n}") for n in range(keys)] * askers
    replies = await asyncio.gather(*(cached.complete(request) for request in requests))
    sys.stdout.buffer.write(orjson.dumps([[reply.text, reply.cache, reply.attempts] for reply in replies]))
    await cached.aclose()
    await provider.aclose()
    await batch.aclose()


if __name__ == "__main__":
    url, server, kind_, keys_, askers_, lease = sys.argv[1:]
    asyncio.run(main(url, server, kind_, int(keys_), int(askers_), float(lease)))
