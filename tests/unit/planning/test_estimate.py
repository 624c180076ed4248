from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import orjson

from troupe_batch.factory import TinyPersonFactory
from troupe_batch.llm.chat import Endpoint, Message, ReplySchema, Usage
from troupe_batch.llm.prices import PriceList
from troupe_batch.llm.tokens import TokenCounter
from troupe_batch.persona import Persona
from troupe_batch.planning import Plan, estimate, load_job, make_plan
from troupe_batch.population import Population
from troupe_batch.simulation.person import TinyPerson

Make = Callable[..., Plan]
OPEN = {"id": "why", "type": "open", "text": "Why?", "words": 10}
RATING = {"id": "buy", "type": "rating", "text": "Buy?", "labels": ["No", "Yes"]}


class People:
    """Everybody is called the same, so that every prompt is equally long."""

    def __init__(self) -> None:
        self.cast: list[int] = []

    def people(self, start: int, stop: int) -> list[TinyPerson]:
        self.cast += range(start, stop)
        return [TinyPerson.cast(index, Persona({"name": "Ann"}), {}) for index in range(start, stop)]


class Letters:
    """A tokenizer whose tokens are letters."""

    method = "letters counted"

    def count(self, text: str) -> int:
        return len(text)

    def count_prompt(self, messages: Sequence[Message], reply_schema: ReplySchema | None = None) -> int:
        schema = len(orjson.dumps(reply_schema.schema)) if reply_schema else 0
        return sum(self.count(message.content) for message in messages) + schema


class PerToken:
    """A dollar per prompt token that is not cached, and none for anything else."""

    def cost(self, usage: Usage) -> float:
        return float(usage.prompt_tokens - usage.cached_tokens)


def sent(plan: Plan) -> list[list[int]]:
    """Characters of each message of each call of one unit."""
    [person] = People().people(0, 1)
    calls = plan.study.planned_calls(plan.unit(0), [person], plan.settings)
    return [[len(message.content) for message in call.request.messages] for call in calls]


def test_the_estimate_of_equal_people_is_what_is_sent(make: Make) -> None:
    plan = make(study={"questions": [OPEN]}, people=70, replicates=2)

    found = estimate(plan, People(), Letters(), PerToken())

    [messages] = sent(plan)
    schema = '{"type":"object","properties":{"why":{"type":"string"}},"required":["why"],"additionalProperties":false}'
    prompt = sum(messages) + len(schema)
    assert (found.units, found.calls) == (140, 140)
    assert found.prompt_tokens == 140 * prompt
    assert found.completion_tokens == 140 * len('{"why":""}' + " ".join(["something"] * 10))
    assert found.cost_usd == found.prompt_tokens


def test_at_most_50_people_are_looked_at_and_they_are_spread_over_all(make: Make) -> None:
    people = People()

    estimate(make(people=100), people, Letters(), None)

    assert people.cast == list(range(0, 100, 2))


def test_a_call_per_question_costs_more_than_one_for_all(make: Make) -> None:
    together, apart = (
        estimate(make(study={"questions": [RATING, OPEN], "asking": asking}), People(), Letters(), None)
        for asking in ("questionnaire", "question")
    )

    assert (together.calls, apart.calls) == (100, 200)
    assert apart.prompt_tokens > 1.5 * together.prompt_tokens


def test_what_all_prompts_begin_with_can_be_cached_once_it_is_long_enough(make: Make) -> None:
    class Words(Letters):
        def count(self, text: str) -> int:
            return len(text.split())

    short = estimate(make(study={"questions": [OPEN]}), People(), Words(), PerToken())
    long = estimate(make(study={"questions": [OPEN], "introduction": "soup " * 2_000}), People(), Words(), PerToken())

    assert short.cacheable_tokens == 0
    assert long.cacheable_tokens % (100 * 128) == 0
    assert 0.9 < long.cacheable_share < 1
    assert long.cost_usd == long.prompt_tokens
    assert long.cost_with_prefix_cache_usd == long.prompt_tokens - long.cacheable_tokens


def test_with_memory_the_conversation_so_far_can_be_cached_too(make: Make) -> None:
    study = {"questions": [RATING, OPEN], "asking": "question", "introduction": "soup " * 300}
    without, remembering = (
        estimate(make(study={**study, "memory": memory}), People(), Letters(), None) for memory in ("none", "all")
    )

    assert remembering.cacheable_tokens > without.cacheable_tokens > 0


def test_without_a_price_there_is_no_cost_and_the_note_says_so(make: Make) -> None:
    found = estimate(make(), People(), Letters(), PriceList.load().of("nobodys-model"))

    assert (found.cost_usd, found.cost_with_prefix_cache_usd) == (None, None)
    assert "no price is known for gpt-4o-mini" in found.note
    assert found.note.startswith("tokens: letters counted; ")


def test_what_the_estimate_leaves_out_is_said(make: Make) -> None:
    plan = make(model={"reasoning_effort": "low"})

    assert "reasoning tokens come on top" in estimate(plan, People(), Letters(), None).note


def test_writing_about_people_is_one_call_per_person_and_makes_every_prompt_longer(make: Make) -> None:
    plain, enriched = (
        estimate(make(people=60, replicates=2, enrich=level), People(), Letters(), None) for level in ("none", "bio")
    )

    assert (plain.calls, enriched.calls) == (120, 180)
    assert enriched.completion_tokens == plain.completion_tokens + 60 * 150
    assert enriched.prompt_tokens > plain.prompt_tokens + 120 * 150
    assert "150 tokens long" in enriched.note


def test_the_flagship_is_estimated_with_its_own_people_tokens_and_prices(jobs_folder: Path) -> None:
    plan = make_plan(load_job(jobs_folder / "gazpacho_concept_test.yaml"), endpoint=Endpoint("openai", "gpt-4o-mini"))
    factory = TinyPersonFactory(Population(plan.population))

    found = estimate(plan, factory, TokenCounter.estimate(), PriceList.load().of("gpt-4o-mini"))

    assert (found.units, found.calls) == (200, 1_000)
    assert 500 < found.prompt_tokens / found.calls < 2_000
    assert found.cost_usd is not None
    assert found.cost_with_prefix_cache_usd is not None
    assert plan.job.budget is not None
    assert 0.01 < found.cost_with_prefix_cache_usd <= found.cost_usd < plan.job.budget.max_usd
