"""A probe over real HTTP: what it finds in services of different habits, and how few calls it takes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.doubles.endpoint import Habits, Say, fake_endpoint
from troupe_batch.errors import CredentialsRejected, EndpointMissing
from troupe_batch.llm.chat import ChatRequest, Endpoint, Message, Parameters, ReplySchema, Role, strict_object
from troupe_batch.llm.connection import ConnectionSpec, dialect_at
from troupe_batch.llm.embeddings import EmbeddingRequest
from troupe_batch.llm.prices import PriceList
from troupe_batch.llm.probing import MOST_CALLS, Ability, Grade, PlannedRequest, probe
from troupe_batch.llm.provider import connect

SCHEMA = ReplySchema(
    "answers",
    strict_object(
        {
            "why": {"type": "string"},
            "answers": {
                "type": "array",
                "items": strict_object({"reason": {"type": "string"}, "code": {"type": "integer", "enum": [1, 2]}}),
            },
        }
    ),
)
LONG = "She has lived in the same street for thirty years and knows every shop in it. " * 200
ENDPOINT = Endpoint("http://here/v1", "m")
ASKED = ChatRequest(
    ENDPOINT,
    (Message(Role.SYSTEM, LONG), Message(Role.USER, "Gazpacho?")),
    "0.a.0",
    Parameters(max_completion_tokens=500),
    SCHEMA,
)
PLANNED = PlannedRequest(ASKED, prompt_tokens=3_400)


async def probed(habits: Habits, *planned: PlannedRequest) -> tuple[dict[str, Ability], int]:
    """What a probe finds of a service with these habits, and how many calls came in."""
    async with fake_endpoint(habits) as server:
        spec = ConnectionSpec("compatible", base_url=server.url, dialect=dialect_at(server.url))
        provider = connect(spec, PriceList.free())
        try:
            found, _ = await probe(provider, planned or (PLANNED,))
        finally:
            await provider.aclose()
        return {one.what: one for one in found}, len(server.chats)


async def test_a_service_that_can_do_it_all_takes_two_calls() -> None:
    found, calls = await probed(Habits())

    assert {one.verdict for one in found.values()} == {Grade.GOOD}
    assert list(found) == ["answers", "schema enforced", "order", "prompt", "usage", "reasoning"]
    assert calls == 2


@pytest.mark.parametrize(
    ("habits", "what", "verdict", "says"),
    [
        (Habits(schema="ignored"), "answers", Grade.BAD, "OpenAI.SCHEMA_MODE = json"),
        (Habits(schema="refused"), "answers", Grade.BAD, "Failed to compile the grammar"),
        (Habits(sorts_properties=True), "order", Grade.WARNING, "the order of properties is not kept"),
        (Habits(context_tokens=1_000), "prompt", Grade.BAD, "the server cuts long prompts"),
        (Habits(usage="absent"), "usage", Grade.WARNING, "the endpoint says no usage"),
        (Habits(reasoning_tokens=90), "reasoning", Grade.WARNING, "OpenAI.REASONING_EFFORT = none"),
        (Habits(reasoning_tokens=600), "answers", Grade.BAD, "OpenAI.REASONING_EFFORT to none"),
    ],
)
async def test_what_a_service_lacks_is_said_with_the_setting_that_helps(
    habits: Habits, what: str, verdict: Grade, says: str
) -> None:
    found, calls = await probed(habits)

    assert found[what].verdict is verdict
    assert says in found[what].says
    assert calls <= MOST_CALLS


async def test_a_schema_that_is_only_hoped_for_shows_against_the_grain() -> None:
    found, _ = await probed(Habits(script={2: Say(message={"content": "hello"})}))

    assert found["answers"].verdict is Grade.GOOD
    assert found["schema enforced"].verdict is Grade.WARNING
    assert "OpenAI.SCHEMA_MODE" in found["schema enforced"].says


async def test_a_prompt_that_a_filter_turns_away_says_nothing_of_what_is_counted() -> None:
    flagged = {"error": {"message": "flagged", "metadata": {"reasons": ["violence"]}}}

    found, _ = await probed(Habits(always=Say(403, flagged)))

    assert found["answers"].verdict is Grade.WARNING
    assert not {"prompt", "usage"} & set(found)


async def test_one_reply_that_cannot_be_read_is_no_verdict() -> None:
    found, calls = await probed(Habits(script={1: Say(message={"content": "Well, it depends."})}))

    assert found["answers"].verdict is Grade.GOOD
    assert calls == 3


async def test_other_models_of_the_plan_are_asked_too_and_five_calls_are_enough() -> None:
    embedding = EmbeddingRequest.of(replace(ENDPOINT, model="embedder"), "soup")
    schemas = [replace(SCHEMA, name=f"answers{number}") for number in range(4)]
    planned = [PlannedRequest(replace(ASKED, reply_schema=schema), 3_400) for schema in schemas]

    found, chats = await probed(Habits(), PlannedRequest(embedding, 1), *planned)

    assert found["embeddings"].verdict is Grade.GOOD
    assert chats == MOST_CALLS - 1


async def test_a_service_without_the_embedding_model_is_unfit_for_who_needs_one() -> None:
    embedding = PlannedRequest(EmbeddingRequest.of(replace(ENDPOINT, model="embedder"), "soup"), 1)

    found, _ = await probed(Habits(models=("m",)), PLANNED, embedding)

    assert found["embeddings"].verdict is Grade.BAD
    assert "OpenAI.EMBEDDING_MODEL" in found["embeddings"].says


@pytest.mark.parametrize(
    ("habits", "error"),
    [
        (Habits(models=("another",)), EndpointMissing),
        (
            Habits(always=Say(401, {"error": {"message": "Incorrect API key", "code": "invalid_api_key"}})),
            CredentialsRejected,
        ),
    ],
)
async def test_what_stops_a_job_stops_a_probe_at_its_first_call(habits: Habits, error: type[Exception]) -> None:
    with pytest.raises(error):
        await probed(habits)


async def test_prompts_of_different_lengths_that_count_the_same_were_cut() -> None:
    shorter = PlannedRequest(replace(ASKED, messages=(Message(Role.SYSTEM, LONG[: len(LONG) // 2]),)), 1_700)

    found, _ = await probed(Habits(context_tokens=1_600), shorter, replace(PLANNED, prompt_tokens=2_000))

    assert found["prompt"].verdict is Grade.BAD
    assert "both count 1,600" in found["prompt"].says
