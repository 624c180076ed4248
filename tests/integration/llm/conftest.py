from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack

import pytest

from tests.integration.llm.fault_server import FaultServer, fault_server
from troupe_batch.llm.connection import OPENAI_URL, ConnectionSpec, Pins, dialect_at
from troupe_batch.llm.price_library import ListedPrices
from troupe_batch.llm.provider import OpenAIProvider, connect


@pytest.fixture
async def server() -> AsyncIterator[FaultServer]:
    async with fault_server() as running:
        yield running


@pytest.fixture
async def open_provider() -> AsyncIterator[Callable[[ConnectionSpec], OpenAIProvider]]:
    """Connects as the spec says; closed when the test ends, however it ends."""
    async with AsyncExitStack() as stack:

        def opened(spec: ConnectionSpec) -> OpenAIProvider:
            provider = connect(spec, ListedPrices())
            stack.push_async_callback(provider.aclose)
            return provider

        yield opened


@pytest.fixture
def provider(server: FaultServer, open_provider: Callable[[ConnectionSpec], OpenAIProvider]) -> OpenAIProvider:
    dialect = dialect_at(OPENAI_URL, Pins(sends_seed=True))
    key = "sk-secret-0123456789"
    return open_provider(ConnectionSpec("openai", api_key=key, base_url=server.url, timeout_s=5, dialect=dialect))
