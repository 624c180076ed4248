"""Later wave of a panel study: the run before it, checked, and what people remember of it."""

from __future__ import annotations

import weakref
from pathlib import Path
from uuid import uuid4

from troupe_batch.errors import FixTheInput, Mistake, SettingsError, SpecError
from troupe_batch.planning.job import WaveMemory, WaveSpec
from troupe_batch.planning.loading import Job
from troupe_batch.planning.outline import JOB_ID_PATTERN
from troupe_batch.planning.plan import Plan
from troupe_batch.planning.waves import WaveInfo
from troupe_batch.population.spec import EnrichLevel
from troupe_batch.results.dataset import Dataset
from troupe_batch.results.freezing import plan_now
from troupe_batch.results.objects import Objects
from troupe_batch.results.recollections import Earlier, LocalRecollections, write_recollections
from troupe_batch.results.store import RunStore
from troupe_batch.settings import Settings
from troupe_batch.shown_text import shown_url
from troupe_batch.wiring.supplies import stored_supplies

_REHEARSAL = "-rehearsal"
_FOLDER = "recollections"


def in_wave(settings: Settings, job: Job, plan: Plan) -> tuple[Plan, LocalRecollections | None]:
    """The plan as one of its wave, and what its people remember; None where they are to remember nothing.

    SpecError where the run of the wave before is not there, not complete, or of other people.
    """
    spec = job.spec.wave
    assert spec is not None  # noqa: S101 (only jobs with a wave come here)
    store = _Before(settings, job, plan).found(spec)
    before = plan_now(store)
    assert before is not None  # noqa: S101 (it was found by its plan)
    for place, problem, cure in _misfits(spec, plan, before, store):
        raise job.located(SpecError("job", [Mistake(problem, cure, place=place)]))
    if spec.memory is WaveMemory.NONE:
        return plan.in_wave(WaveInfo(spec.number, store.run_id, spec.memory)), None
    manifest = Dataset(store).manifest
    earlier = Earlier(store, manifest, spec.number - 1, stored_supplies(before, store).recollections)
    folder = Path(settings.storage.state_folder) / _FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{plan.job.id}-{uuid4().hex}.parquet"
    made = write_recollections(path, earlier, spec.memory)
    # Needed until it is stored with the run, and never by another command.
    weakref.finalize(made, path.unlink, missing_ok=True)
    return plan.in_wave(WaveInfo(spec.number, store.run_id, spec.memory, made.digest, made.people)), made


class _Before:
    """Where the run of the wave before may lie."""

    def __init__(self, settings: Settings, job: Job, plan: Plan) -> None:
        self._settings = settings
        self._job = job
        self._is_rehearsal = plan.endpoint.is_rehearsal

    def found(self, spec: WaveSpec) -> RunStore:
        """The store of the run; SpecError where it is nowhere."""
        stores = self._stores(spec.after)
        for store in stores:
            if plan_now(store) is not None:
                return store
        places = " or ".join(store.url for store in stores) or spec.after
        cure = "run the wave before first, or name its run; `troupe status` lists the runs"
        mistake = Mistake(f"there is no run {spec.after}: nothing in {places}", cure, place="wave.after")
        raise self._job.located(SpecError("job", [mistake]))

    def _stores(self, after: str) -> list[RunStore]:
        if JOB_ID_PATTERN.fullmatch(after):
            # A rehearsal has a name of its own, and one that follows another is what people want to try.
            names = [after + _REHEARSAL, after] if self._is_rehearsal else [after]
            return [RunStore.open(self._settings.storage.url, name) for name in names]
        above, _, name = after.rstrip("/").rpartition("/")
        if "://" in above:
            return [RunStore.open(self._at(above), name)]
        try:
            return [RunStore(Objects.open((self._job.folder / above).resolve(), make_folder=False), name)]
        except SettingsError:
            return []

    def _at(self, address: str) -> str:
        """The address, where it is the store of this installation; a job file is not to have others asked."""
        own = self._settings.storage.url
        if address.rstrip("/") == own.rstrip("/"):
            return own
        problem = f"{shown_url(address)} is not where runs are kept here, which is {shown_url(own)}"
        cure = "name a run that is kept there by its id alone, or set Storage.URL"
        raise self._job.located(SpecError("job", [Mistake(problem, cure, place="wave.after")]))


def _misfits(spec: WaveSpec, plan: Plan, before: Plan, store: RunStore) -> list[tuple[str, str, str]]:
    """Why the run cannot be the wave before: place, problem, cure."""
    after, found = "wave.after", []
    number = 1 if before.wave is None else before.wave.number
    if spec.number != number + 1:
        problem = f"wave {spec.number} cannot follow run {store.run_id}, which is wave {number}"
        found.append(("wave.number", problem, f"write {number + 1}, or name the run of wave {spec.number - 1}"))
    if before.endpoint.is_rehearsal and not plan.endpoint.is_rehearsal:
        problem = f"run {store.run_id} is a rehearsal: its answers are placeholders"
        found.append((after, problem, "name the real run of the wave before, or add --rehearse"))
    found += _other_people(plan, before, store)
    found += _unfinished(spec, before, store)
    return found


def _other_people(plan: Plan, before: Plan, store: RunStore) -> list[tuple[str, str, str]]:
    mine, theirs = plan.panel, before.panel
    if plan.enrich is not EnrichLevel.NONE or (theirs is None and before.enrich is not EnrichLevel.NONE):
        problem = "a model writes about these people, and would write something else about them in every wave"
        return [("population", problem, "freeze the population with --enrich, and use the panel in all waves")]
    if mine is not None and theirs is not None:
        is_same = mine.digest == theirs.digest
    else:
        frozen = mine or theirs
        has_prose = frozen is not None and frozen.enrich is not EnrichLevel.NONE
        is_same = plan.population.digest == before.population.digest and not has_prose
    if is_same:
        return []
    problem = f"run {store.run_id} asked other people: {_people(before)}, and this job has {_people(plan)}"
    return [("population", problem, "use the same panel or population file in all waves, unchanged")]


def _people(plan: Plan) -> str:
    if plan.panel is not None:
        return f"panel {plan.panel.digest[:12]}"
    return f"population {plan.population.id} ({plan.population.digest[:12]})"


def _unfinished(spec: WaveSpec, before: Plan, store: RunStore) -> list[tuple[str, str, str]]:
    if spec.memory is WaveMemory.NONE:
        return []
    if not before.study.design.questions:
        problem = f"run {store.run_id} asked no questions, so there is nothing to remember"
        return [("wave.memory", problem, "write `memory: none`")]
    cure = "give its `troupe run` command again; it goes on from where it stopped"
    try:
        manifest = Dataset(store).manifest
    except FixTheInput:
        return [("wave.after", f"run {store.run_id} is not complete: it has no dataset yet", cure)]
    if manifest.is_complete:
        return []
    missing = f"{len(manifest.missing_shards):,} of its {before.shards:,} shards have no answers yet"
    return [("wave.after", f"run {store.run_id} is not complete: {missing}", cure)]
