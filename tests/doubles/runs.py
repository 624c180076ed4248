"""A small survey run on real plans, with people and a model that need nothing outside the process."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from troupe_batch.execution.shard import Attempt, run_shard
from troupe_batch.expressions.kinds import Kind
from troupe_batch.factory import Enriched, EnrichStatus
from troupe_batch.llm.chat import (
    CacheState,
    CallRecord,
    ChatModel,
    ChatReply,
    ChatRequest,
    Endpoint,
    ReplyStatus,
    Usage,
)
from troupe_batch.persona import Persona, Scalar
from troupe_batch.planning.job import JobSpec
from troupe_batch.planning.loading import Job
from troupe_batch.planning.plan import Plan, make_plan
from troupe_batch.population.spec import PopulationSpec
from troupe_batch.results.objects import Objects
from troupe_batch.results.run import Run
from troupe_batch.results.store import RunStore
from troupe_batch.seeded import stream, uniform
from troupe_batch.simulation.person.person import TinyPerson

REGIONS = ("North", "South", "West")
ENDPOINT = Endpoint("https://models.example/v1", "a-model")
REHEARSAL = Endpoint("rehearsal/abc/1", "a-model", is_rehearsal=True)

STUDY: dict[str, Any] = {
    "asking": "questionnaire",
    "arms": [{"id": "plain", "material": "A plain soup."}, {"id": "spicy", "material": "A spicy soup."}],
    "questions": [
        {"id": "drink", "text": "Which?", "type": "single", "options": ["Tea", "Coffee", "None"],
         "dont_know": "No idea"},
        {"id": "places", "text": "Where?", "type": "multi", "options": ["Home", "Work", "Café"]},
        {"id": "liking", "text": "How much?", "type": "rating", "elicitation": "probabilities",
         "labels": ["Not at all", "A little", "Somewhat", "Much", "Very much"]},
        {"id": "price", "text": "How many euros?", "type": "numeric", "minimum": 0, "maximum": 20, "unit": "EUR"},
        {"id": "why", "text": "Why?", "type": "open"},
    ],
}  # fmt: skip


class PlainFacts:
    """The facts of the plain people, and nothing else."""

    def facts(self, start: int, stop: int) -> dict[str, list[Scalar]]:
        people = [_person(index) for index in range(start, stop)]
        return {name: [person.facts[name] for person in people] for name in ("age", "region")}


class PlainFactory:
    """People whose facts are functions of their number."""

    kinds: ClassVar[Mapping[str, Kind]] = {}

    def people(self, start: int, stop: int) -> list[TinyPerson]:
        return [_person(index) for index in range(start, stop)]

    async def enriched(self, person: TinyPerson, model: ChatModel) -> Enriched:
        request = ChatRequest(ENDPOINT, (), f"bio {person.index}")
        reply = await model.complete(request)
        if reply.status is not ReplyStatus.OK:
            call = CallRecord("enrich", request.key().hex(), request.sample, reply.status, reply.reason, reply)
            return Enriched(None, EnrichStatus.REFUSED, (call,), reply.reason)
        richer = Persona({**person.persona.as_dict(), "bio": f"Bio of {person.index}"})
        call = CallRecord("enrich", request.key().hex(), request.sample, reply.status, None, reply)
        return Enriched(person.with_persona(richer), EnrichStatus.DONE, (call,))


@dataclass
class AnsweringModel:
    """Answers every request by its schema, the same way each time; `script` may reply or raise instead."""

    script: Callable[[ChatRequest], ChatReply | Exception | None] = lambda _: None
    cached: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)
    in_flight: int = 0
    peak: int = 0

    async def complete(self, request: ChatRequest) -> ChatReply:
        self.asked.append(request.sample)
        self.in_flight += 1
        self.peak = max(self.peak, self.in_flight)
        # Later samples come back first, so that units end in another order than they began.
        for _ in range(stream(request.sample) % 5):
            await asyncio.sleep(0)
        self.in_flight -= 1
        said = self.script(request)
        if isinstance(said, Exception):
            raise said
        return said or self._answer(request)

    def _answer(self, request: ChatRequest) -> ChatReply:
        key = request.key()
        is_hit = key.hex() in self.cached
        self.cached.add(key.hex())
        value = _instance(request.reply_schema.schema, request.sample) if request.reply_schema else None
        return ChatReply(
            ReplyStatus.OK,
            text="…",
            value=value,
            usage=Usage(100, 20, 30, 0),
            cost_usd=0.0 if is_hit else 0.002,
            latency_s=0.5,
            cache=CacheState.HIT if is_hit else CacheState.MISS,
            model="a-model-2026-01-01",
            finish_reason="stop",
            key=key,
        )


def plan(*, people: int = 20, endpoint: Endpoint = ENDPOINT, study: dict[str, Any] | None = None, **job: Any) -> Plan:
    """A plan for `people` of the plain people."""
    spec = JobSpec.model_validate(
        {"schema": "troupe_batch/job/1", "id": "soup", "title": "Soup test", "study": study or STUDY}
        | {"population": population(max(people, 1)), "people": people, "units_per_shard": 7}
        | job
    )
    assert isinstance(spec.population, PopulationSpec)
    return make_plan(Job(spec, spec.population, "soup.yaml", "id: soup"), endpoint=endpoint)


def population(size: int) -> PopulationSpec:
    """The population that PlainFactory's people are of."""
    share = {
        "type": "categorical",
        "source": "assumption: a test",
        "values": dict.fromkeys(REGIONS, 1),
        "unit": "count",
    }
    age = {"type": "numeric", "source": "assumption: a test", "bins": {"18-90": 1.0}, "integer": True}
    dimensions = {"age": age, "region": share}
    return PopulationSpec.model_validate(
        {"schema": "troupe_batch/population/1", "id": "plain", "size": size, "dimensions": dimensions}
    )


def new_run(store: RunStore | None = None, **options: Any) -> Run:
    """A run of `plan(**options)`, by default with a store in memory."""
    planned = plan(**options)
    return Run(planned, planned.study, PlainFactory(), store or memory_store(), PlainFacts())


def memory_store(run_id: str = "soup") -> RunStore:
    """An empty store."""
    return RunStore(Objects.open("memory:"), run_id)


def person_asked(request: ChatRequest) -> int:
    """The number of the person that a survey request is for; -1 for any other request."""
    parts = request.sample.split(".")
    return int(parts[1]) if len(parts) == 4 else -1


def with_store(run: Run, store: RunStore) -> Run:
    """The same run, stored elsewhere."""
    return dataclasses.replace(run, store=store)


def _person(index: int) -> TinyPerson:
    facts: dict[str, Scalar] = {"age": 18 + index % 60, "region": REGIONS[index % 3]}
    return TinyPerson.cast(index, Persona({"name": f"Person {index}", **facts}), facts)


def _instance(schema: Any, seed: str) -> Any:
    """A value that matches the schema, as a function of the seed."""
    u = uniform(stream(seed, str(sorted(schema))))
    if "anyOf" in schema:
        return _instance(schema["anyOf"][0], seed)
    if "enum" in schema:
        return schema["enum"][int(u * len(schema["enum"]))]
    if schema["type"] == "object":
        return _object(schema["properties"], seed)
    if schema["type"] in ("boolean", "array"):
        return u < 0.5 if schema["type"] == "boolean" else []
    if schema["type"] in ("integer", "number"):
        value = schema["minimum"] + u * (schema["maximum"] - schema["minimum"])
        return int(value) if schema["type"] == "integer" else round(value, 2)
    return f"Because of {seed}"


def _object(properties: dict[str, Any], seed: str) -> dict[str, Any]:
    if all(part.get("maximum") == 100 for part in properties.values()):
        return _chances(properties, seed)
    return {name: _instance(part, f"{seed}/{name}") for name, part in properties.items()}


def _chances(labels: Iterable[str], seed: str) -> dict[str, int]:
    """Percentages that add up to about 100."""
    weights = {label: 0.01 + uniform(stream(seed, label)) for label in labels}
    return {label: round(100 * weight / sum(weights.values())) for label, weight in weights.items()}


async def commit_all(run: Run, model: AnsweringModel | None = None, *, but: tuple[int, ...] = ()) -> None:
    """Run and commit every shard, save those in `but`."""
    for shard in range(run.plan.shards):
        if shard not in but:
            attempt = Attempt(shard, f"attempt-of-{shard}")
            assert await run_shard(run, attempt, model=model or AnsweringModel(), concurrency=4)
