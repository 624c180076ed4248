"""Estimate of what a job will ask of its models, in calls, tokens and dollars, before anything is spent."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from troupe_batch.factory.commission import Commission, commission_of
from troupe_batch.factory.enrichment import enrichment_prompt
from troupe_batch.factory.judging import check_request
from troupe_batch.llm.chat import ChatRequest, Endpoint, Sharing, Usage
from troupe_batch.llm.embeddings import EmbeddingRequest
from troupe_batch.llm.prefix_cache import NO_RULE, CacheRule
from troupe_batch.llm.prices import Prices
from troupe_batch.planning.plan import Plan
from troupe_batch.planning.prefix_forecast import Beginnings, CachedPrompt, PrefixForecast, RequestCounter
from troupe_batch.planning.units import Casting
from troupe_batch.population.spec import EnrichLevel
from troupe_batch.simulation.person.person import TinyPerson
from troupe_batch.studies.study import PlannedCall
from troupe_batch.studies.survey.spec import SurveySpec

_MOST_CASES = 50
_MOST_CALLS = 400
# What a model writes about one person: taken, not measured, and said to be so in the note.
_PROSE_TOKENS = {EnrichLevel.NONE: 0, EnrichLevel.BIO: 150, EnrichLevel.FULL: 1_500}
_JUDGEMENT_TOKENS = 10


@dataclass(frozen=True, slots=True)
class ProseEstimate:
    """Estimate of having a model write about each person: a part of what the whole run takes.

    `most_repairs` is how many calls come on top where all that is written contradicts the facts; none is counted.
    `cacheable_tokens` are those that the endpoint will read from its prefix cache.
    """

    calls: int
    prompt_tokens: int
    cacheable_tokens: int
    completion_tokens: int
    cost_usd: float | None = None

    @property
    def most_repairs(self) -> int:
        """At most two per person: the text is written and checked once more."""
        return self.calls

    @property
    def cacheable_share(self) -> float:
        """Share of the prompt tokens that the endpoint will read from its prefix cache."""
        return self.cacheable_tokens / self.prompt_tokens if self.prompt_tokens else 0.0


@dataclass(frozen=True, slots=True)
class Estimate:
    """Estimate of a run if nothing is in the cache yet and no call is tried twice.

    `calls` of a survey are the most that there can be, apart from repairs and questions that are asked again alone.
    Where people act they are those that their units make when each act says one thing, memories condensed on the way
    included: what people do decides how many there are.
    `cacheable_tokens` is the part of `prompt_tokens` that the endpoint will read from its prefix cache by the rule that
    holds there, `cache_write_tokens` the part that it will store; `cost_usd` is without such a cache, and
    `cost_with_prefix_cache_usd` with it: more, where prompts are stored and never read. Both are None without a price
    for each of the models. `prose` is the part that writes about people, None where nothing is written.
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
    cache_write_tokens: int = 0
    prefix: PrefixForecast = field(default_factory=PrefixForecast)

    @property
    def cacheable_share(self) -> float:
        """Share of the prompt tokens that the endpoint will read from its prefix cache."""
        return self.cacheable_tokens / self.prompt_tokens if self.prompt_tokens else 0.0

    @property
    def cache_write_share(self) -> float:
        """Share of the prompt tokens that the endpoint will store in its prefix cache."""
        return self.cache_write_tokens / self.prompt_tokens if self.prompt_tokens else 0.0

    @property
    def most_usd(self) -> float | None:
        """The cost with or without a prefix cache, whichever is more; None where it is not known."""
        if self.cost_usd is None or self.cost_with_prefix_cache_usd is None:
            return None
        return max(self.cost_usd, self.cost_with_prefix_cache_usd)


@dataclass(frozen=True, slots=True)
class _Taken:
    """What calls take, and cost: each by its own length, as the price of a prompt may step with it.

    `usd` without a prefix cache, `cached_usd` with it; None without a price.
    """

    prompt: float = 0.0
    read: float = 0.0
    written: float = 0.0
    completion: float = 0.0
    usd: float | None = 0.0
    cached_usd: float | None = 0.0

    def __add__(self, other: _Taken) -> _Taken:
        return _Taken(
            self.prompt + other.prompt,
            self.read + other.read,
            self.written + other.written,
            self.completion + other.completion,
            _both(self.usd, other.usd),
            _both(self.cached_usd, other.cached_usd),
        )

    def times(self, by: float) -> _Taken:
        """As much for `by` times as many."""
        usd, cached_usd = (None if cost is None else cost * by for cost in (self.usd, self.cached_usd))
        return _Taken(self.prompt * by, self.read * by, self.written * by, self.completion * by, usd, cached_usd)


@dataclass(frozen=True, slots=True)
class _Call:
    """A call that was looked at: its tokens, and what the endpoint has, or stores, of its prompt."""

    model: str
    prompt: int
    completion: int
    cached: CachedPrompt


@dataclass(slots=True)
class _Sample:
    """The calls of the sampled units."""

    study: list[_Call] = field(default_factory=list)
    prose: list[_Call] = field(default_factory=list)
    cases: int = 0
    people: int = 0


def estimate(
    plan: Plan,
    casting: Casting,
    counter: RequestCounter,
    prices: Prices,
    rule_of: Callable[[Endpoint], CacheRule] = lambda _: NO_RULE,
) -> Estimate:
    """Extrapolates from the prompts of up to 50 of the plan's cases, of about 400 calls, evenly spread over them.

    `rule_of` says how an endpoint caches the beginnings of prompts.
    """
    studied, written_about = Beginnings(counter, rule_of), Beginnings(counter, rule_of)
    sample = _sampled(plan, casting, counter, studied, written_about)
    prose = _sum_taken(sample.prose, plan.cases / sample.cases, prices)
    whole = _sum_taken(sample.study, plan.units / sample.cases, prices) + prose
    written = None
    if plan.enrich != EnrichLevel.NONE:
        people = plan.cases * sample.people // sample.cases
        written = ProseEstimate(2 * people, round(prose.prompt), round(prose.read), round(prose.completion), prose.usd)
    models = dict.fromkeys(call.model for call in (*sample.study, *sample.prose))
    calls = _call_count(plan, sample) + (written.calls if written else 0)
    note = _note(plan, counter, sorted(model for model in models if prices.of(model) is None))
    return Estimate(
        units=plan.units,
        calls=calls,
        prompt_tokens=round(whole.prompt),
        cacheable_tokens=round(whole.read),
        completion_tokens=round(whole.completion),
        cost_usd=whole.usd,
        cost_with_prefix_cache_usd=whole.cached_usd,
        note=note + _larger_tries(plan, calls, whole.prompt, prices),
        prose=written,
        cache_write_tokens=round(whole.written),
        prefix=studied.forecast(plan.endpoint),
    )


def first_prompts(
    plan: Plan, casting: Casting, counter: RequestCounter, rule_of: Callable[[Endpoint], CacheRule]
) -> PrefixForecast:
    """What the prompts of the study have in common, by those of its first case alone."""
    beginnings, seated = Beginnings(counter, rule_of), casting.people([0])
    people = [seated[index] for index in casting.members(0)]
    calls = plan.study.planned_calls(plan.unit(0), people, plan.settings)
    beginnings.take([call.request for call in calls], seats=len(people))
    return beginnings.forecast(plan.endpoint)


def _sum_taken(calls: Sequence[_Call], by: float, prices: Prices) -> _Taken:
    """What `by` times as many calls take."""
    return sum((_call_taken(call, by, prices) for call in calls), start=_Taken()).times(by)


def _call_taken(call: _Call, by: float, prices: Prices) -> _Taken:
    """What the call takes in the mean: one in so many stores what the others read."""
    price, outcomes = prices.of(call.model), call.cached.outcomes(by)
    usages = [
        (share, Usage(call.prompt, read, call.completion, cache_write_tokens=written))
        for share, read, written in outcomes
    ]
    usd = cached_usd = None
    if price is not None:
        usd = price.cost(Usage(call.prompt, completion_tokens=call.completion), price.asked)
        cached_usd = sum(share * price.cost(usage, price.asked) for share, usage in usages)
    read, written = (
        sum(share * count for share, count in counts)
        for counts in (
            [(share, usage.cached_tokens) for share, usage in usages],
            [(share, usage.cache_write_tokens) for share, usage in usages],
        )
    )
    return _Taken(call.prompt, read, written, call.completion, usd, cached_usd)


def _call_count(plan: Plan, sample: _Sample) -> int:
    """What the units ask; never less than the study says, as functions of users may fail on example replies."""
    stated = plan.units * plan.calls_per_unit
    return stated if plan.acting is None else max(stated, round(len(sample.study) * plan.units / sample.cases))


def _sampled(
    plan: Plan, casting: Casting, counter: RequestCounter, studied: Beginnings, written_about: Beginnings
) -> _Sample:
    commission = commission_of(plan.population, plan.enrich)
    sample = _Sample(cases=min(plan.cases, _MOST_CASES, max(1, _MOST_CALLS // max(1, plan.calls_per_unit))))
    for number in range(sample.cases):
        case = number * plan.cases // sample.cases
        unit = plan.unit(case * plan.job.replicates)
        seated = casting.people([case])
        people = [seated[index] for index in casting.members(case)]
        calls = plan.study.planned_calls(unit, people, plan.settings)
        sample.study += _study_calls(calls, counter, studied, plan.enrich, seats=len(people))
        if commission.level != EnrichLevel.NONE:
            for person in people:
                sample.prose += _prose_calls(person, commission, counter, written_about, plan)
        sample.people += len(people)
    return sample


def _study_calls(
    calls: Sequence[PlannedCall], counter: RequestCounter, studied: Beginnings, level: EnrichLevel, *, seats: int
) -> Iterator[_Call]:
    """The calls of a unit; what a model will have written about the person stands in each prompt."""
    prose_tokens = _PROSE_TOKENS[level]
    cached = studied.take([call.request for call in calls], seats=seats, prose_tokens=prose_tokens)
    for call, found in zip(calls, cached, strict=True):
        request, tokens = call.request, counter.count_request(call.request)
        if isinstance(request, EmbeddingRequest):
            yield _Call(request.endpoint.model, tokens, 0, found)
        else:
            yield _Call(request.endpoint.model, tokens + prose_tokens, counter.count(call.example_reply), found)


def _prose_calls(
    person: TinyPerson, commission: Commission, counter: RequestCounter, written_about: Beginnings, plan: Plan
) -> Iterator[_Call]:
    """What it takes to have a model write about the person, and check it; rules and schemas are those of everybody."""
    prompt, prose = enrichment_prompt(person, commission), _PROSE_TOKENS[commission.level]
    request = ChatRequest(plan.endpoint, prompt.messages, "", plan.parameters, prompt.schema, Sharing(1, plan.seated))
    check = check_request(request, person, {}, plan.judge)
    for one, read, said in ((request, 0, prose), (check, prose, _JUDGEMENT_TOKENS)):
        [found] = written_about.take([one], prose_tokens=read)
        yield _Call(one.endpoint.model, counter.count_request(one) + read, said, found)


def _both(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else one + other


def _larger_tries(plan: Plan, calls: int, prompt_tokens: float, prices: Prices) -> str:
    """What comes on top where every reply is cut off, and the job has such replies asked for once more."""
    limit, price = plan.parameters.larger_limit, prices.of(plan.endpoint.model)
    if limit is None:
        return ""
    usage = Usage(round(prompt_tokens), completion_tokens=calls * limit)
    usd = f" and ${price.cost(usage, price.asked):,.2f}" if price is not None else ""
    return (
        f"; replies that are cut off are asked for once more, with up to {limit:,} tokens each: if all of them were, "
        f"{calls:,} calls{usd} would come on top"
    )


def _note(plan: Plan, counter: RequestCounter, unpriced: Sequence[str]) -> str:
    notes = [
        f"tokens: {counter.method}",
        "replies are taken to be of ordinary length, nothing to be in the cache, no call to fail",
        "repairs of replies that cannot be read, questions that are asked again and second tries come on top",
    ]
    if isinstance(plan.job.study, SurveySpec) and plan.job.study.conditions:
        notes.append("everybody is taken to be asked every question, whatever its `when`")
    if unpriced:
        notes.append(f"no price is known for {', '.join(unpriced)}")
    if plan.parameters.reasoning_effort not in (None, "none"):
        notes.append("reasoning tokens come on top")
    if plan.acting is not None:
        notes.append("people are taken to say one thing in each act; what they look up comes on top")
    if plan.enrich != EnrichLevel.NONE:
        notes.append(
            f"what is written about a person is taken to be {_PROSE_TOKENS[plan.enrich]} tokens long; where it "
            "contradicts the facts two more calls per person come on top"
        )
    return "; ".join(notes)
