"""Run that a command means: a new one, one to resume, or one that is complete."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import count

from troupe_batch.errors import FixTheInput, PlanChanged
from troupe_batch.planning.plan import Plan, as_resumed
from troupe_batch.planning.prices import changes
from troupe_batch.planning.units import Casting
from troupe_batch.results.freezing import freeze, load_plan
from troupe_batch.results.object_paths import checked_run_id
from troupe_batch.results.objects import Objects
from troupe_batch.results.reopening import forget_faults, reopen_spoiled
from troupe_batch.results.run import Run
from troupe_batch.results.spending import spending_of
from troupe_batch.results.store import RunStore
from troupe_batch.settings import Settings
from troupe_batch.shown_text import shown_url
from troupe_batch.spec_messages import near
from troupe_batch.wiring.people import Supplies, casting_of
from troupe_batch.wiring.supplies import make_run, store_supplies, stored_supplies

_REHEARSAL = "-rehearsal"
_MOST_UNITS = 40  # are looked at to say how much of a changed job the cache can answer


class Opening(StrEnum):
    """Opening of a run by a command."""

    NEW = "new"
    RESUMED = "resumed"
    COMPLETE = "complete"


@dataclass(frozen=True, slots=True)
class BegunRun:
    """A run whose plan is frozen, and how it was found; `committed` shards are done already.

    `retries` is the id of the complete run whose gaps a new one fills, with all else from the cache; None in any other.
    `price_changes` has a line for each price of a resumed run that would be another one today.
    """

    run: Run
    beginning: Opening
    committed: int
    retries: str | None = None
    price_changes: tuple[str, ...] = ()


async def begin_run(
    settings: Settings,
    plan: Plan,
    job_text: str,
    *,
    supplies: Supplies | None = None,
    run_id: str | None = None,
    again: bool = False,
) -> BegunRun:
    """The run of the plan. `again` takes the next free id where the run is complete or has another plan.

    `supplies` are stored with the run: what becomes of the files of this machine is all the same from then on.
    Raises PlanChanged where the run was started with another plan.
    """
    name = checked_run_id(run_id) if run_id is not None else default_run_id(plan)
    retries = None
    for number in count(1):
        store = RunStore.open(settings.storage.url, name if number == 1 else f"{name}-{number}")
        if again and not await _is_open_for(store, plan):
            retries = store.run_id if await _has_plan(store, plan) else retries
            continue
        try:
            frozen = await freeze(store, plan, job_text)
        except PlanChanged as error:
            raise PlanChanged(f"{error}\n{await _way_on(store, plan, supplies)}") from error
        if supplies is not None:
            await store_supplies(supplies, frozen.plan, store)
        await reopen_spoiled(store)
        await forget_faults(store)
        committed = len(await store.committed())
        beginning = Opening.NEW if frozen.is_new else Opening.RESUMED
        if committed >= frozen.plan.shards:
            beginning = Opening.COMPLETE
        changed = tuple(changes(plan.prices, frozen.plan.prices))
        return BegunRun(make_run(frozen.plan, store), beginning, committed, retries, changed)
    raise AssertionError("count() ends nowhere")


async def stored_run(settings: Settings, run_id: str) -> Run:
    """A run that was started before, from its frozen plan; FixTheInput where there is none.

    To be looked at, which runs no code of a study in Python.
    """
    store = RunStore.open(settings.storage.url, checked_run_id(run_id))
    if await store.plan_text() is None:
        meant = await _meant(settings, run_id)
        cure = f"did you mean {meant}? " if meant else ""
        raise FixTheInput(
            f"no run {run_id!r} in {shown_url(settings.storage.url)}; {cure}`troupe status` lists the runs there"
        )
    return make_run(await load_plan(store), store)


async def _meant(settings: Settings, run_id: str) -> str | None:
    """The stored run that was probably meant: the rehearsal of this job, or one of nearly this name."""
    there = await Objects.open(settings.storage.url).folders()
    rehearsal = f"{run_id}{_REHEARSAL}"
    return rehearsal if rehearsal in there else near(run_id, there)


def default_run_id(plan: Plan) -> str:
    """The job's id; a rehearsal goes by another name, so that it never stands in the way of the real run."""
    return f"{plan.job.id}{_REHEARSAL}" if plan.endpoint.is_rehearsal else plan.job.id


async def _reuse(store: RunStore, plan: Plan, supplies: Supplies | None) -> str:
    """What of the changed plan the cache can answer."""
    frozen = await load_plan(store)
    before = casting_of(frozen, stored_supplies(frozen, store))
    return reuse_text(frozen, before, plan, casting_of(plan, supplies or Supplies()))


async def _way_on(store: RunStore, plan: Plan, supplies: Supplies | None) -> str:
    """What the cache can answer of the changed plan; or that nothing is lost with a run that never got an answer."""
    spent = await spending_of(store)
    if not await store.committed() and (spent is None or not spent.sent):
        return f"nothing was answered in it yet: remove {shown_url(store.url)} to start it anew under the same id"
    return await _reuse(store, plan, supplies)


async def _is_open_for(store: RunStore, plan: Plan) -> bool:
    """Whether the run is new, or the same one and not complete."""
    if await store.plan_text() is None:
        return True
    return await _has_plan(store, plan) and len(await store.committed()) < (await load_plan(store)).shards


async def _has_plan(store: RunStore, plan: Plan) -> bool:
    """Whether the run was started with this very plan."""
    frozen = await load_plan(store)
    return frozen.digest == as_resumed(plan, frozen).digest


def reuse_text(old: Plan, old_casting: Casting, new: Plan, new_casting: Casting) -> str:
    """In words, from a sample of units, each answered alike under both plans."""
    units = _spread(new.units)
    before = {key for index in units if index < old.units for key in _keys(old, old_casting, index)}
    asked = [key for index in units for key in _keys(new, new_casting, index)]
    share = sum(key in before for key in asked) / len(asked) if asked else 0.0
    calls = len(asked) * new.units / len(units) if units else 0.0
    again = "under an id of its own (`--run-id NAME`, or another `id` in the job)"
    if share == 0:
        return f"{again} all of its about {calls:,.0f} calls are asked anew: the changes are in every prompt"
    kept = share * calls
    return (
        f"{again} about {kept:,.0f} of its {calls:,.0f} calls are the same as before: as far as the cache has their "
        f"replies they cost nothing again, and about {calls - kept:,.0f} are asked anew"
    )


def _spread(units: int) -> list[int]:
    """Unit numbers from the first to the last, evenly."""
    if units <= _MOST_UNITS:
        return list(range(units))
    return [place * (units - 1) // (_MOST_UNITS - 1) for place in range(_MOST_UNITS)]


def _keys(plan: Plan, casting: Casting, index: int) -> Iterator[bytes]:
    unit = plan.unit(index)
    seated = casting.people([unit.case])
    people = [seated[number] for number in casting.members(unit.case)]
    for call in plan.study.planned_calls(unit, people, plan.settings):
        yield call.request.key()
