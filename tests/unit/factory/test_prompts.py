"""The prompts that write prose: one prefix for all, long enough to be cached, and short in what is about the person."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from troupe_batch.factory import TinyPersonFactory, commission_of, enrichment_prompt
from troupe_batch.llm.tokens import TokenCounter
from troupe_batch.population import EnrichLevel, Population, PopulationSpec, load_population

POPULATIONS = Path(__file__).resolve().parents[3] / "populations"
LEVELS = (EnrichLevel.BIO, EnrichLevel.FULL)
STEP, FIRST = 128, 1_024


class Bytes:
    """Four bytes a token, as the rehearsal server counts."""

    def count(self, text: str) -> int:
        return -(-len(text.encode()) // 4)


def prompts(level: EnrichLevel, people: range, name: str = "us_adults.yaml") -> list[Any]:
    population = load_population(POPULATIONS / name).population
    commission = commission_of(population.spec, level)
    cast = TinyPersonFactory(population).people(people.start, people.stop)
    return [enrichment_prompt(person, commission) for person in cast]


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("counter", [TokenCounter.estimate(), TokenCounter.at_hand(), Bytes()])
def test_at_least_70_percent_of_each_prompt_can_be_cached(counter: Any, level: EnrichLevel) -> None:
    for prompt in prompts(level, range(200)):
        system, about = (counter.count(message.content) for message in prompt.messages)

        assert system > FIRST
        assert system // STEP * STEP / (system + about) >= 0.7


@pytest.mark.parametrize("level", LEVELS)
def test_all_people_share_rules_and_schema(level: EnrichLevel) -> None:
    made = prompts(level, range(50))

    assert len({prompt.messages[0] for prompt in made}) == 1
    assert all(prompt.schema is made[0].schema for prompt in made)


@pytest.mark.parametrize("level", LEVELS)
def test_prompts_do_not_grow_with_the_number_of_people(level: EnrichLevel) -> None:
    first, last = prompts(level, range(100)), prompts(level, range(99_900, 100_000))

    lengths = [sum(len(prompt.messages[1].content) for prompt in some) / len(some) for some in (first, last)]

    assert lengths[1] == pytest.approx(lengths[0], rel=0.03)


@pytest.mark.parametrize("level", LEVELS)
def test_a_person_is_asked_about_in_the_same_words_wherever_they_are_made(level: EnrichLevel) -> None:
    assert prompts(level, range(42, 43)) == prompts(level, range(30, 60))[12:13]


def test_people_of_equal_facts_are_asked_about_with_other_hints() -> None:
    kind = {"type": "categorical", "source": "s", "values": {"same": 1}}
    data = {"schema": "troupe_batch/population/1", "id": "t", "size": 30, "dimensions": {"kind": kind}}
    population = Population(PopulationSpec.model_validate({**data, "names": {"provider": "none"}}))
    commission = commission_of(population.spec, EnrichLevel.BIO)
    people = TinyPersonFactory(population).people(0, 30)

    asked = {enrichment_prompt(person, commission).messages[1].content for person in people}

    assert len({person.block for person in people}) == 1
    assert len(asked) == 30


@pytest.mark.parametrize("level", LEVELS)
def test_the_rules_say_what_the_judge_will_look_for(level: EnrichLevel) -> None:
    rules = prompts(level, range(1))[0].messages[0].content

    for word in ("Age:", "Sex or gender:", "Schooling:", "Work:", "Household:", "Place:", "Money:", "Name:", "Hints"):
        assert word in rules
    assert "{" not in rules
    assert "include" not in rules
