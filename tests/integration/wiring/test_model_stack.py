"""The whole stack, with embeddings: real Redis, and a real rehearsal server that can fail."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from troupe_batch.errors import BudgetSpent, SettingsError
from troupe_batch.llm.chat import CacheState, ChatRequest, Endpoint, Message, Parameters, Role
from troupe_batch.llm.embeddings import EmbeddingRequest
from troupe_batch.rehearsal import RehearsalConfig, RehearsalProcess
from troupe_batch.rehearsal.faults import Fault, FaultKind
from troupe_batch.settings import Settings, load_settings
from troupe_batch.simulation.mind import Mind
from troupe_batch.simulation.record.documents import Document
from troupe_batch.simulation.record.semantic import SemanticMemory
from troupe_batch.wiring.caps import Cap
from troupe_batch.wiring.model_stack import open_model

EMBEDDER = "text-embedding-3-small"
TEXTS = [
    "Oscar Diaz hates cold soup and says so",
    "The train from Ghent to Brussels leaves at nine",
    "Lisa paid the rent of the flat in March",
    "The bank asks three percent a year for a loan",
]


@contextmanager
def rehearsal(folder: Path, **options: Any) -> Iterator[RehearsalProcess]:
    with RehearsalProcess(RehearsalConfig(**options), folder / "log") as started:
        yield started


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RehearsalProcess]:
    with rehearsal(tmp_path_factory.mktemp("rehearsal")) as started:
        yield started


@pytest.fixture
def settings(redis_url: str, server: RehearsalProcess, tmp_path: Path) -> Settings:
    return settings_for(server, redis_url, tmp_path)


def settings_for(server: RehearsalProcess, redis_url: str, folder: Path, **more: str) -> Settings:
    environment = {
        "TROUPE_REDIS_BROKER_URL": redis_url,
        "TROUPE_STORAGE_STATE_FOLDER": str(folder / "state"),
        "TROUPE_REHEARSAL_URL": server.url,
        **more,
    }
    return load_settings(environment=environment)


def endpoint_of(server: RehearsalProcess, model: str = "gpt-4o-mini") -> Endpoint:
    return Endpoint(server.config.identity, model, is_rehearsal=True)


def cap(max_usd: float) -> Cap:
    async def nothing_spent() -> None:
        return None

    return Cap("embedding-run", max_usd, nothing_spent)


def requests_to(server: RehearsalProcess) -> int:
    return int(server.stats()["requests"])


def mind_of(model: Any, server: RehearsalProcess) -> Mind:
    return Mind(model, endpoint_of(server), embedding=endpoint_of(server, EMBEDDER))


@pytest.mark.parametrize("is_shared", [True, False])
async def test_equal_texts_are_paid_once_for_all_minds_and_for_the_next_run(
    settings: Settings, server: RehearsalProcess, *, is_shared: bool
) -> None:
    before = requests_to(server)

    async with await open_model(settings, endpoint_of(server), is_shared=is_shared) as stack:
        minds = [mind_of(stack.model, server) for _ in range(3)]
        vectors = await asyncio.gather(*(mind.embed(TEXTS) for mind in minds))
        spent = stack.spending
    async with await open_model(settings, endpoint_of(server), is_shared=is_shared) as stack:
        again = mind_of(stack.model, server)
        assert (await again.embed(TEXTS) == vectors[0]).all()
        assert stack.spending.calls == 0

    assert requests_to(server) - before == len(TEXTS)
    assert (vectors[0] == vectors[1]).all()
    assert (spent.calls, spent.completion_tokens) == (len(TEXTS), 0)
    assert spent.prompt_tokens > 0
    assert spent.cost_usd == pytest.approx(spent.prompt_tokens * 0.02 / 1e6)
    assert [call.reply.cache for call in again.calls if call.reply] == [CacheState.HIT] * len(TEXTS)


async def test_similar_texts_are_nearest_in_a_rehearsal(settings: Settings, server: RehearsalProcess) -> None:
    async with await open_model(settings, endpoint_of(server)) as stack:
        mind, memory = mind_of(stack.model, server), SemanticMemory(TEXTS)
        queries = ["what soup does Oscar hate", "train to Brussels", "the rent Lisa paid", "percent for a bank loan"]
        found = [await memory.retrieve(mind, query) for query in queries]
        nothing = await memory.retrieve(mind, "xylophone quizzes", least_similarity=0.2)

    assert [facts[0].fact for facts in found] == TEXTS
    assert all(facts[0].similarity > 0.2 > facts[-1].similarity for facts in found)
    assert nothing == ()


async def test_the_passage_that_was_looked_for_is_nearest_in_a_rehearsal(
    settings: Settings, server: RehearsalProcess
) -> None:
    parts = [f"Chapter {n}. " + "The committee met and talked about other things. " * 18 for n in range(6)]
    parts[4] += "A refund is paid within nine days of the complaint."
    passages = Document("rules.txt", "\n\n".join(parts)).passages

    async with await open_model(settings, endpoint_of(server)) as stack:
        vectors = await mind_of(stack.model, server).embed([*passages, "when is a refund paid after a complaint"])

    assert int((vectors[:-1] @ vectors[-1]).argmax()) == 4


@pytest.mark.parametrize("is_shared", [True, False])
async def test_a_cap_holds_for_embeddings_by_their_own_price(
    settings: Settings, server: RehearsalProcess, *, is_shared: bool
) -> None:
    chat = ChatRequest(
        endpoint_of(server), (Message(Role.USER, "hello"),), "0", Parameters(max_completion_tokens=1_000)
    )
    request = EmbeddingRequest.of(endpoint_of(server, EMBEDDER), TEXTS[0])
    further = (EMBEDDER,)

    # 5e-6 USD: more than any embedding here, less than one chat reply.
    async with await open_model(
        settings, endpoint_of(server), further_models=further, cap=cap(5e-6), is_shared=is_shared
    ) as stack:
        reply = await stack.model.complete(request)
        with pytest.raises(BudgetSpent):
            await stack.model.complete(chat)

    assert reply.cost_usd == pytest.approx(stack.spending.prompt_tokens * 0.02 / 1e6)


@pytest.mark.parametrize("model", ["house-embedder", "house-reasoner"])
async def test_under_a_cap_every_model_of_the_plan_needs_a_price_before_anything_is_asked(
    settings: Settings, server: RehearsalProcess, model: str
) -> None:
    before = requests_to(server)

    with pytest.raises(SettingsError, match=f"no price is known for {model}, which the run asks beside gpt-4o-mini"):
        await open_model(settings, endpoint_of(server), further_models=(EMBEDDER, model), cap=cap(1.0))
    async with await open_model(settings, endpoint_of(server), further_models=(model,)):
        pass

    assert requests_to(server) == before


async def test_models_of_ones_own_server_are_free_where_the_settings_say_so(
    redis_url: str, server: RehearsalProcess, tmp_path: Path
) -> None:
    free = {"TROUPE_BUDGET_PROMPT_PRICE": "0", "TROUPE_BUDGET_COMPLETION_PRICE": "0"}
    settings = settings_for(server, redis_url, tmp_path, **free)
    further, endpoint = ("house-embedder",), endpoint_of(server, "house-model")

    async with await open_model(settings, endpoint, further_models=further, cap=cap(0.0)) as stack:
        reply = await stack.model.complete(EmbeddingRequest.of(endpoint_of(server, "house-embedder"), "soup"))

    assert reply.cost_usd == 0.0


async def test_a_price_in_the_settings_is_that_of_the_main_model_alone(
    redis_url: str, server: RehearsalProcess, tmp_path: Path
) -> None:
    paid = {"TROUPE_BUDGET_PROMPT_PRICE": "9", "TROUPE_BUDGET_COMPLETION_PRICE": "9"}
    settings = settings_for(server, redis_url, tmp_path, **paid)

    async with await open_model(settings, endpoint_of(server), further_models=(EMBEDDER,), cap=cap(1.0)) as stack:
        reply = await stack.model.complete(EmbeddingRequest.of(endpoint_of(server, EMBEDDER), "soup"))

    assert reply.usage is not None
    assert reply.cost_usd == pytest.approx(reply.usage.prompt_tokens * 0.02 / 1e6)
    with pytest.raises(SettingsError, match="house-embedder"):
        await open_model(settings, endpoint_of(server), further_models=("house-embedder",), cap=cap(1.0))


async def test_faults_of_the_endpoint_are_retried_for_embeddings_too(redis_url: str, tmp_path: Path) -> None:
    kinds = (FaultKind.RATE_LIMITED, FaultKind.SERVER_ERROR, FaultKind.DROP)
    faults = tuple(Fault(kind, rate=1 / 3, first=1) for kind in kinds)
    with rehearsal(tmp_path, faults=faults, retry_after_ms=10) as server:
        settings = settings_for(server, redis_url, tmp_path)
        async with await open_model(settings, endpoint_of(server)) as stack:
            texts = [f"text number {n}" for n in range(20)]
            vectors = await mind_of(stack.model, server).embed(texts)
            requests = requests_to(server)

    assert vectors.shape == (20, 1536)
    assert stack.spending.calls == 20
    assert requests == 2 * 20
