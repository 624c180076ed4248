"""Standing of runs: from their ledgers, and from the workers where Redis answers. A damaged run spoils no other."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from troupe_batch.errors import TroupeError
from troupe_batch.llm.spending import Spending
from troupe_batch.planning.outline import JOB_ID_PATTERN, PlanOutline
from troupe_batch.results.ledger import CommitRecord, RunTotals, StopMark
from troupe_batch.results.money_text import money_json
from troupe_batch.results.objects import Objects
from troupe_batch.results.spending import spending_of
from troupe_batch.results.store import RunStore
from troupe_batch.settings import Settings
from troupe_batch.wiring.spending import spend_journal

if TYPE_CHECKING:
    from troupe_batch.use_cases.live import Live

# How fast a run is shows in what was committed last, not in the pauses before.
_RECENT = timedelta(minutes=10)
_FAILURES = ("failed", "unreadable", "refused")


@dataclass(frozen=True, slots=True)
class Standing:
    """One run. `problem` says why it cannot be read; then there are no figures.

    `units_done` are committed, or done in shards under way; `rate` is units per second over the last ten minutes of
    commits; `ends_at` (UTC, ISO 8601) is when it will end at that rate, None where nobody is at it. `prefix_cache` says
    what the endpoint's cache of beginnings did, None where nobody asked for it or no model was called.
    """

    run_id: str
    shards: int = 0
    committed: int = 0
    units: int = 0
    units_done: int = 0
    answers: int = 0
    failures: dict[str, int] = field(default_factory=dict)
    calls: int = 0
    cost_usd: float | None = None
    cap_usd: float | None = None
    rate: float | None = None
    ends_at: str | None = None
    has_dataset: bool = False
    is_rehearsal: bool = False
    quarantined: int = 0
    stopped_by: str | None = None
    stop_reason: str | None = None
    live: Live | None = None
    spending: Spending | None = None
    prefix_cache: str | None = None
    problem: str | None = None

    @property
    def is_complete(self) -> bool:
        """Every shard is committed."""
        return self.problem is None and self.committed >= self.shards

    @property
    def money(self) -> Spending:
        """What the run has spent."""
        return (self.spending or Spending()).at_least(self.cost_usd or 0.0)

    def as_json(self) -> dict[str, Any]:
        """As JSON values; the parts about workers are null where none could be asked."""
        body = {name: getattr(self, name) for name in Standing.__slots__ if name not in ("live", "spending")}
        money = money_json(self.money, cap_usd=self.cap_usd)
        return {**body, **money, "is_complete": self.is_complete, **(self.live.as_json() if self.live else _NOBODY)}


_NOBODY: dict[str, Any] = dict.fromkeys(("workers", "slots", "shards_under_way", "waits_for", "held_back"))


async def standings(settings: Settings) -> AsyncIterator[Standing]:
    """All runs below Storage.URL. What is no run, such as a folder of something else, is passed over."""
    for name in sorted(await Objects.open(settings.storage.url).folders()):
        if not JOB_ID_PATTERN.fullmatch(name):
            continue
        if (found := await standing(settings, name)) is not None:
            yield found


async def standing(settings: Settings, run_id: str, *, is_alone: bool = False) -> Standing | None:
    """One run, with a `problem` where what is stored of it is damaged; None where it was never started.

    `is_alone`: with what takes a look at its prompts.
    """
    store = RunStore.open(settings.storage.url, run_id)
    try:
        plan = await store.outline()
        return None if plan is None else await _standing_of(settings, store, plan, is_alone=is_alone)
    except TroupeError as error:
        return Standing(run_id, problem=str(error))


async def _standing_of(settings: Settings, store: RunStore, plan: PlanOutline, *, is_alone: bool) -> Standing:
    stop = await store.stop_mark()
    committed = sorted(shard for shard in await store.committed() if shard < plan.shards)
    totals, recent = RunTotals(), _Recent()
    async for _, record in store.records(committed):
        if record is not None:
            totals.add(record)
            recent.add(record)
    is_complete = len(committed) >= plan.shards
    live = None if is_complete else await _live(settings, store, plan)
    is_over = is_complete or (live is not None and not live.is_at_work)
    spent = await spending_of(store, spend_journal(settings, store), is_over=is_over)
    done = totals.units if live is None else max(totals.units, live.units)
    rate = recent.rate()
    return Standing(
        store.run_id,
        shards=plan.shards,
        committed=len(committed),
        units=plan.units,
        units_done=done,
        answers=totals.answers if live is None else max(totals.answers, live.answers),
        failures=_failure_counts(totals),
        calls=max(totals.calls.calls, spent.sent if spent else 0, live.calls if live else 0),
        cost_usd=max(totals.calls.cost_usd, spent.usd if spent else 0.0, live.cost_usd if live else 0.0),
        cap_usd=plan.cap_usd,
        rate=rate,
        ends_at=_ends_at(plan.units - done, rate) if live is not None and live.is_at_work else None,
        has_dataset=await store.has_dataset(),
        is_rehearsal=plan.endpoint.is_rehearsal,
        quarantined=len(await store.quarantined()),
        **_stopped(stop, is_complete=is_complete),
        live=live,
        spending=spent,
        prefix_cache=await _prefix_cache(settings, store, spent) if is_alone and spent else None,
    )


async def _prefix_cache(settings: Settings, store: RunStore, spent: Spending) -> str | None:
    """Imported only where it is asked for: most looks at runs look at no prompt."""
    from troupe_batch.results.freezing import load_plan  # noqa: PLC0415 -- see above
    from troupe_batch.use_cases.plans import prefix_use  # noqa: PLC0415 -- likewise

    plan = await load_plan(store)
    if plan.panel is None and plan.wave is None:
        return prefix_use(settings, plan, spent)
    from troupe_batch.wiring.supplies import stored_supplies  # noqa: PLC0415 -- loads Arrow

    # In a thread: people of a panel are read from the store.
    return await asyncio.to_thread(prefix_use, settings, plan, spent, stored_supplies(plan, store))


async def _live(settings: Settings, store: RunStore, plan: PlanOutline) -> Live | None:
    """What the workers are at; imported only where there can be any, as Redis' client takes its time."""
    if settings.redis.broker_url == "embedded" and not _was_there_a_server(settings):
        return None
    from troupe_batch.use_cases.live import live_of  # noqa: PLC0415 -- see above

    return await live_of(settings, store.run_id, plan)


def _was_there_a_server(settings: Settings) -> bool:
    return Path(settings.storage.state_folder, "redis").is_dir()


def _stopped(stop: StopMark | None, *, is_complete: bool) -> dict[str, str | None]:
    if stop is None or is_complete:
        return {}
    return {"stopped_by": stop.error, "stop_reason": stop.reason}


def _failure_counts(totals: RunTotals) -> dict[str, int]:
    counted = [*totals.counts.values(), *totals.findings.values()]
    sums = {status: sum(by_status.get(status, 0) for by_status in counted) for status in _FAILURES}
    if totals.failed_acts:
        sums["failed_acts"] = totals.failed_acts
    return {status: number for status, number in sums.items() if number}


def _ends_at(units: int, rate: float | None) -> str | None:
    if not rate:
        return None
    return (datetime.now(UTC) + timedelta(seconds=units / rate)).isoformat(timespec="seconds")


class _Recent:
    """The newest commits of a run."""

    def __init__(self) -> None:
        self._commits: list[tuple[datetime, datetime, int]] = []

    def add(self, record: CommitRecord) -> None:
        started, ended = (_moment(text) for text in (record.started_at, record.ended_at))
        if started is not None and ended is not None:
            self._commits.append((ended, started, record.units))

    def rate(self) -> float | None:
        """Units a second; None where nothing can be said."""
        if not self._commits:
            return None
        last = max(self._commits)[0]
        recent = [one for one in self._commits if last - one[0] <= _RECENT]
        took_s = (last - min(started for _, started, _ in recent)).total_seconds()
        return sum(units for _, _, units in recent) / took_s if took_s > 0 else None


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else None
