from __future__ import annotations

from dataclasses import replace

import pytest

from tests.doubles.embeddings import CHAT, EMBEDDING, WordModel, mind_of
from troupe_batch.simulation.mind import Mind
from troupe_batch.simulation.record.semantic import SemanticMemory

FACTS = ("Oscar hates cold soup", "The train to Ghent leaves at nine", "Lisa paid for the soup")


def test_facts_keep_their_order_and_each_is_known_once() -> None:
    memory = SemanticMemory(["Oscar is late."])

    memory.add("  Lisa   came\nearly ", "oscar is LATE.", "", "  ")

    assert memory.facts == ("Oscar is late.", "Lisa came early")
    assert len(memory) == 2


def test_the_latest_facts_come_oldest_first() -> None:
    memory = SemanticMemory(FACTS)

    assert memory.latest(2) == FACTS[1:]
    assert memory.latest(9) == FACTS
    assert memory.latest(0) == ()


async def test_the_nearest_facts_are_found_nearest_first() -> None:
    found = await SemanticMemory(FACTS).retrieve(mind_of(), "cold soup", 2)

    assert [one.fact for one in found] == [FACTS[0], FACTS[2]]
    assert found[0].similarity == pytest.approx(2 / (2**0.5 * 2))
    assert found[0].similarity > found[1].similarity > 0


async def test_facts_that_are_too_far_off_are_not_found() -> None:
    found = await SemanticMemory(FACTS).retrieve(mind_of(), "cold soup", least_similarity=0.1)

    assert [one.fact for one in found] == [FACTS[0], FACTS[2]]


async def test_equally_near_facts_come_in_the_order_of_learning() -> None:
    found = await SemanticMemory(["b", "a", "c"]).retrieve(mind_of(), "z", 2)

    assert [one.fact for one in found] == ["b", "a"]


async def test_an_empty_memory_asks_nothing() -> None:
    model = WordModel()

    assert await SemanticMemory().retrieve(mind_of(model), "soup") == ()
    assert model.asked == []


async def test_only_new_facts_are_embedded_later_even_by_another_mind() -> None:
    memory, model = SemanticMemory(FACTS), WordModel()
    await memory.retrieve(mind_of(), "soup")

    memory.add("Soup is served at noon")
    found = await memory.retrieve(mind_of(model), "noon", 1)

    assert model.asked == ["Soup is served at noon", "noon"]
    assert found[0].fact == "Soup is served at noon"


async def test_another_embedding_model_embeds_everything_anew() -> None:
    memory, model = SemanticMemory(FACTS), WordModel()
    await memory.retrieve(mind_of(), "soup")

    other = Mind(model, CHAT, embedding=replace(EMBEDDING, model="text-embedding-3-large"))
    await memory.retrieve(other, "train")

    assert model.asked == [*FACTS, "train"]
