"""`troupe run`: a job from file to dataset, with its progress and its results."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from pathlib import Path

import click

from troupe_batch.analysis.events import event_table
from troupe_batch.analysis.findings import finding_tables
from troupe_batch.analysis.notes import AbsenceCount, unwanted_absences
from troupe_batch.analysis.prose import prose_of
from troupe_batch.analysis.tables import question_tables
from troupe_batch.api import Follower, Result, RunOptions, run_job
from troupe_batch.cli.continuing import retry_text, say_stopped, typed_command
from troupe_batch.cli.options import (
    job_argument,
    json_option,
    read_settings,
    rehearse_option,
    retry_option,
    settings_options,
)
from troupe_batch.cli.output import data, print_json, print_text, say, say_error, say_warnings
from troupe_batch.cli.probing import say_probe
from troupe_batch.cli.progress import RunProgress
from troupe_batch.cli.stopping import Stops, stopping
from troupe_batch.cli.summary import exit_code, summary
from troupe_batch.cli.wording import endpoint_text, price_lines
from troupe_batch.dispatch.run_status import RunStatus
from troupe_batch.planning.loading import Job
from troupe_batch.report import console
from troupe_batch.results.manifest import Manifest
from troupe_batch.results.money_text import money_notes
from troupe_batch.results.outcome import RunState
from troupe_batch.settings import Settings
from troupe_batch.use_cases.given_files import load_job
from troupe_batch.use_cases.plans import prefix_use, unused_settings
from troupe_batch.use_cases.runs import BegunRun, Opening
from troupe_batch.wiring.supplies import stored_supplies


@click.command("run")
@job_argument
@rehearse_option
@click.option("--inline", is_flag=True, help="In this process: no Redis, no workers; for debugging.")
@retry_option
@click.option("--run-id", metavar="NAME", help="Folder of the run; default: the job's id.")
@click.option("--processes", type=int, help="Worker processes on this machine; default: one per core.")
@click.option("--latency-ms", type=float, help="With --rehearse: how long the stand-in takes to answer.")
@json_option
@settings_options
def command(
    *,
    job_file: Path,
    rehearse: bool,
    inline: bool,
    again: bool,
    run_id: str | None,
    processes: int | None,
    latency_ms: float | None,
    as_json: bool,
    config_file: Path | None,
    assignments: tuple[str, ...],
) -> int:
    r"""Run a job and show its results; the same command resumes it.

    Without a Redis.BROKER_URL in the settings, a private Redis and workers are started on this machine and
    stopped afterwards. With one, the fleet behind it does the work.

    Ctrl-C lets calls in flight end and keeps their replies; then the whole command that goes on is printed.

    \b
    Examples:
      troupe run jobs/gazpacho_concept_test.yaml --rehearse
      OPENAI_API_KEY=... troupe run jobs/gazpacho_concept_test.yaml
      troupe run my_job.yaml --set OpenAI.BASE_URL=http://localhost:8000/v1 --set OpenAI.MODEL=my-model
    """
    settings = read_settings(config_file, assignments, celery__processes=processes, rehearsal__latency_ms=latency_ms)
    options = RunOptions(rehearse=rehearse, inline=inline, again=again, run_id=run_id)
    job = load_job(job_file)
    say_warnings([*job.warnings, *unused_settings(settings, job)])
    began: list[BegunRun] = []
    result = asyncio.run(_run_job(job, options, settings, began, is_quiet=as_json))
    absences = unwanted_absences(result.dataset) if result.outcome.manifest is not None else []
    if as_json:
        print_json(summary(result, absences))
    else:
        _show_result(result, typed_command(settings), _prefix_use(settings, result, began))
    _say_absences(result, absences)
    return exit_code(result.outcome)


async def _run_job(
    job: Job, options: RunOptions, settings: Settings, began: list[BegunRun], *, is_quiet: bool
) -> Result:
    stops = Stops()
    with contextlib.ExitStack() as shown:
        progress: list[RunProgress] = []

        def begin(begun: BegunRun) -> None:
            began.append(begun)
            _say_beginning(begun)
            if settings.openai.probe and not options.rehearse and begun.beginning is not Opening.COMPLETE:
                say("the model is asked what it can do, by up to 5 calls, where that is not known yet")
            if begun.beginning is not Opening.COMPLETE:
                plan = begun.run.plan
                bar = RunProgress(units=plan.units, is_rehearsal=plan.endpoint.is_rehearsal, is_quiet=is_quiet)
                progress.append(shown.enter_context(bar))

        def show(status: RunStatus) -> None:
            # The workers may be at the dataset for minutes; there is nothing else left to stop then.
            stops.is_writing = status.is_complete and not status.is_finished
            progress[0].show(status)

        def write(done: int, shards: int) -> None:
            stops.check_dataset()
            if progress:
                progress[0].show_dataset(done, shards)

        with stopping(stops):
            return await run_job(job, options, settings, Follower(begin, say_probe, show, write, stops.asked))


def _say_beginning(begun: BegunRun) -> None:
    plan, store = begun.run.plan, begun.run.store
    what = f"{plan.units:,} units in {plan.shards:,} shard{'s' if plan.shards != 1 else ''}"
    if begun.beginning is Opening.COMPLETE:
        say(f"run {store.run_id} is complete; nothing is asked")
    elif begun.beginning is Opening.RESUMED:
        say(f"resuming run {store.run_id}: {begun.committed:,} of {plan.shards:,} shards are done")
        for line in (*(f"prices: {line}" for line in price_lines(plan)), *begun.price_changes):
            say(line)
    else:
        say(f"run {store.run_id}: {what}, model {endpoint_text(plan.endpoint)}")
        for line in price_lines(plan):
            say(f"prices: {line}")
        if begun.retries is not None:
            say(f"it asks again for what {begun.retries} lacks; replies that are in the cache cost nothing again")


def _show_result(result: Result, typed: str, prefix_use: str | None) -> None:
    if result.outcome.manifest is None or result.outcome.state is RunState.STOPPED:
        say_stopped(result, typed)
    else:
        _show_results(result, result.outcome.manifest)
        if prefix_use is not None:
            say(f"prefix cache: {prefix_use}")
        if not result.is_complete:
            say_stopped(result, typed)
    say("dataset:")
    print_text(result.path)


def _show_results(result: Result, manifest: Manifest) -> None:
    dataset = result.dataset
    tables, findings = question_tables(dataset), finding_tables(dataset)
    data().print(console.results(manifest, tables, findings, event_table(dataset), prose_of(dataset)))
    calls = manifest.calls
    cached = calls.hits + calls.joined
    say(f"the dataset rests on {calls.calls:,} requests: {calls.sent:,} sent to the model, {cached:,} from the cache")
    say(f"cost: {manifest.cost_text}")
    for note in money_notes(manifest.money, cap_usd=manifest.cap_usd):
        say(f"note: {note}")


def _prefix_use(settings: Settings, result: Result, began: Sequence[BegunRun]) -> str | None:
    """What the endpoint's cache of beginnings did for this command; None where it called no model."""
    manifest = result.outcome.manifest
    if manifest is None or not manifest.calls.sent or not began or began[-1].beginning is Opening.COMPLETE:
        return None
    run = began[-1].run
    return prefix_use(settings, run.plan, manifest.spending, stored_supplies(run.plan, run.store))


def _say_absences(result: Result, absences: list[AbsenceCount]) -> None:
    for absence in absences:
        which = f"{absence.answers_with_reason:,} of them: " if absence.answers_with_reason < absence.answers else ""
        say(f"{absence.counted} {absence.status}: {which}{absence.reason}")
    if absences:
        say(f"what came instead: troupe failed {result.outcome.run_id}")
    if result.is_complete and (again := retry_text(result)) is not None:
        say(again)
    if result.is_complete and not result.manifest.has_results:
        say_error(f"{_what_is_lacking(result.manifest)}; the reasons stand above")


def _what_is_lacking(manifest: Manifest) -> str:
    if manifest.questions:
        return "not one question was answered"
    return "not one extraction brought anything" if manifest.extractions else "nobody did anything"
