"""`troupe plan`: what a job is, whom it asks and what it will cost, before anything is spent."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich import box

from troupe_batch.cli.exit_codes import FAILED, OK
from troupe_batch.cli.options import job_argument, json_option, read_settings, rehearse_option, settings_options
from troupe_batch.cli.output import data, print_json, say, say_warnings
from troupe_batch.cli.plan_questions import questions_json, questions_table
from troupe_batch.cli.probing import ability_line, effort_of
from troupe_batch.cli.wording import endpoint_text, price_lines
from troupe_batch.planning.estimating import Estimate
from troupe_batch.planning.plan import Plan
from troupe_batch.planning.prefix_forecast import share_text
from troupe_batch.planning.remarks import scale_remarks
from troupe_batch.population.margins import Margin
from troupe_batch.population.spec import EnrichLevel
from troupe_batch.settings import Settings
from troupe_batch.studies.kinds import cases_text
from troupe_batch.studies.study import ExtractionInfo
from troupe_batch.terminal import TextTable
from troupe_batch.use_cases.given_files import load_job
from troupe_batch.use_cases.plans import (
    cap_origin,
    design_effect_of,
    leaving_models,
    margins_of,
    plan_estimate,
    prepare_job,
    tier_notes,
    unused_settings,
)

if TYPE_CHECKING:
    from troupe_batch.use_cases.plans import Prepared
    from troupe_batch.use_cases.probes import ProbeReport


@click.command("plan")
@job_argument
@rehearse_option
@click.option("--probe", "probes", is_flag=True, help="Ask the model by up to 5 calls: can it do what the job needs?")
@json_option
@settings_options
def command(
    *,
    job_file: Path,
    rehearse: bool,
    probes: bool,
    as_json: bool,
    config_file: Path | None,
    assignments: tuple[str, ...],
) -> int:
    r"""Show questions, people, calls, tokens, cost and quotas of a job, and what may not be meant as it is written.

    Needs no key, calls no model and downloads nothing, unless --probe asks the model what it can do.

    \b
    Examples:
      troupe plan jobs/gazpacho_concept_test.yaml
      troupe plan my_job.yaml --probe --set OpenAI.BASE_URL=http://localhost:8000/v1 --set OpenAI.MODEL=my-model
      troupe plan my_job.yaml --json --set OpenAI.MODEL=gpt-6-luna
    """
    settings = read_settings(config_file, assignments)
    job = load_job(job_file)
    prepared = prepare_job(settings, job, rehearse=rehearse)
    plan = prepared.plan
    warnings = [*job.warnings, *unused_settings(settings, job)]
    forecast = plan_estimate(settings, plan, prepared.supplies)
    margins = margins_of(plan, prepared.supplies)
    report = _probed(settings, prepared) if probes and not rehearse else None
    if as_json:
        probed = {} if report is None else {"probe": report.as_json()}
        said = {"warnings": [*money_notes(plan, forecast), *warnings], "notes": _plan_notes(settings, plan)}
        print_json({**_as_json(plan, forecast, margins, cap_origin(settings, job)), **said, **probed})
        return _code_of(report)
    data().print(_overview(plan, forecast, cap_origin(settings, job)))
    if plan.study.design.questions:
        data().print(questions_table(plan))
    if margins:
        data().print(_margins(margins))
    if plan.population.strata is not None:
        effect = design_effect_of(plan, prepared.supplies)
        data().print(f"design effect {effect.deff:.3f}: effective n {effect.effective_n:,.0f} of {effect.people:,}")
    say(forecast.note)
    say_warnings(warnings)
    for note in (*money_notes(plan, forecast), *_plan_notes(settings, plan)):
        say(note)
    if report is not None:
        data().print(f"the endpoint, {effort_of(report)}:")
        for one in report.abilities:
            data().print(ability_line(one), soft_wrap=True)
    return _code_of(report)


def _probed(settings: Settings, prepared: Prepared) -> ProbeReport:
    from troupe_batch.use_cases.probes import probe_plan  # noqa: PLC0415 -- the client of the endpoint takes its time

    return asyncio.run(probe_plan(settings, prepared.plan, prepared.supplies))


def _code_of(report: ProbeReport | None) -> int:
    return FAILED if report is not None and report.problems else OK


def _plan_notes(settings: Settings, plan: Plan) -> list[str]:
    """What should be known of the plan before it is run."""
    remarks = (f"note: {remark}" for remark in scale_remarks(plan.study.design.questions))
    return [*leaving_models(plan), *tier_notes(settings, plan), *remarks]


def _overview(plan: Plan, forecast: Estimate, origin: str) -> TextTable:
    table = TextTable(box=box.SIMPLE_HEAD, show_header=False, pad_edge=False, title=f"Plan of {plan.job.id}")
    table.title_justify = "left"
    arms = ", ".join(arm.id for arm in plan.job.study.arms) or "none"
    shards = "1 shard" if plan.shards == 1 else f"{plan.shards:,} shards of up to {plan.units_per_shard:,}"
    rows = {
        "people": f"{plan.seated:,} of {plan.available:,} of {plan.population.id}",
        "panel": _panel(plan),
        "wave": _wave(plan),
        "take no part": _left_out(plan),
        **_cases(plan),
        "replicates, arms": f"{plan.job.replicates}; {arms}",
        "units": f"{plan.units:,} in {shards}",
        "extractions": ", ".join(_extraction(one) for one in plan.study.design.extractions),
        "model": endpoint_text(plan.endpoint),
        "calls": f"{forecast.calls:,} at most, repairs apart" if plan.acting is None else f"about {forecast.calls:,}",
        "prose": _prose(plan, forecast),
        "prompt tokens": f"{forecast.prompt_tokens:,}",
        "prefix cache": _prefix_cache(forecast),
        "completion tokens": f"{forecast.completion_tokens:,}",
        "cost": _cost(forecast),
        "prices": "\n".join(price_lines(plan)),
        "cost cap": _cap_text(plan, origin),
        "plan digest": plan.digest[:16],
    }
    for name, value in rows.items():
        if value:
            table.add_row(name, value)
    return table


def _panel(plan: Plan) -> str:
    """What is known of the panel; empty where people are drawn anew."""
    panel = plan.panel
    if panel is None:
        return ""
    prose = "facts only" if panel.model is None else f"{panel.enrich} by {panel.model}"
    without = f", none about {panel.without_prose:,}" if panel.without_prose else ""
    return f"{panel.digest[:16]}: {panel.people:,} people, {prose}{without}"


def _wave(plan: Plan) -> str:
    """What people remember of the waves before; empty for a first wave."""
    wave = plan.wave
    if wave is None:
        return ""
    remembered = (
        f"{min(wave.people, plan.people):,} people remember earlier answers" if wave.digest else "nothing of it"
    )
    return f"{wave.number}, after {wave.after}; memory {wave.memory}: {remembered}"


def _left_out(plan: Plan) -> str:
    """Why fewer people take part than were asked for; empty where all do."""
    if plan.seated == plan.people:
        return ""
    what = cases_text(plan.job.study.kind, plan.study.design.seats, plan.cases)
    left_out = plan.people - plan.seated
    return f"{left_out:,} of {plan.people:,} people: {what} of {plan.study.design.seats} have {plan.seated:,} seats"


def _cases(plan: Plan) -> dict[str, str]:
    """Nothing where each person is a case of their own."""
    what = cases_text(plan.job.study.kind, plan.study.design.seats)
    each = "1 person" if plan.study.design.seats == 1 else f"{plan.study.design.seats} people"
    together = f"; composition: {plan.composition}" if plan.composition else ""
    return {what: f"{plan.cases:,} of {each} each; nobody is in two{together}"} if what else {}


def _extraction(info: ExtractionInfo) -> str:
    fields = ", ".join(field.id for field in info.fields)
    return f"{info.id} ({fields}) from each {'person' if info.is_per_person else 'world'}"


def _prose(plan: Plan, forecast: Estimate) -> str:
    """What writing about people is of all this; empty where nothing is written."""
    prose = forecast.prose
    if prose is None:
        return ""
    cached = f"{prose.cacheable_share:.0%} of their prompt tokens read from the prefix cache"
    more = f"up to {prose.most_repairs:,} more where it contradicts the facts, not counted"
    what = "full persona" if plan.enrich is EnrichLevel.FULL else str(plan.enrich)
    return f"{prose.calls:,} of the calls write a {what} of each person and check it ({cached}); {more}"


def _prefix_cache(forecast: Estimate) -> str:
    """What the endpoint's cache of beginnings is expected to do, or why it does nothing."""
    if not (forecast.cacheable_tokens or forecast.cache_write_tokens):
        return f"none: {forecast.prefix.problem() or 'no prompt begins as an earlier one'}"
    shares = f"{share_text(forecast.cacheable_share)} read, {share_text(forecast.cache_write_share)} written"
    problem = forecast.prefix.problem()
    why = f" ({problem})" if problem and not forecast.cacheable_tokens else ""
    without, with_cache = forecast.cost_usd, forecast.cost_with_prefix_cache_usd
    if without is None or with_cache is None:
        return shares + why
    return f"{shares}; {_dollars(with_cache)} with, {_dollars(without)} without{why}"


def _cost(forecast: Estimate) -> str:
    if forecast.most_usd is None:
        return "unknown: no price is known for this model (see Budget.PROMPT_PRICE)"
    return _dollars(forecast.most_usd)


def _cap_text(plan: Plan, origin: str) -> str:
    if plan.cap_usd is None:
        return "none: neither the job's budget.max_usd nor Budget.MAX_USD is set"
    return f"{_dollars(plan.cap_usd)} ({origin})"


def _dollars(amount: float) -> str:
    """With as many digits as it takes: a cap of a tenth of a cent is not $0.00."""
    if amount >= 1 or amount == 0:
        return f"${amount:,.2f}"
    return f"${amount:.4f}" if amount >= 0.001 else f"${amount:.2g}" if amount >= 1e-4 else f"${amount:.3e}"


def money_notes(plan: Plan, forecast: Estimate) -> list[str]:
    """What may end the run early, or cost more than anybody has said."""
    if forecast.most_usd is None:
        models = ", ".join(plan.models)
        cure = "set Budget.PROMPT_PRICE and Budget.COMPLETION_PRICE"
        held = "no cost cap can hold without one" if plan.cap_usd is not None else "what it costs cannot be said"
        return [f"warning: no price is known for all of {models}: {held}; {cure}"]
    if plan.cap_usd is not None and forecast.most_usd > plan.cap_usd:
        share = plan.cap_usd / forecast.most_usd
        above = f"the cap of {_dollars(plan.cap_usd)} is below the estimate of {_dollars(forecast.most_usd)}"
        cure = "raise budget.max_usd of the job, or Budget.MAX_USD"
        return [f"warning: {above}: the run will stop after about {share:.0%} of it; {cure}"]
    return []


def _margins(margins: list[Margin]) -> TextTable:
    table = TextTable(
        box=box.SIMPLE_HEAD, pad_edge=False, title="Quotas: target against realised", title_justify="left"
    )
    for name in ("dimension", "category"):
        table.add_column(name)
    # Where strata are oversampled, people are drawn with other shares than those that the population has.
    is_weighted = any(margin.weighted_share is not None for margin in margins)
    heads = ["drawn target %" if is_weighted else "target %", "realised %", "people", "off by, pp", "allowed, pp"]
    for name in [*heads, *(["weighted target %", "weighted %"] if is_weighted else [])]:
        table.add_column(name, justify="right")
    last = None
    for margin in margins:
        error = margin.realised_share - margin.target
        is_off = abs(error) > margin.allowed + 1e-12
        table.add_row(
            margin.dimension if margin.dimension != last else "",
            margin.category,
            f"{100 * margin.target:.1f}",
            f"{100 * margin.realised_share:.1f}",
            f"{margin.realised_count:,}",
            f"{100 * error:+.2f}",
            f"{100 * margin.allowed:.2f}",
            *_weighted(margin),
            style="red" if is_off else None,
        )
        last = margin.dimension
    return table


def _weighted(margin: Margin) -> list[str]:
    """The target and the share of the population that the people stand for; nothing where all count alike."""
    return [f"{100 * share:.1f}" for share in (margin.weighted_target, margin.weighted_share) if share is not None]


def _as_json(plan: Plan, forecast: Estimate, margins: list[Margin], origin: str) -> dict[str, Any]:
    return {
        "job": plan.job.id,
        "digest": plan.digest,
        "people": plan.seated,
        "people_without_seat": plan.people - plan.seated,
        "cases": plan.cases,
        "seats": plan.study.design.seats,
        "composition": plan.composition,
        "units": plan.units,
        "shards": plan.shards,
        "units_per_shard": plan.units_per_shard,
        "model": plan.endpoint.model,
        "endpoint": plan.endpoint.identity,
        "prices": None if plan.prices is None else plan.prices.as_json(),
        "cap_usd": plan.cap_usd,
        "cap_origin": None if plan.cap_usd is None else origin,
        "estimate": {
            **{name: getattr(forecast, name) for name in Estimate.__slots__ if name != "prefix"},
            "cacheable_share": forecast.cacheable_share,
            "cache_write_share": forecast.cache_write_share,
            "prefix_cache": forecast.prefix.as_json(),
        },
        "panel": None if plan.panel is None else plan.panel.as_json(),
        "wave": None if plan.wave is None else plan.wave.as_json(),
        "leaving_models": leaving_models(plan),
        "questions": questions_json(plan),
        "margins": [{name: getattr(margin, name) for name in Margin.__slots__} for margin in margins],
    }
