"""Plans of jobs under the settings of this process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, cast

from troupe_batch.errors import Mistake, SpecError
from troupe_batch.llm.chat import Usage
from troupe_batch.llm.model_names import shutdown_notes
from troupe_batch.llm.spending import Spending
from troupe_batch.llm.tokens import TokenCounter
from troupe_batch.planning.estimating import Estimate, estimate, first_prompts
from troupe_batch.planning.loading import Job
from troupe_batch.planning.plan import Plan, make_plan
from troupe_batch.planning.prefix_forecast import share_text
from troupe_batch.population.margins import DesignEffect, Margin
from troupe_batch.population.spec import EnrichLevel
from troupe_batch.settings import Settings
from troupe_batch.use_cases.targets import recounted, weighted_effect
from troupe_batch.wiring.endpoints import cache_rule_of, choose_endpoint, tiers_at
from troupe_batch.wiring.list_prices import look_up, prices_of
from troupe_batch.wiring.minds import default_parameters, further_endpoints
from troupe_batch.wiring.people import Supplies, casting_of, facts_of, population_of
from troupe_batch.wiring.python_studies import check_allowed

if TYPE_CHECKING:
    from troupe_batch.results.panel import Panel

_NONE = Supplies()


@dataclass(frozen=True, slots=True)
class Prepared:
    """A plan, and what it refers to by its digest."""

    plan: Plan
    supplies: Supplies


def prepare_job(settings: Settings, job: Job, *, rehearse: bool = False) -> Prepared:
    """The plan of the job with its panel, and with what people remember where it is a later wave.

    SpecError where the run of the wave before is not there, not complete, or of other people.
    """
    plan = plan_job(settings, job, rehearse=rehearse)
    recollections = None
    if job.spec.wave is not None:
        from troupe_batch.use_cases.waves import in_wave  # noqa: PLC0415 -- loads Arrow, and most jobs are no wave

        plan, recollections = in_wave(settings, job, plan)
    return Prepared(plan, Supplies(cast("Panel | None", job.panel), recollections))


def plan_job(settings: Settings, job: Job, *, rehearse: bool = False) -> Plan:
    """The plan of the job, by itself; what it leaves open about the model comes from the settings."""
    check_allowed(settings, job.spec.study)
    endpoint = choose_endpoint(settings, model=job.spec.model.name, respondents=job.respondents, rehearse=rehearse)
    plan = make_plan(
        job,
        endpoint=endpoint,
        defaults=default_parameters(settings, endpoint),
        cap_usd=settings.budget.max_usd,
        acting=further_endpoints(settings, endpoint),
    )
    plan = replace(plan, prices=look_up(settings, endpoint, plan.models, tier=_tier_wanted(settings, plan)))
    _check_prose(job, plan)
    if rehearse and job.respondents is not None:
        _check_fit(job.respondents, plan)
    return plan


def cap_origin(settings: Settings, job: Job) -> str:
    """Who set the cost cap of the job's plan, in words."""
    return (
        f"budget.max_usd of {job.name}" if job.spec.budget else f"Budget.MAX_USD, {settings.origin('budget.max_usd')}"
    )


def unused_settings(settings: Settings, job: Job) -> list[str]:
    """A line for each setting that somebody gave and the job goes before, as it says something else itself."""
    model, budget = job.spec.model, job.spec.budget
    chosen = {
        "openai.model": ("model.name", model.name),
        "openai.temperature": ("model.temperature", model.temperature),
        "openai.top_p": ("model.top_p", model.top_p),
        "openai.max_completion_tokens": ("model.max_completion_tokens", model.max_completion_tokens),
        "openai.reasoning_effort": ("model.reasoning_effort", model.reasoning_effort),
        "openai.service_tier": ("model.service_tier", model.service_tier),
        "budget.max_usd": ("budget.max_usd", None if budget is None else budget.max_usd),
    }
    given = dict(settings.values())
    return [
        f"{settings.title(option)} = {given[option]} ({settings.origin(option)}) has no effect: {job.name} says "
        f"{field}: {value}; take that line out of the job, or change it there"
        for option, (field, value) in chosen.items()
        if value is not None and settings.origin(option) != "default" and given[option] not in (None, value)
    ]


def tier_notes(settings: Settings, plan: Plan) -> list[str]:
    """A line where a tier of service is wanted that the endpoint does not sell."""
    wanted, known = _tier_wanted(settings, plan), tiers_at(settings, plan.endpoint)
    if wanted is None or wanted in known:
        return []
    sold = f"it has {', '.join(known)}" if known else "it is not known to have tiers"
    return [f"note: service tier {wanted} is not asked for at {plan.endpoint.identity}: {sold}"]


def _tier_wanted(settings: Settings, plan: Plan) -> str | None:
    return plan.job.model.service_tier or settings.openai.service_tier


def leaving_models(plan: Plan) -> list[str]:
    """A line for each model of the plan that is shut down soon, or has been."""
    return shutdown_notes(plan.models, plan.endpoint)


def plan_estimate(settings: Settings, plan: Plan, supplies: Supplies = _NONE) -> Estimate:
    """What the plan will ask of its models, and what that costs at the known prices."""
    prices = prices_of(settings, plan.endpoint, plan.prices)
    rule_of = partial(cache_rule_of, settings)
    return estimate(plan, casting_of(plan, supplies), TokenCounter.at_hand(), prices, rule_of)


def prefix_use(settings: Settings, plan: Plan, spending: Spending, supplies: Supplies = _NONE) -> str | None:
    """What the endpoint's prefix cache did for the calls of a run, and why where it did little; None without calls."""
    if not spending.calls or not spending.prompt_tokens:
        return None
    usage = Usage(spending.prompt_tokens, spending.cached_tokens, cache_write_tokens=spending.cache_write_tokens)
    read, written = (
        share_text(count / usage.prompt_tokens) for count in (usage.cached_tokens, usage.cache_write_tokens)
    )
    forecast = first_prompts(
        plan, casting_of(plan, supplies), TokenCounter.estimate(), partial(cache_rule_of, settings)
    )
    why = forecast.explained(usage, spending.calls)
    return f"{read} of the prompt tokens read, {written} written" + (f": {why}" if why else "")


def margins_of(plan: Plan, supplies: Supplies = _NONE) -> list[Margin]:
    """The quotas of the people who take part, against the targets of their population."""
    who = _who_take_part(plan, supplies)
    margins = population_of(plan).margins(who)
    if supplies.panel is None:
        return margins
    # What was frozen counts, whatever this release would draw.
    return recounted(plan.population, margins, _facts_of(supplies.panel, plan, who))


def design_effect_of(plan: Plan, supplies: Supplies = _NONE) -> DesignEffect:
    """What the weights of the people who take part cost."""
    who = _who_take_part(plan, supplies)
    if supplies.panel is None:
        return population_of(plan).design_effect(who)
    return weighted_effect(plan.population, _facts_of(supplies.panel, plan, who), len(_people_numbers(who)))


def _facts_of(panel: Panel, plan: Plan, who: int | list[int]) -> Mapping[str, Sequence[object]]:
    facts = panel.facts(0, plan.people)
    return {name: [values[index] for index in _people_numbers(who)] for name, values in facts.items()}


def _who_take_part(plan: Plan, supplies: Supplies) -> int | list[int]:
    """How many people, from the first on, or the number of each."""
    if plan.seated == plan.people:
        return plan.people
    seating = plan.study.seating(facts_of(plan, supplies), plan.people)
    return sorted(index for case in range(seating.cases) for index in seating.members(case))


def _people_numbers(who: int | list[int]) -> Sequence[int]:
    return range(who) if isinstance(who, int) else who


def _check_prose(job: Job, plan: Plan) -> None:
    """SpecError where a run that is none of rehearsal would put placeholder prose into its prompts."""
    panel = plan.panel
    if panel is None or plan.endpoint.is_rehearsal or not panel.is_rehearsal or panel.enrich is EnrichLevel.NONE:
        return
    problem = "what is written about the people of this panel are placeholders of a rehearsal"
    cure = "freeze the population without --rehearse, or run the job with it"
    raise job.located(SpecError("job", [Mistake(problem, cure, place="population")]))


def _check_fit(file: Path, plan: Plan) -> None:
    """SpecError where the respondent model answers other options than the job's questions have."""
    from troupe_batch.rehearsal.respondents import load_respondents, misfit  # noqa: PLC0415 -- most jobs name none

    respondents = load_respondents(file)
    found = ((q.id, misfit(respondents, q.id, q.labels)) for q in plan.study.design.questions)
    if mistakes := [Mistake(problem, place=f"questions.{name}") for name, problem in found if problem]:
        raise SpecError(str(file), mistakes)
