"""Jobs run from Python: the same pipeline as the command line, in a script or a notebook."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from troupe_batch.dispatch.run_status import RunStatus
from troupe_batch.errors import Interrupted, StopTheJob
from troupe_batch.llm.spending import Spending
from troupe_batch.planning.job import JobSpec
from troupe_batch.planning.loading import Job
from troupe_batch.population.draw import Population
from troupe_batch.population.spec import EnrichLevel, PopulationSpec
from troupe_batch.report.outcome import outcome_html, outcome_text
from troupe_batch.results.dataset import Dataset
from troupe_batch.results.extractor import OnShard, extract, ignore_shards
from troupe_batch.results.manifest import Manifest
from troupe_batch.results.outcome import RunOutcome, RunState, outcome_of
from troupe_batch.results.run import Run
from troupe_batch.results.spending import spending_of
from troupe_batch.settings import Settings, load_settings
from troupe_batch.simulation.mind import use_mind
from troupe_batch.use_cases.given_files import load_job, resolve_job
from troupe_batch.use_cases.plans import prepare_job
from troupe_batch.use_cases.progress_lines import ProgressLines
from troupe_batch.use_cases.runs import BegunRun, Opening, begin_run
from troupe_batch.wiring.endpoints import check_connection, rehearsal_config
from troupe_batch.wiring.machine import Machine, machine
from troupe_batch.wiring.queues import EMBEDDED
from troupe_batch.wiring.spending import bring_in_the_dead

if TYPE_CHECKING:
    import pandas as pd

    from troupe_batch.use_cases.connecting import Connection
    from troupe_batch.use_cases.panels import FrozenPanel
    from troupe_batch.use_cases.probes import ProbeReport

# What a run needs of Celery, of clients and of models is imported in the functions below that use it: by then its
# workers are starting, and have the time.
OnStatus: TypeAlias = Callable[[RunStatus], None]
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RunOptions:
    """Options of how a job is run. `inline` needs no Redis and no workers.

    `again`, which the command line calls `--retry`: where the run is complete, a further one asks for what it lacks.
    """

    rehearse: bool = False
    inline: bool = False
    again: bool = False
    run_id: str | None = None


def _nothing(_: object) -> None:
    pass


@dataclass(frozen=True, slots=True)
class Follower:
    """Listener who hears how a run begins and goes on, and may end it.

    A set `stop` ends the run; it can be resumed. `on_dataset` is told how many of how many shards are in the dataset;
    Interrupted from it leaves the dataset for later, and the outcome then has no manifest.
    """

    on_begin: Callable[[BegunRun], None] = _nothing
    on_probe: Callable[[ProbeReport], None] = _nothing
    on_status: OnStatus = _nothing
    on_dataset: OnShard = ignore_shards
    stop: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(frozen=True, repr=False)
class Result:
    """Result of a run: its outcome, and its dataset as pandas tables that are read when first asked for."""

    outcome: RunOutcome
    dataset: Dataset
    beginning: Opening

    def __repr__(self) -> str:
        return outcome_text(self.outcome)

    def _repr_html_(self) -> str:
        """What a notebook shows of it."""
        return outcome_html(self.outcome)

    @property
    def path(self) -> str:
        """Where the Parquet dataset lies."""
        return self.dataset.path

    @property
    def is_complete(self) -> bool:
        """Whether every planned unit was simulated."""
        return self.outcome.is_complete

    @property
    def manifest(self) -> Manifest:
        """What the dataset is and where it comes from."""
        return self.dataset.manifest

    @property
    def people(self) -> pd.DataFrame:
        """One row per simulated person."""
        return self.dataset.people

    @property
    def answers(self) -> pd.DataFrame:
        """One row per unit and question, absences included; TableMissing for studies that ask none."""
        return self.dataset.answers

    @property
    def responses(self) -> pd.DataFrame:
        """One row per unit, with typed columns for each question."""
        return self.dataset.responses

    @property
    def events(self) -> pd.DataFrame:
        """One row per stimulus and action; TableMissing for studies in which nobody acts."""
        return self.dataset.events

    @property
    def extractions(self) -> pd.DataFrame:
        """One row per finding; TableMissing for studies that extract nothing."""
        return self.dataset.extractions

    @property
    def llm_calls(self) -> pd.DataFrame:
        """One row per request to a model."""
        return self.dataset.llm_calls


async def run(  # noqa: PLR0913 -- what a script may say about a run
    job: str | Path | JobSpec,
    *,
    rehearse: bool = False,
    inline: bool = False,
    again: bool = False,
    run_id: str | None = None,
    settings: Settings | None = None,
    progress: bool = True,
) -> Result:
    """The result of a job, given as a file or as a spec built in Python.

    By default it runs on workers of this machine beside an embedded Redis, as `troupe run` does; `inline` runs it in
    this process. `settings` default to config.ini and the environment. Running the same job again resumes it. How far
    it is goes to stderr, a line every few seconds, unless `progress` is False.
    Raises FixTheInput errors before anything is started; a spent budget is an outcome, not an error.
    """
    options = RunOptions(rehearse=rehearse, inline=inline, again=again, run_id=run_id)
    lines = ProgressLines(None if progress else _silently)
    told = Follower(on_begin=lines.begin, on_status=lines.show)
    return await run_job(resolved(job), options, settings or _settings_found(), told)


def run_sync(  # noqa: PLR0913 -- those of `run`
    job: str | Path | JobSpec,
    *,
    rehearse: bool = False,
    inline: bool = False,
    again: bool = False,
    run_id: str | None = None,
    settings: Settings | None = None,
    progress: bool = True,
) -> Result:
    """As `run`, for scripts without an event loop; in a notebook use `await run(...)`."""
    return asyncio.run(
        run(job, rehearse=rehearse, inline=inline, again=again, run_id=run_id, settings=settings, progress=progress)
    )


async def freeze(
    population: str | Path | PopulationSpec,
    to: str | Path,
    *,
    people: int | None = None,
    enrich: EnrichLevel | str | None = None,
    rehearse: bool = False,
    settings: Settings | None = None,
) -> FrozenPanel:
    """People drawn, and written about, once: the first `people` of the population in a panel, a .parquet file.

    Name that file as the `population` of jobs. ProseMissing, and no panel, where nothing could be written about some
    people; the same call asks for them again, and finds all others in the cache.
    """
    from troupe_batch.use_cases.panels import FreezeOptions, freeze_people, load_unfrozen  # noqa: PLC0415 -- see above

    drawn = Population(population) if isinstance(population, PopulationSpec) else load_unfrozen(Path(population))
    level = None if enrich is None else EnrichLevel(enrich)
    options = FreezeOptions(people, level, rehearse=rehearse)
    return await freeze_people(settings or _settings_found(), drawn, Path(to), options)


class _Current:
    """The connection of people who were given no mind: one at a time, for whoever works by hand."""

    connection: Connection | None = None


async def connect(
    *,
    rehearse: bool = False,
    model: str | None = None,
    respondents: str | Path | None = None,
    seed: int = 0,
    settings: Settings | None = None,
) -> Connection:
    """Gives every person and world that was given no `mind` one to think with, until `disconnect`.

    The model comes from config.ini and the environment, as for `run`; `rehearse` starts the offline server instead.
    Equal programs with equal seeds find their replies in `.troupe/replies.sqlite` and pay nothing again.
    Raises SettingsError where a key or an address is missing.
    """
    from troupe_batch.use_cases.connecting import open_connection  # noqa: PLC0415 -- see above

    await disconnect()
    _Current.connection = await open_connection(
        settings or _settings_found(),
        model=model,
        rehearse=rehearse,
        respondents=None if respondents is None else Path(respondents),
        seed=seed,
    )
    use_mind(_Current.connection.mind)
    return _Current.connection


async def disconnect() -> None:
    """Ends what `connect` began; nothing happens where nothing is connected."""
    connection, _Current.connection = _Current.connection, None
    use_mind(None)
    if connection is not None:
        await connection.aclose()


def resolved(job: str | Path | JobSpec) -> Job:
    """The job with everything it refers to; SpecError names every mistake."""
    return resolve_job(job) if isinstance(job, JobSpec) else load_job(Path(job))


async def run_job(
    job: Job,
    options: RunOptions,
    settings: Settings,
    follower: Follower | None = None,
) -> Result:
    """As `run`, for a job at hand, with somebody who hears how it goes and may end it."""
    told = follower or Follower()
    prepared = prepare_job(settings, job, rehearse=options.rehearse)
    plan, supplies = prepared.plan, prepared.supplies
    is_alone = options.inline or settings.redis.broker_url == EMBEDDED
    check_connection(settings, plan.endpoint, starts_rehearsal=is_alone)
    begun = await begin_run(settings, plan, job.text, supplies=supplies, run_id=options.run_id, again=options.again)
    told.on_begin(begun)
    rehearsal = rehearsal_config(settings, job.respondents) if options.rehearse else None
    try:
        if begun.beginning is Opening.COMPLETE:
            outcome = await _collected(settings, begun.run, told)
        else:
            async with machine(
                settings, run_id=begun.run.store.run_id, rehearsal=rehearsal, is_inline=options.inline
            ) as here:
                outcome = await _probed_and_run(here, begun.run, options, told)
    except Interrupted as left:
        outcome = RunOutcome(
            begun.run.store.run_id, RunState.STOPPED, Dataset(begun.run.store).path, None, left.stop_reason, str(left)
        )
    return Result(outcome, Dataset(begun.run.store), begun.beginning)


async def _probed_and_run(here: Machine, run: Run, options: RunOptions, told: Follower) -> RunOutcome:
    if here.settings.openai.probe and not options.rehearse:
        from troupe_batch.use_cases.probes import probe_run  # noqa: PLC0415 -- see above

        try:
            await probe_run(here.settings, run, told.on_probe, is_shared=not options.inline)
        except StopTheJob:
            # As where the first call of a run stops it: a dataset says of each answer why it is not there.
            return await _collected(here.settings, run, told)
    return await (_inline if options.inline else _on_fleet)(here, run, told)


async def _on_fleet(here: Machine, run: Run, told: Follower) -> RunOutcome:
    from troupe_batch.use_cases.fleet import fleet_of  # noqa: PLC0415 -- see above

    own_logs = None if here.workers is None else here.workers.log_dir
    async with fleet_of(here.settings, run, own_logs=own_logs) as fleet:
        await fleet.start()
        await here.breakdown.unless_it_happens(fleet.follow(told.on_status, told.stop))
        outcome = await fleet.collect(told.on_dataset)
        if here.workers is not None and outcome.is_complete:
            # Nothing is under way any more, and Celery takes two seconds to say goodbye.
            await here.workers.stop(grace_s=0)
            await fleet.forget()
        return outcome


async def _inline(here: Machine, run: Run, told: Follower) -> RunOutcome:
    from troupe_batch.dispatch.inline import run_inline  # noqa: PLC0415 -- see above
    from troupe_batch.use_cases.inline_status import InlineStatus  # noqa: PLC0415 -- likewise
    from troupe_batch.wiring.open_runs import open_run  # noqa: PLC0415 -- likewise

    settings = here.settings
    async with await open_run(settings, run, is_shared=False) as opened:
        before = await spending_of(run.store, is_over=True) or Spending()
        status = InlineStatus(
            run,
            told.on_status,
            committed=len(await run.store.committed()),
            spending=lambda: before + opened.stack.spending,
            held_back=opened.stack.held_back,
        )
        work = run_inline(
            run,
            model=opened.stack.model,
            concurrency=settings.openai.max_concurrent_model_calls,
            on_progress=status.note,
            should_stop=told.stop.is_set,
            save_spending=opened.record.save,
            forget=opened.forget,
            on_dataset=told.on_dataset,
        )
        return await here.breakdown.unless_it_happens(work)


async def _collected(settings: Settings, run: Run, told: Follower) -> RunOutcome:
    await bring_in_the_dead(settings, run.store)
    # Whoever gives the command for a complete run may do so because `troupe verify` found the dataset damaged.
    manifest = await extract(run, is_checked=True, on_shard=told.on_dataset)
    return outcome_of(manifest, Dataset(run.store).path)


def _settings_found() -> Settings:
    """The settings of config.ini and the environment."""
    settings = load_settings(environment=os.environ)
    if settings.without_effect:
        _LOG.warning("Options of TinyTroupe's have no effect here", extra={"options": sorted(settings.without_effect)})
    return settings


def _silently(_: str) -> None:
    pass
