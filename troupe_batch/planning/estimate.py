"""What a job will ask of its models, in calls, tokens and dollars, before anything is spent."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from troupe_batch.factory import Commission, commission_of, enrichment_prompt
from troupe_batch.llm.chat import ChatRequest, Message, ReplySchema, Usage
from troupe_batch.llm.embeddings import EmbeddingRequest
from troupe_batch.llm.prices import Prices
from troupe_batch.planning.casting import Casting
from troupe_batch.planning.plan import Plan
from troupe_batch.population import EnrichLevel
from troupe_batch.simulation import TinyPerson
from troupe_batch.studies.study import PlannedCall

_MOST_CASES = 50
_MOST_CALLS = 400
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

    def count_request(self, request: ChatRequest) -> int:
        """Tokens of all that is sent for the request."""
        ...

    def count_prompt(self, messages: Sequence[Message], reply_schema: ReplySchema | None = None) -> int:
        """Tokens of a prompt, with what wraps its messages."""
        ...


@dataclass(frozen=True, slots=True)
class ProseEstimate:
    """What it takes to have a model write about each person: a part of what the whole run takes.

    `most_repairs` is how many calls come on top where all that is written contradicts the facts; none is counted.
    """

    calls: int
    prompt_tokens: int
    cacheable_tokens: int
    completion_tokens: int
    cost_usd: float | None = None

    @property
    def most_repairs(self) -> int:
        """At most one per person."""
        return self.calls

    @property
    def cacheable_share(self) -> float:
        """Share of the prompt tokens in prefixes that an endpoint can serve from its cache."""
        return self.cacheable_tokens / self.prompt_tokens if self.prompt_tokens else 0.0


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a run will take if nothing is in the cache yet and no call is tried twice.

    `calls` of a survey are the most that there can be, apart from repairs and questions that are asked again alone.
    Where people act they are those that their units make when each act says one thing, memories condensed on the way
    included: what people do decides how many there are.
    `cacheable_tokens` is the part of `prompt_tokens` in prefixes that the endpoint has seen shortly before;
    `cost_usd` takes none of it for cached, `cost_with_prefix_cache_usd` all of it. Both are None without a price for
    each of the models. `prose` is the part that writes about people, None where nothing is written.
    """

    units: int
    calls: int
    prompt_tokens: int
    cacheable_tokens: int
    completion_tokens: int
    cost_usd: float | None
    cost_with_prefix_cache_usd: float | None
    note: str
    prose: ProseEstimate | None = None

    @property
    def cacheable_share(self) -> float:
        """Share of the prompt tokens in prefixes that an endpoint can serve from its cache."""
        return self.cacheable_tokens / self.prompt_tokens if self.prompt_tokens else 0.0


@dataclass(frozen=True, slots=True)
class _Taken:
    """What calls take, and cost: each by its own length, as the price of a prompt may step with it.

    `usd` where nothing is read from the endpoint's cache, `cached_usd` where all is that can be; None without a price.
    """

    usage: Usage = field(default_factory=Usage)
    usd: float | None = 0.0
    cached_usd: float | None = 0.0

    def __add__(self, other: _Taken) -> _Taken:
        return _Taken(self.usage + other.usage, _both(self.usd, other.usd), _both(self.cached_usd, other.cached_usd))

    def times(self, by: float) -> _Taken:
        """As much for `by` times as many."""
        usd, cached_usd = (None if cost is None else cost * by for cost in (self.usd, self.cached_usd))
        return _Taken(Usage(*(round(count * by) for count in self.usage.counts())), usd, cached_usd)


@dataclass(slots=True)
class _Sample:
    """What the sampled units take."""

    study: _Taken = field(default_factory=_Taken)
    prose: _Taken = field(default_factory=_Taken)
    cases: int = 0
    people: int = 0
    calls: int = 0
    unpriced: set[str] = field(default_factory=set)


def estimate(plan: Plan, casting: Casting, counter: Counter, prices: Prices) -> Estimate:
    """Extrapolates from the prompts of up to 50 of the plan's cases, of about 400 calls, evenly spread over them."""
    sample = _sampled(plan, casting, counter, prices)
    prose = sample.prose.times(plan.cases / sample.cases)
    whole = sample.study.times(plan.units / sample.cases) + prose
    written = None
    if plan.enrich != EnrichLevel.NONE:
        people, usage = plan.cases * sample.people // sample.cases, prose.usage
        written = ProseEstimate(people, usage.prompt_tokens, usage.cached_tokens, usage.completion_tokens, prose.usd)
    return Estimate(
        units=plan.units,
        calls=_calls(plan, sample) + (written.calls if written else 0),
        prompt_tokens=whole.usage.prompt_tokens,
        cacheable_tokens=whole.usage.cached_tokens,
        completion_tokens=whole.usage.completion_tokens,
        cost_usd=whole.usd,
        cost_with_prefix_cache_usd=whole.cached_usd,
        note=_note(plan, counter, sorted(sample.unpriced)),
        prose=written,
    )


def _calls(plan: Plan, sample: _Sample) -> int:
    """What the units ask; never less than the study says, as functions of users may fail on example replies."""
    stated = plan.units * plan.calls_per_unit
    return stated if plan.acting is None else max(stated, round(sample.calls * plan.units / sample.cases))


def _sampled(plan: Plan, casting: Casting, counter: Counter, prices: Prices) -> _Sample:
    commission = commission_of(plan.population, plan.enrich)
    sample = _Sample(cases=min(plan.cases, _MOST_CASES, max(1, _MOST_CALLS // max(1, plan.calls_per_unit))))

    def taken(model: str, usage: Usage) -> _Taken:
        if (price := prices.of(model)) is None:
            sample.unpriced.add(model)
            return _Taken(usage, None, None)
        return _Taken(usage, price.cost(_uncached(usage), price.asked), price.cost(usage, price.asked))

    for number in range(sample.cases):
        case = number * plan.cases // sample.cases
        unit = plan.unit(case * plan.job.replicates)
        seated = casting.people([case])
        people = [seated[index] for index in casting.members(case)]
        calls = plan.study.planned_calls(unit, people, plan.settings)
        for model, usage in _study_usage(calls, counter, plan.enrich, seats=len(people)):
            sample.study += taken(model, usage)
        if commission.level != EnrichLevel.NONE:
            for person in people:
                sample.prose += taken(plan.endpoint.model, _prose_usage(person, commission, counter))
        sample.people += len(people)
        sample.calls += len(calls)
    return sample


def _study_usage(
    calls: Sequence[PlannedCall], counter: Counter, level: EnrichLevel, *, seats: int
) -> Iterator[tuple[str, Usage]]:
    """Model and usage of each call of a unit; what a model will have written about the person stands in each prompt."""
    # In a world people take turns: the last prompt that began as this one does is as many calls ago as there are seats.
    before: deque[ChatRequest] = deque(maxlen=seats)
    for call in calls:
        request = call.request
        if isinstance(request, EmbeddingRequest):
            yield request.endpoint.model, Usage(prompt_tokens=counter.count_request(request))
            continue
        prompt = counter.count_request(request) + _PROSE_TOKENS[level]
        cacheable = _cacheable(request, before, counter)
        yield request.endpoint.model, _prompted(prompt, cacheable, counter.count(call.example_reply))
        before.append(request)


def _prose_usage(person: TinyPerson, commission: Commission, counter: Counter) -> Usage:
    """What it takes to have a model write about the person; the schema and the rules are the same for everybody."""
    prompt = enrichment_prompt(person, commission)
    shared = counter.count_prompt(prompt.messages[:1], prompt.schema)
    return _prompted(
        counter.count_prompt(prompt.messages, prompt.schema), _whole_steps(shared), _PROSE_TOKENS[commission.level]
    )


def _prompted(prompt: int, cacheable: int, completion: int) -> Usage:
    """What an endpoint that caches prefixes would count: what it does not read, it stores, where the prompt is long."""
    written = prompt - cacheable if prompt >= _SHORTEST_CACHED_PREFIX else 0
    return Usage(prompt, cacheable, completion, cache_write_tokens=written)


def _cacheable(request: ChatRequest, before: Iterable[ChatRequest], counter: Counter) -> int:
    """Tokens of the longest beginning that a prompt before had as well, or else of the system text, which all share."""
    # The first message is the system text: the same in all prompts of one purpose.
    messages, characters = max([(1, 0), *(_shared(request.messages, one.messages) for one in before)])
    tokens = counter.count_prompt(request.messages[:messages])
    if characters:
        tokens += counter.count(request.messages[messages].content[:characters])
    return _whole_steps(tokens)


def _shared(now: Sequence[Message], then: Sequence[Message]) -> tuple[int, int]:
    """How many messages both begin with, and how many characters of the one after them."""
    messages = next((place for place, (a, b) in enumerate(zip(now, then, strict=False)) if a != b), None)
    if messages is None:
        return min(len(now), len(then)), 0
    if now[messages].role != then[messages].role:
        return messages, 0
    text, other = now[messages].content, then[messages].content
    low, high = 0, min(len(text), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if text[low:middle] == other[low:middle] else (low, middle - 1)
    return messages, low


def _whole_steps(prefix: int) -> int:
    return prefix // _CACHE_STEP * _CACHE_STEP if prefix >= _SHORTEST_CACHED_PREFIX else 0


def _uncached(usage: Usage) -> Usage:
    """The same where nothing is read from the endpoint's cache, and each long prompt is stored in it."""
    return replace(usage, cached_tokens=0, cache_write_tokens=usage.cache_write_tokens + usage.cached_tokens)


def _both(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else one + other


def _note(plan: Plan, counter: Counter, unpriced: Sequence[str]) -> str:
    notes = [
        f"tokens: {counter.method}",
        "replies are taken to be of ordinary length, nothing to be in the cache, no call to fail",
        "repairs of replies that cannot be read, questions that are asked again and second tries come on top",
    ]
    if unpriced:
        notes.append(f"no price is known for {', '.join(unpriced)}")
    if plan.parameters.reasoning_effort not in (None, "none"):
        notes.append("reasoning tokens come on top")
    if plan.acting is not None:
        notes.append("people are taken to say one thing in each act; what they look up comes on top")
    if plan.enrich != EnrichLevel.NONE:
        notes.append(
            f"what is written about a person is taken to be {_PROSE_TOKENS[plan.enrich]} tokens long; where it "
            "contradicts the facts one more call per person comes on top"
        )
    return "; ".join(notes)
