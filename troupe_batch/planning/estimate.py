"""What a job will ask of a model, in calls, tokens and dollars, before anything is spent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from troupe_batch.factory import enrichment_prompt
from troupe_batch.llm.chat import ChatRequest, Message, ReplySchema, Usage
from troupe_batch.planning.plan import Plan
from troupe_batch.population import EnrichLevel
from troupe_batch.simulation import TinyPerson
from troupe_batch.studies.study import PlannedCall

_MOST_PEOPLE = 50
# OpenAI serves prefixes of at least 1,024 tokens from its cache, in steps of 128.
_SHORTEST_CACHED_PREFIX = 1_024
_CACHE_STEP = 128
# What a model writes about one person: taken, not measured, and said to be so in the note.
_PROSE_TOKENS = {EnrichLevel.NONE: 0, EnrichLevel.BIO: 150, EnrichLevel.FULL: 1_500}


class Counter(Protocol):
    """Counts tokens: `TokenCounter` does."""

    @property
    def method(self) -> str:
        """How it counts, in words for people."""
        ...

    def count(self, text: str) -> int:
        """Tokens of the text."""
        ...

    def count_prompt(self, messages: Sequence[Message], reply_schema: ReplySchema | None = None) -> int:
        """Tokens of a prompt, with what wraps its messages."""
        ...


class People(Protocol):
    """Casts people: `TinyPersonFactory` does."""

    def people(self, start: int, stop: int) -> Sequence[TinyPerson]:
        """People `start` to `stop - 1`."""
        ...


class Price(Protocol):
    """What the tokens of one model cost."""

    def cost(self, usage: Usage) -> float:
        """US dollars for these tokens."""
        ...


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a run will take if nothing is in the cache yet and no call is tried twice.

    `cacheable_tokens` is the part of `prompt_tokens` in prefixes that the endpoint has seen shortly before;
    `cost_usd` takes none of it for cached, `cost_with_prefix_cache_usd` all of it. Both are None without a price.
    """

    units: int
    calls: int
    prompt_tokens: int
    cacheable_tokens: int
    completion_tokens: int
    cost_usd: float | None
    cost_with_prefix_cache_usd: float | None
    note: str

    @property
    def cacheable_share(self) -> float:
        """Share of the prompt tokens in prefixes that an endpoint can serve from its cache."""
        return self.cacheable_tokens / self.prompt_tokens if self.prompt_tokens else 0.0


def estimate(plan: Plan, people: People, counter: Counter, price: Price | None) -> Estimate:
    """Extrapolates from the prompts of up to 50 of the plan's people, evenly spread over them."""
    sampled = min(_MOST_PEOPLE, plan.people)
    study, prose = Usage(), Usage()
    for number in range(sampled):
        index = number * plan.people // sampled
        unit = plan.unit(index * plan.job.replicates)
        [person] = people.people(index, index + 1)
        study += _study_usage(plan.study.planned_calls(unit, [person], plan.settings), counter, plan.enrich)
        prose += _prose_usage(person, plan, counter)
    usage = _scaled(study, plan.units / sampled) + _scaled(prose, plan.people / sampled)
    uncached = Usage(usage.prompt_tokens, 0, usage.completion_tokens)
    return Estimate(
        units=plan.units,
        calls=plan.units * plan.study.calls_per_unit + (plan.people if plan.enrich != EnrichLevel.NONE else 0),
        prompt_tokens=usage.prompt_tokens,
        cacheable_tokens=usage.cached_tokens,
        completion_tokens=usage.completion_tokens,
        cost_usd=price.cost(uncached) if price else None,
        cost_with_prefix_cache_usd=price.cost(usage) if price else None,
        note=_note(plan, counter, price),
    )


def _study_usage(calls: Sequence[PlannedCall], counter: Counter, level: EnrichLevel) -> Usage:
    """What one unit takes in the study; what a model will have written about the person stands in each prompt."""
    usage = Usage()
    before: ChatRequest | None = None
    for call in calls:
        request = call.request
        prompt = counter.count_prompt(request.messages, request.reply_schema) + _PROSE_TOKENS[level]
        usage += Usage(prompt, _cacheable(request, before, counter), counter.count(call.example_reply))
        before = request
    return usage


def _prose_usage(person: TinyPerson, plan: Plan, counter: Counter) -> Usage:
    """What it takes to have a model write about the person."""
    if plan.enrich == EnrichLevel.NONE:
        return Usage()
    prompt = enrichment_prompt(person, plan.enrich, plan.population.locale)
    tokens = counter.count_prompt(prompt.messages, prompt.schema)
    return Usage(tokens, _whole_steps(counter.count_prompt(prompt.messages[:1])), _PROSE_TOKENS[plan.enrich])


def _cacheable(request: ChatRequest, before: ChatRequest | None, counter: Counter) -> int:
    """Tokens of the messages that the unit's last call had as well, or else of the system text, which all share."""
    earlier = before.messages if before else request.messages[:1]
    pairs = zip(request.messages, earlier, strict=False)
    shared = next((place for place, (now, then) in enumerate(pairs) if now != then), len(earlier))
    return _whole_steps(counter.count_prompt(request.messages[:shared]))


def _whole_steps(prefix: int) -> int:
    return prefix // _CACHE_STEP * _CACHE_STEP if prefix >= _SHORTEST_CACHED_PREFIX else 0


def _scaled(usage: Usage, by: float) -> Usage:
    return Usage(round(usage.prompt_tokens * by), round(usage.cached_tokens * by), round(usage.completion_tokens * by))


def _note(plan: Plan, counter: Counter, price: Price | None) -> str:
    notes = [
        f"tokens: {counter.method}",
        "replies are taken to be of ordinary length, nothing to be in the cache, no call to fail",
    ]
    if price is None:
        notes.append(f"no price is known for {plan.endpoint.model}")
    if plan.parameters.reasoning_effort is not None:
        notes.append("reasoning tokens come on top")
    if plan.enrich != EnrichLevel.NONE:
        notes.append(f"what is written about a person is taken to be {_PROSE_TOKENS[plan.enrich]} tokens long")
    return "; ".join(notes)
