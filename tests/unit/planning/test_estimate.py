from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.doubles.pairs import PairStudy, pair_run
from tests.doubles.runs import PlainFacts
from troupe_batch.factory import TinyPersonFactory, check_request, commission_of, enrichment_prompt
from troupe_batch.llm.chat import ChatRequest, Endpoint, Message, ReplySchema, Role, Usage
from troupe_batch.llm.embeddings import EmbeddingRequest
from troupe_batch.llm.prefix_cache import NO_RULE, CacheRule, cache_rule
from troupe_batch.llm.price_library import ListedPrices
from troupe_batch.llm.prices import Price, PriceList, Prices
from troupe_batch.llm.tokens import TokenCounter
from troupe_batch.persona import Persona
from troupe_batch.planning import Estimate, Plan, estimate, load_job, make_plan
from troupe_batch.planning.acting import Acting
from troupe_batch.planning.units import Casting
from troupe_batch.population import Population
from troupe_batch.simulation.person.person import TinyPerson
from troupe_batch.studies.cases import OnePersonEach
from troupe_batch.studies.study import PlannedCall, Unit, UnitSettings

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

    def count_request(self, request: ChatRequest) -> int:
        return self.count_prompt(request.messages, request.reply_schema)


PER_TOKEN = Price(1_000_000.0, 0.0, 0.0)
"""A dollar per prompt token that is not cached, and none for anything else; whichever the model."""
LARGE = Price(100_000_000.0, 0.0, 0.0)
BY_MODEL = PriceList({"gpt-4o-mini": PER_TOKEN, "large": LARGE})
"""A dollar per prompt token of the small model, a hundred of the large one; nobody knows the others'."""
UNPRICED = PriceList({})
# Any earlier beginning is read, in steps; a marked one is written and read; a whole prompt is written.
AUTOMATIC, BREAKPOINTS, IMPLICIT = (
    cache_rule("openai", "gpt-4o-mini", name) for name in ("automatic", "breakpoints", "implicit")
)


def cast(plan: Plan, people: People | None = None) -> Casting:
    return Casting(plan.study, OnePersonEach(plan.cases), people or People())


def estimated(plan: Plan, counter: Letters, prices: Prices = UNPRICED, rule: CacheRule = NO_RULE) -> Estimate:
    return estimate(plan, cast(plan), counter, prices, lambda _: rule)


def sent(plan: Plan) -> list[list[int]]:
    """Characters of each message of each call of one unit."""
    [person] = People().people(0, 1)
    calls = plan.study.planned_calls(plan.unit(0), [person], plan.settings)
    return [[len(message.content) for message in call.request.messages] for call in calls]


def test_the_estimate_of_equal_people_is_what_is_sent(make: Make) -> None:
    plan = make(study={"questions": [OPEN]}, people=70, replicates=2)

    found = estimate(plan, cast(plan), Letters(), PER_TOKEN)

    [messages] = sent(plan)
    schema = '{"type":"object","properties":{"why":{"type":"string"}},"required":["why"],"additionalProperties":false}'
    prompt = sum(messages) + len(schema)
    assert (found.units, found.calls) == (140, 140)
    assert found.prompt_tokens == 140 * prompt
    assert found.completion_tokens == 140 * len('{"why":""}' + " ".join(["something"] * 10))
    assert found.cost_usd == found.prompt_tokens


def test_at_most_50_people_are_looked_at_and_they_are_spread_over_all(make: Make) -> None:
    people, plan = People(), make(people=100)

    estimate(plan, cast(plan, people), Letters(), UNPRICED)

    assert people.cast == list(range(0, 100, 2))


def test_a_call_per_question_costs_more_than_one_for_all(make: Make) -> None:
    together, apart = (
        estimated(make(study={"questions": [RATING, OPEN], "asking": asking}), Letters())
        for asking in ("questionnaire", "question")
    )

    assert (together.calls, apart.calls) == (100, 200)
    assert apart.prompt_tokens > 1.5 * together.prompt_tokens


class Words(Letters):
    """A tokenizer whose tokens are words, and which knows nothing of schemas."""

    def count(self, text: str) -> int:
        return len(text.split())

    def count_prompt(self, messages: Sequence[Message], reply_schema: ReplySchema | None = None) -> int:  # noqa: ARG002 -- as in `Letters`
        return sum(self.count(message.content) for message in messages)


def test_what_all_prompts_begin_with_is_read_once_it_is_long_enough(make: Make) -> None:
    plans = [make(study={"questions": [OPEN], "introduction": text}) for text in ("soup", "soup " * 2_000)]

    short, long = (estimated(plan, Words(), PER_TOKEN, AUTOMATIC) for plan in plans)

    # All but the first, which finds nothing there yet.
    assert short.cacheable_tokens == 0
    assert long.cacheable_tokens % (99 * 128) == 0
    assert 0.9 < long.cacheable_share < 1
    assert long.cost_usd == long.prompt_tokens
    assert long.cost_with_prefix_cache_usd == pytest.approx(long.prompt_tokens - long.cacheable_tokens)
    assert "about" in (short.prefix.problem() or "")
    assert long.prefix.problem() is None


def test_with_memory_the_conversation_so_far_is_read_too_where_its_schema_stays(make: Make) -> None:
    """Each question has a schema of its own, and the schema stands before all messages."""
    study = {"questions": [RATING, OPEN], "asking": "question", "introduction": "soup " * 300}

    without, remembering = (
        estimated(make(study={**study, "memory": memory}), Letters(), rule=AUTOMATIC) for memory in ("none", "all")
    )

    assert without.cacheable_tokens > 0
    assert 0.95 < remembering.cacheable_tokens / without.cacheable_tokens < 1.2


@pytest.mark.parametrize(("people", "keys"), [(100, 1), (399, 1), (400, 2), (100_000, 500), (1_000_000, 512)])
def test_a_marked_beginning_is_written_once_for_each_key_and_read_by_all_others(
    make: Make, people: int, keys: int
) -> None:
    plan = make(study={"questions": [OPEN], "introduction": "soup " * 2_000}, people=people, size=people)

    found = estimated(plan, Words(), rule=BREAKPOINTS)

    [call] = plan.study.planned_calls(plan.unit(0), People().people(0, 1), plan.settings)
    beginning = Words().count(call.request.messages[0].content)
    assert found.cache_write_tokens == keys * beginning
    assert found.cacheable_tokens == (people - keys) * beginning
    assert found.prefix.shared_tokens == beginning


def test_a_short_beginning_is_not_marked_so_that_nothing_is_written(make: Make) -> None:
    found = estimated(make(study={"questions": [OPEN], "introduction": "soup " * 300}), Words(), rule=BREAKPOINTS)

    assert (found.cacheable_tokens, found.cache_write_tokens) == (0, 0)
    assert found.cost_with_prefix_cache_usd == found.cost_usd
    assert "1,024" in (found.prefix.problem() or "")


def test_where_breakpoints_do_not_pass_each_prompt_is_written_and_that_costs_more_than_no_cache(make: Make) -> None:
    plan = make(study={"questions": [OPEN], "introduction": "soup " * 2_000})

    found = estimated(plan, Words(), ListedPrices(), IMPLICIT)

    assert (found.cacheable_tokens, found.cache_write_tokens) == (0, found.prompt_tokens)
    assert "written as a whole" in (found.prefix.problem() or "")


class Example(Letters):
    """1,200 tokens that all prompts share, 400 of each person's own, and replies of 120."""

    def count(self, text: str) -> int:  # noqa: ARG002 -- every reply is as long
        return 120

    def count_prompt(self, messages: Sequence[Message], reply_schema: ReplySchema | None = None) -> int:  # noqa: ARG002 -- as in `Letters`
        return 1_200 if len(messages) == 1 else 1_600


@pytest.mark.parametrize(
    ("rule", "without", "with_cache", "read", "written"),
    [(BREAKPOINTS, 22.00, 11.27, 0.746, 0.004), (IMPLICIT, 22.00, 26.00, 0.0, 1.0), (NO_RULE, 22.00, 22.00, 0.0, 0.0)],
)
def test_100_000_people_on_the_cheap_model_cost_11_dollars_with_a_marked_beginning_and_26_without(
    make: Make, rule: CacheRule, without: float, with_cache: float, read: float, written: float
) -> None:
    plan = make(people=100_000, size=100_000, endpoint=Endpoint("openai", "gpt-6-luna"))

    found = estimated(plan, Example(), ListedPrices(), rule)

    assert found.cost_usd == pytest.approx(without, abs=0.005)
    assert found.cost_with_prefix_cache_usd == pytest.approx(with_cache, abs=0.005)
    assert (found.cacheable_share, found.cache_write_share) == pytest.approx((read, written), abs=0.001)
    assert found.most_usd == max(found.cost_usd or 0, found.cost_with_prefix_cache_usd or 0)


def test_without_a_price_there_is_no_cost_and_the_note_says_so(make: Make) -> None:
    found = estimated(make(model={"name": "x"}), Letters(), PriceList({}))

    assert (found.cost_usd, found.cost_with_prefix_cache_usd) == (None, None)
    assert "no price is known for gpt-4o-mini" in found.note
    assert found.note.startswith("tokens: letters counted; ")


def test_what_the_estimate_leaves_out_is_said(make: Make) -> None:
    plan = make(model={"reasoning_effort": "low"})

    assert "reasoning tokens come on top" in estimated(plan, Letters()).note


def test_the_larger_tries_that_a_job_asks_for_are_priced_at_their_worst(make: Make) -> None:
    plain = make(people=10, model={"max_completion_tokens": 300})
    asked = {"max_completion_tokens": 300, "on_length": "retry_larger"}
    larger = make(people=10, model=asked, endpoint=Endpoint("openai", "gpt-6-luna"))

    found = estimated(larger, Letters(), ListedPrices())

    assert larger.parameters.larger_limit == 1_200
    assert f"up to 1,200 tokens each: if all of them were, {found.calls:,} calls and $" in found.note
    assert "once more" not in estimated(plain, Letters()).note
    assert plain.digest == make(people=10, model={"max_completion_tokens": 300, "on_length": "record"}).digest
    assert plain.digest != make(people=10, model=asked).digest


def test_writing_about_people_is_two_calls_per_person_and_makes_every_prompt_longer(make: Make) -> None:
    plain, enriched = (estimated(make(people=60, replicates=2, enrich=level), Letters()) for level in ("none", "bio"))

    assert (plain.calls, enriched.calls) == (120, 240)
    assert enriched.completion_tokens == plain.completion_tokens + 60 * (150 + 10)
    assert "150 tokens long" in enriched.note
    assert "where it contradicts the facts two more calls per person come on top" in enriched.note
    assert plain.prose is None
    assert enriched.prose is not None
    assert (enriched.prose.calls, enriched.prose.most_repairs) == (120, 120)
    assert enriched.prompt_tokens - enriched.prose.prompt_tokens == plain.prompt_tokens + 120 * 150
    assert enriched.prose.completion_tokens == 60 * (150 + 10)


@pytest.mark.parametrize("level", ["bio", "full"])
def test_most_of_the_prompts_that_write_about_people_can_be_cached(make: Make, level: str) -> None:
    plan = make(people=60, enrich=level, seed=3)

    found = estimate(plan, cast(plan), TokenCounter.estimate(), ListedPrices(), lambda _: AUTOMATIC).prose

    assert found is not None
    # Behind the rules for a judge stands the whole persona.
    assert (0.7 if level == "bio" else 0.5) <= found.cacheable_share < 1
    assert found.cacheable_tokens % (59 * 128) == 0
    assert found.cacheable_tokens >= 59 * 1_024


def test_everybody_in_a_case_is_written_about() -> None:
    found = estimated_pairs(Acting(), PER_TOKEN, people=30, enrich="bio").prose

    assert found is not None
    assert (found.calls, found.completion_tokens) == (40, 20 * (150 + 10))


def test_the_estimate_of_prose_is_what_is_sent_about_each_person(make: Make) -> None:
    plan = make(people=60, enrich="bio")
    commission = commission_of(plan.population, plan.enrich)

    found = estimated(plan, Letters()).prose

    assert found is not None
    sent_to = [enrichment_prompt(person, commission) for person in People().people(0, 60)]
    counted = [Letters().count_prompt(prompt.messages, prompt.schema) for prompt in sent_to]
    checks = [check_request(ChatRequest(plan.endpoint, (), ""), person, {}) for person in People().people(0, 60)]
    counted += [Letters().count_prompt(check.messages, check.reply_schema) + 150 for check in checks]
    assert found.prompt_tokens / 60 == pytest.approx(sum(counted) / 60, rel=0.01)


def test_the_flagship_is_estimated_with_its_own_people_tokens_and_prices(jobs_folder: Path) -> None:
    plan = make_plan(load_job(jobs_folder / "gazpacho_concept_test.yaml"), endpoint=Endpoint("openai", "gpt-4o-mini"))
    factory = TinyPersonFactory(Population(plan.population))

    found = estimate(
        plan, Casting(plan.study, OnePersonEach(plan.cases), factory), TokenCounter.estimate(), ListedPrices()
    )

    assert (found.units, found.calls) == (200, 1_000)
    assert 500 < found.prompt_tokens / found.calls < 2_000
    assert found.cost_usd is not None
    assert found.cost_with_prefix_cache_usd is not None
    assert plan.job.budget is not None
    assert 0.01 < found.cost_with_prefix_cache_usd <= found.cost_usd < plan.job.budget.max_usd


@dataclasses.dataclass
class LookedAt(PairStudy):
    """Pairs that keep who was looked at; `calls` stand in for the calls of every pair."""

    calls: tuple[PlannedCall, ...] = ()
    people: list[tuple[int, ...]] = dataclasses.field(default_factory=list)

    def planned_calls(
        self, unit: Unit, people: Sequence[TinyPerson], settings: UnitSettings
    ) -> tuple[PlannedCall, ...]:
        self.people.append(tuple(person.index for person in people))
        return self.calls or super().planned_calls(unit, people, settings)


def estimated_pairs(
    acting: Acting, prices: Prices, *, study: PairStudy | None = None, rule: CacheRule = NO_RULE, **job: Any
) -> Estimate:
    run = pair_run(model={"name": "gpt-4o-mini"}, endpoint=Endpoint("test", "gpt-4o-mini"), study=study, **job)
    plan = dataclasses.replace(run.plan, acting=acting)
    vars(plan)["study"] = run.study
    casting = Casting(run.study, run.study.seating(PlainFacts(), plan.people), People())
    return estimate(plan, casting, Letters(), prices, lambda _: rule)


def test_whole_units_with_all_of_their_people_are_looked_at() -> None:
    study = LookedAt()

    found = estimated_pairs(Acting(), PER_TOKEN, study=study, people=30, replicates=2)

    assert study.people == [(3 * n, 28 - 3 * n) for n in range(10)]
    assert (found.units, found.calls) == (20, 60)
    block = study.in_seat(0, People().people(0, 1)[0]).block
    assert found.prompt_tokens > 40 * len(block)


def test_no_more_than_about_400_calls_are_looked_at() -> None:
    study = LookedAt(calls_per_unit=100)

    estimated_pairs(Acting(), PER_TOKEN, study=study, people=300)

    assert len(study.people) == 4


def test_a_run_of_several_models_is_priced_by_each_of_them() -> None:
    small = estimated_pairs(Acting(), BY_MODEL, people=30)
    mixed = estimated_pairs(Acting(reasoning=Endpoint("test", "large")), BY_MODEL, people=30)
    unknown = estimated_pairs(Acting(reasoning=Endpoint("test", "nobody's")), BY_MODEL, people=30)

    assert small.prompt_tokens == mixed.prompt_tokens == unknown.prompt_tokens
    assert small.cost_usd is not None
    assert mixed.cost_usd is not None
    assert small.cost_usd < mixed.cost_usd < 100 * small.cost_usd
    assert unknown.cost_usd is None
    assert "no price is known for nobody's" in unknown.note


def test_what_people_remember_can_be_cached_though_others_act_in_between() -> None:
    calls = [
        PlannedCall(
            ChatRequest(Endpoint("test", "m"), (Message(Role.SYSTEM, "Act."), Message(Role.USER, text)), "0"), ""
        )
        for text in ("Ann " * 400, "Bob " * 400, "Ann " * 800, "Bob " * 800)
    ]

    forgetful, remembering = (
        estimated_pairs(Acting(), PER_TOKEN, people=3, study=LookedAt(calls=tuple(calls[:length])), rule=AUTOMATIC)
        for length in (2, 4)
    )

    assert forgetful.cacheable_tokens == 0
    assert remembering.cacheable_tokens == 2 * (1_604 // 128 * 128)


def test_calls_are_those_that_the_units_make_where_people_act() -> None:
    call = PlannedCall(ChatRequest(Endpoint("test", "m"), (Message(Role.USER, "Act."),), "0"), "")

    condensing = estimated_pairs(Acting(), PER_TOKEN, people=30, replicates=2, study=LookedAt(calls=(call,) * 5))
    failing = estimated_pairs(Acting(), PER_TOKEN, people=30, study=LookedAt(calls=(call,), calls_per_unit=3))

    assert (condensing.units, condensing.calls) == (20, 100)
    # Example replies broke the function of the study off: it says itself how many calls it makes.
    assert (failing.units, failing.calls) == (10, 30)
    assert "what they look up comes on top" in condensing.note


def test_embeddings_are_counted_as_calls_and_priced_as_those_of_their_own_model() -> None:
    embedding = Endpoint("test", "large")
    looked_up = tuple(PlannedCall(EmbeddingRequest.of(embedding, "zebra"), "") for _ in range(7))

    found = estimated_pairs(Acting(embedding=embedding), BY_MODEL, study=LookedAt(calls=looked_up), people=30)

    assert found.calls == 10 * 7
    assert (found.prompt_tokens, found.completion_tokens) == (10 * 7 * len("zebra"), 0)
    assert found.cost_usd == LARGE.cost(Usage(prompt_tokens=10 * 7 * len("zebra")))
