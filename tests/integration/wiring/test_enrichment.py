"""Prose about people over real HTTP with a real Redis: what is mended, what is cached, what is paid again."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from troupe_batch.factory import Enriched, EnrichStatus, ProseModel, TinyPersonFactory
from troupe_batch.llm.chat import CacheState, ChatModel, Endpoint
from troupe_batch.population import EnrichLevel, load_population
from troupe_batch.rehearsal import RehearsalConfig, RehearsalProcess
from troupe_batch.settings import load_settings
from troupe_batch.wiring.minds import default_parameters
from troupe_batch.wiring.model_stack import open_model

POPULATIONS = Path(__file__).resolve().parents[3] / "populations"
PEOPLE = 300
# Two texts of eight contradict the age: a quarter is mended or left out, a quarter of that is left out. One of them
# costs nothing to find, the other is found by a judge. Texts begin with the mark of the rehearsal, so what is said of
# the person stands in a sentence of its own.
RESPONDENTS = """
schema: troupe_batch/respondents/1
title: Bios of which a quarter makes the person 119
judgements:
  bio:
    bio:
      type: text
      templates:
        - "{name} is a {age}-year-old person."
        - "{name}, {age}, lives in the {region}."
        - "{name} waits for the bus."
        - "{name} waits for the rain."
        - "{name} counts change."
        - "{name} counts stairs."
        - "The kettle is on. {name} is 119 years old."
        - "The kettle is on. {name} turned 119 in spring."
  contradictions:
    age: {type: text, templates: ["turned 119 in spring"]}
    shoe_size: {type: text, templates: ["the kettle is on"]}
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RehearsalProcess]:
    folder = tmp_path_factory.mktemp("rehearsal")
    (folder / "respondents.yaml").write_text(RESPONDENTS, encoding="utf-8")
    with RehearsalProcess(RehearsalConfig(respondents=folder / "respondents.yaml"), folder / "log") as started:
        yield started


async def written(
    server: RehearsalProcess, redis_url: str, folder: Path, level: EnrichLevel, people: int = PEOPLE
) -> list[Enriched]:
    endpoint = Endpoint(server.config.identity, "gpt-4o-mini", is_rehearsal=True)
    settings = load_settings(
        environment={
            "TROUPE_REDIS_BROKER_URL": redis_url,
            "TROUPE_STORAGE_STATE_FOLDER": str(folder / "state"),
            "TROUPE_REHEARSAL_URL": server.url,
        }
    )
    population = load_population(POPULATIONS / "us_adults.yaml").population
    factory = TinyPersonFactory(
        population, enrich=level, asking=ProseModel(endpoint, default_parameters(settings, endpoint))
    )
    async with await open_model(settings, endpoint) as stack:
        model: ChatModel = stack.model
        return await asyncio.gather(*(factory.enriched(person, model) for person in factory.people(0, people)))


async def test_the_known_rate_of_contradictions_is_found_mended_and_left_out(
    server: RehearsalProcess, redis_url: str, tmp_path: Path
) -> None:
    done = await written(server, redis_url, tmp_path, EnrichLevel.BIO)

    purposes = [[call.purpose for call in one.calls] for one in done]
    twice = [some for some in purposes if "enrich_repair" in some]
    assert {some.index("enrich_repair") for some in twice} == {1, 2}, "some of them by code, some by a judge"
    assert all(some[-1] == "enrich_check" for some, one in zip(purposes, done, strict=True) if one.status == "done")
    left_out = [one for one in done if one.status == EnrichStatus.CONTRADICTORY]
    # Three standard deviations about 1/4 of 300 and 1/16 of 300.
    assert 75 - 23 <= len(twice) <= 75 + 23
    assert 19 - 13 <= len(left_out) <= 19 + 13
    for one in done:
        assert one.person is not None
        bio = str(one.person.persona.get("bio", ""))
        assert "119" not in bio
        assert bool(bio) == (one.status == EnrichStatus.DONE)
        texts = [call.reply.text for call in one.calls if call.reply and call.purpose != "enrich_check"]
        says_so = ["119" in str(text) for text in texts]
        assert says_so == [True] * (len(texts) - 1) + [one.status == EnrichStatus.CONTRADICTORY]


async def test_nothing_is_paid_twice_neither_a_text_nor_its_repair(
    server: RehearsalProcess, redis_url: str, tmp_path: Path
) -> None:
    first = await written(server, redis_url, tmp_path, EnrichLevel.BIO, people=80)
    asked = server.stats()["requests"]

    again = await written(server, redis_url, tmp_path, EnrichLevel.BIO, people=80)

    assert server.stats()["requests"] == asked
    assert any(len(one.calls) == 4 for one in first)
    states = {call.reply.cache for one in again for call in one.calls if call.reply}
    assert states == {CacheState.HIT}
    assert [one.status for one in again] == [one.status for one in first]
    assert [one.person.persona for one in again if one.person] == [one.person.persona for one in first if one.person]


@pytest.mark.parametrize(("level", "share"), [(EnrichLevel.BIO, 0.7), (EnrichLevel.FULL, 0.5)])
async def test_most_of_the_prompt_tokens_come_from_the_endpoints_cache(
    server: RehearsalProcess, redis_url: str, tmp_path: Path, level: EnrichLevel, share: float
) -> None:
    before = server.stats()

    done = await written(server, redis_url, tmp_path, level, people=150)

    after = server.stats()
    prompt, cached = (after[name] - before[name] for name in ("prompt_tokens", "cached_tokens"))
    usages = [call.reply.usage for one in done for call in one.calls if call.reply and call.reply.usage]
    assert sum(usage.prompt_tokens for usage in usages) == prompt
    assert sum(usage.cached_tokens for usage in usages) == cached
    assert share <= cached / prompt < 1
    # What is checked stands behind the rules for a judge, and a full persona is longer than they are.
    writing = [call.reply for one in done for call in one.calls if call.purpose != "enrich_check"]
    usages = [reply.usage for reply in writing if reply and reply.usage]
    assert sum(usage.cached_tokens for usage in usages) / sum(usage.prompt_tokens for usage in usages) >= 0.7


async def test_full_personas_have_room_on_default_settings_and_placeholders_contradict_nothing(
    server: RehearsalProcess, redis_url: str, tmp_path: Path
) -> None:
    done = await written(server, redis_url, tmp_path, EnrichLevel.FULL, people=200)

    assert {one.status for one in done} == {EnrichStatus.DONE}
    assert [len(one.calls) for one in done] == [2] * 200
    lengths = [
        call.reply.usage.completion_tokens for one in done for call in one.calls if call.reply and call.reply.usage
    ]
    # Longer than what answers may take.
    assert max(lengths) > 1_024
