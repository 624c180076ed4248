"""Probes of what an endpoint can do, before anything depends on it, kept for a day."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import orjson

from troupe_batch import __version__
from troupe_batch.declared import as_declared
from troupe_batch.errors import EndpointUnsuitable, StateUnreachable, StopTheJob
from troupe_batch.llm.chat import Endpoint
from troupe_batch.llm.embeddings import EmbeddingRequest
from troupe_batch.llm.endpoint_memory import EndpointMemory
from troupe_batch.llm.probing import AWAY, MOST_CALLS, Ability, Grade, PlannedRequest, in_order, probe
from troupe_batch.llm.tokens import TokenCounter
from troupe_batch.persona.persona import Persona
from troupe_batch.planning.plan import Plan
from troupe_batch.planning.prices import PlanPrices
from troupe_batch.results.ledger import StopMark
from troupe_batch.results.provenance import keep_note
from troupe_batch.results.run import Run
from troupe_batch.settings import Settings
from troupe_batch.simulation.person.person import TinyPerson
from troupe_batch.studies.kinds import study_of
from troupe_batch.studies.questions.forms.open import OpenText
from troupe_batch.studies.questions.forms.rating import Rating
from troupe_batch.studies.study import Unit, UnitSettings
from troupe_batch.studies.survey.spec import SurveySpec
from troupe_batch.wiring.minds import default_parameters, further_endpoints
from troupe_batch.wiring.model_stack import ModelStack, open_model
from troupe_batch.wiring.open_runs import open_books
from troupe_batch.wiring.people import Supplies, casting_of
from troupe_batch.wiring.supplies import stored_supplies

_SAMPLED_CASES = 20
# A prompt that is longer than any that was tried by more than this is tried.
_LONGER = 1.1


@dataclass(frozen=True, slots=True)
class ProbeReport:
    """Report of what an endpoint can do, and what it took to find out; `is_kept` where it was found out earlier."""

    model: str
    abilities: tuple[Ability, ...]
    calls: int = 0
    cost_usd: float | None = 0.0
    is_kept: bool = False

    @property
    def problems(self) -> list[Ability]:
        """What stands in the way of a run."""
        return [one for one in self.abilities if one.verdict is Grade.BAD]

    @property
    def remarks(self) -> list[Ability]:
        """What a run can live with."""
        return [one for one in self.abilities if one.verdict is Grade.WARNING]

    def check(self) -> None:
        """EndpointUnsuitable where the endpoint cannot do what a job needs."""
        if self.problems:
            raise EndpointUnsuitable(
                "the endpoint cannot do what the job needs: " + "; ".join(one.says for one in self.problems) + ". "
                f"Nothing but {self.calls} calls of a probe were made; OpenAI.PROBE = no starts the run all the same"
            )

    def as_json(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self)


async def probe_run(settings: Settings, run: Run, told: Callable[[ProbeReport], None], *, is_shared: bool) -> None:
    """Tells what the endpoint of a run can do; the calls are on the bill of the run, and within its cap.

    EndpointUnsuitable where it cannot do what the job needs, and whatever else stops a job at its first call: the run
    is stopped then, and can be resumed.
    """
    try:
        report = await _probed_run(settings, run, is_shared=is_shared)
        told(report)
        report.check()
    except StopTheJob as error:
        await run.store.stop(StopMark.now(error.stop_reason, str(error)))
        raise


async def _probed_run(settings: Settings, run: Run, *, is_shared: bool) -> ProbeReport:
    plan, supplies = run.plan, stored_supplies(run.plan, run.store)
    worker = "the probe before the first shard"
    stack, record = await open_books(settings, run, worker=worker, is_shared=is_shared, is_bare=True)
    async with stack:
        await record.open()
        try:
            report = await _found_out(stack, plan.endpoint, planned_requests(plan, supplies))
            await keep_note(run.store, stack.dialects.learned(), [one.says for one in report.abilities])
        finally:
            await record.aclose()
    return report


async def probe_plan(settings: Settings, plan: Plan, supplies: Supplies) -> ProbeReport:
    """What the endpoint of a plan can do."""
    return await _probed(settings, plan.endpoint, planned_requests(plan, supplies), plan.prices)


async def probe_settings(settings: Settings, endpoint: Endpoint) -> ProbeReport:
    """What the endpoint of these settings can do, asked with a few questions to a made-up person."""
    return await _probed(settings, endpoint, _example_requests(settings, endpoint), None)


async def _probed(
    settings: Settings, endpoint: Endpoint, requests: Sequence[PlannedRequest], frozen: PlanPrices | None
) -> ProbeReport:
    stack = await open_model(settings, endpoint, is_shared=False, frozen=frozen, is_bare=True)
    async with stack:
        return await _found_out(stack, endpoint, requests)


def planned_requests(plan: Plan, supplies: Supplies) -> list[PlannedRequest]:
    """The longest prompt for each distinct schema of the plan, main model first, and one text to embed.

    At most `MOST_CALLS`: the longest prompt of all, then those with the largest schemas; other models than the main
    one come before its last ones.
    """
    counter = TokenCounter.at_hand()
    longest: dict[tuple[str, str], PlannedRequest] = {}
    casting = casting_of(plan, supplies)
    cases = min(plan.cases, _SAMPLED_CASES)
    for number in range(cases):
        case = number * plan.cases // cases
        seated = casting.people([case])
        people = [seated[index] for index in casting.members(case)]
        for call in plan.study.planned_calls(plan.unit(case * plan.job.replicates), people, plan.settings):
            one = PlannedRequest(call.request, counter.count_request(call.request))
            name = _kind_of(one)
            if name not in longest or longest[name].prompt_tokens < one.prompt_tokens:
                longest[name] = one
    return _chosen(longest.values(), plan.endpoint.model)


def _chosen(found: Iterable[PlannedRequest], main_model: str) -> list[PlannedRequest]:
    by_size = sorted(found, key=_size, reverse=True)
    main = [one for one in by_size if one.request.endpoint.model == main_model]
    # The longest of all prompts goes first, whatever its schema.
    longest = max(main, key=lambda one: one.prompt_tokens, default=None)
    main.sort(key=lambda one: one is not longest)
    others = {one.request.endpoint.model: one for one in reversed(by_size) if one not in main}
    # One call is left for the question whether schemas are enforced.
    return [*main[: max(1, MOST_CALLS - 1 - len(others))], *others.values()][:MOST_CALLS]


def _size(one: PlannedRequest) -> tuple[int, int]:
    schema = one.request.reply_schema
    return (0 if schema is None else len(orjson.dumps(dict(schema.schema))), one.prompt_tokens)


def _kind_of(one: PlannedRequest) -> tuple[str, str]:
    request = one.request
    schema = request.reply_schema
    kind = "embedding" if isinstance(request, EmbeddingRequest) else ("text" if schema is None else schema.digest)
    return request.endpoint.model, kind


def _example_requests(settings: Settings, endpoint: Endpoint) -> list[PlannedRequest]:
    questions = (
        Rating(id="liking", text="How much do you like cold soup?", labels=("not at all", "a little", "very much")),
        OpenText(id="why", text="Why?"),
    )
    study = study_of(SurveySpec(questions=questions), seed=0)
    person = TinyPerson.cast(0, Persona({"name": "Sam Example", "occupation": "gardener"}), {})
    asking = UnitSettings(endpoint, default_parameters(settings, endpoint))
    counter = TokenCounter.at_hand()
    calls = study.planned_calls(Unit(0, "probe.0", 0, 0), [person], asking)
    found = [PlannedRequest(call.request, counter.count_request(call.request)) for call in calls]
    embedding = further_endpoints(settings, endpoint).embedding
    if embedding is not None:
        request = EmbeddingRequest.of(embedding, "cold soup")
        found.append(PlannedRequest(request, counter.count_request(request)))
    return found


async def _found_out(stack: ModelStack, endpoint: Endpoint, requests: Sequence[PlannedRequest]) -> ProbeReport:
    """What is known of the endpoint, with calls only for what is not known yet."""
    name = f"probe/{endpoint.identity}/{endpoint.model}/{endpoint.schema_mode}/{__version__}"
    known = await _recalled(stack.dialects.memory, name)
    new = [one for one in requests if one.prompt_tokens > _LONGER * known.longest.get(_text_of(one), 0)]
    if not new:
        return ProbeReport(endpoint.model, tuple(known.abilities), is_kept=True)
    found_now, calls = await probe(stack.model, new)
    found = {one.what: one for one in (*known.abilities, *found_now, *_left_out(stack, endpoint.model))}
    spent = stack.spending
    cost = None if spent.unpriced else spent.usd
    report = ProbeReport(endpoint.model, tuple(in_order(found.values())), calls, cost)
    if not report.problems and AWAY not in found:
        known.longest.update({_text_of(one): one.prompt_tokens for one in new})
        await _kept(stack.dialects.memory, name, _Known(list(report.abilities), known.longest))
    return report


def _left_out(stack: ModelStack, model: str) -> Iterable[Ability]:
    """What requests go without, because the endpoint refuses it and no answer depends on it."""
    learned, dialect = stack.dialects.learned().values(), stack.dialects.of(model)
    limit = (
        f", so the limit goes as {dialect.limit_field}"
        if dialect.refused & {"max_tokens", "max_completion_tokens"}
        else ""
    )
    if names := sorted({name for parts in learned for names in parts.values() for name in names}):
        yield Ability("left out", Grade.GOOD, f"asked without {', '.join(names)}, which it refuses{limit}")


@dataclass(frozen=True, slots=True)
class _Known:
    """What was found out before; `longest` by model and schema, the tokens of the longest prompt that arrived."""

    abilities: list[Ability]
    longest: dict[str, int]


def _text_of(one: PlannedRequest) -> str:
    """What a finding about this request depends on: the model, the schema, and how it is to answer."""
    return "/".join((*_kind_of(one), orjson.dumps(asdict(one.request.parameters)).decode()))


async def _recalled(memory: EndpointMemory, name: str) -> _Known:
    try:
        return as_declared(_Known, orjson.loads(await memory.recall(name) or b""))
    except (ValueError, StateUnreachable):
        return _Known([], {})


async def _kept(memory: EndpointMemory, name: str, known: _Known) -> None:
    try:
        await memory.keep(name, orjson.dumps(asdict(known)))
    except (StateUnreachable, OSError):
        return  # the next run asks again
