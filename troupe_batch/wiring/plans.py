"""From a job to its plan under the settings of this process."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from troupe_batch.errors import Mistake, SpecError
from troupe_batch.factory import TinyPersonFactory
from troupe_batch.factory.enrichment import Asking
from troupe_batch.llm.chat import Endpoint, Parameters
from troupe_batch.llm.tokens import TokenCounter
from troupe_batch.planning.acting import Acting
from troupe_batch.planning.casting import Casting, FactsOnDemand
from troupe_batch.planning.estimate import Estimate, estimate
from troupe_batch.planning.loading import Job
from troupe_batch.planning.plan import Plan, make_plan
from troupe_batch.population import Margin, Population, PopulationSpec
from troupe_batch.rehearsal import load_respondents, misfit
from troupe_batch.settings import Settings
from troupe_batch.simulation.mind import MindSettings
from troupe_batch.wiring.endpoints import choose_endpoint
from troupe_batch.wiring.model_stack import price_list
from troupe_batch.wiring.python_studies import check_allowed


def plan_job(settings: Settings, job: Job, *, rehearse: bool = False) -> Plan:
    """The plan of the job; what it leaves open about the model comes from the settings."""
    check_allowed(settings, job.spec.study)
    endpoint = choose_endpoint(settings, model=job.spec.model.name, respondents=job.respondents, rehearse=rehearse)
    plan = make_plan(
        job,
        endpoint=endpoint,
        defaults=default_parameters(settings),
        cap_usd=settings.budget.max_usd,
        acting=further_endpoints(settings, endpoint),
        population=FactsOnDemand(lambda: _population(job.population.to_json())),
    )
    if rehearse and job.respondents is not None:
        _check_fit(job.respondents, plan)
    return plan


def cap_origin(settings: Settings, job: Job) -> str:
    """Who set the cost cap of the job's plan, in words."""
    return (
        f"budget.max_usd of {job.name}" if job.spec.budget else f"Budget.MAX_USD, {settings.origin('budget.max_usd')}"
    )


def default_parameters(settings: Settings) -> Parameters:
    """The sampling parameters that hold where a job does not say."""
    chosen = settings.openai
    return Parameters(chosen.temperature, chosen.top_p, chosen.max_completion_tokens, chosen.reasoning_effort)


def mind_settings(settings: Settings) -> MindSettings:
    """How people remember, act and are checked under these settings."""
    memory, checks, rules = settings.cognition, settings.actiongenerator, settings.simulation
    return MindSettings(
        consolidates=memory.enable_memory_consolidation,
        min_episode_length=memory.min_episode_length,
        max_episode_length=memory.max_episode_length,
        fixed_prefix_length=memory.episodic_memory_fixed_prefix_length,
        lookback_length=memory.episodic_memory_lookback_length,
        max_actions=memory.max_actions,
        max_rounds=memory.max_rounds,
        prevents_harm=rules.rai_harmful_content_prevention,
        prevents_copyright_infringement=rules.rai_copyright_infringement_prevention,
        checks_quality=checks.enable_quality_checks,
        quality_attempts=checks.max_attempts,
        quality_threshold=checks.quality_threshold,
    )


def further_endpoints(settings: Settings, endpoint: Endpoint) -> Acting:
    """How minds work under these settings, and the further models, at the same service, that serve them."""
    reasoning = settings.openai.reasoning_model
    return Acting(
        mind_settings(settings),
        reasoning=None if reasoning is None else replace(endpoint, model=reasoning),
        embedding=replace(endpoint, model=settings.openai.embedding_model),
    )


def population_of(plan: Plan) -> Population:
    """The population of the plan, its quotas worked out once per process."""
    return _population(plan.population.to_json())


def facts_of(plan: Plan) -> FactsOnDemand:
    """The facts of the plan's population."""
    return FactsOnDemand(lambda: population_of(plan))


@lru_cache(maxsize=4)
def _population(spec: str) -> Population:
    return Population(PopulationSpec.from_json(spec))


def factory_of(plan: Plan) -> TinyPersonFactory:
    """Casts the people of the plan."""
    return TinyPersonFactory(population_of(plan), enrich=plan.enrich, asking=Asking(plan.endpoint, plan.parameters))


def casting_of(plan: Plan) -> Casting:
    """Who sits where."""
    seating = plan.study.seating(facts_of(plan), plan.people)
    return Casting(plan.study, seating, factory_of(plan))


def plan_estimate(settings: Settings, plan: Plan) -> Estimate:
    """What the plan will ask of its models, and what that costs at the known prices."""
    return estimate(plan, casting_of(plan), TokenCounter.at_hand(), price_list(settings, plan.endpoint))


def margins_of(plan: Plan) -> list[Margin]:
    """The quotas of the people who take part, against the targets of their population."""
    population = population_of(plan)
    if plan.seated == plan.people:
        return population.margins(plan.people)
    seating = plan.study.seating(facts_of(plan), plan.people)
    return population.margins(sorted(index for case in range(seating.cases) for index in seating.members(case)))


def _check_fit(file: Path, plan: Plan) -> None:
    """SpecError where the respondent model answers other options than the job's questions have."""
    respondents = load_respondents(file)
    found = ((q.id, misfit(respondents, q.id, q.labels)) for q in plan.study.questions)
    if mistakes := [Mistake(problem, place=f"questions.{name}") for name, problem in found if problem]:
        raise SpecError(str(file), mistakes)
