"""A standing worker's view of runs that are resumed, removed and started anew, over real Redis and a real server."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import redis.asyncio

from troupe_batch.dispatch.worker_runtime import ShardProgress, ShardResult
from troupe_batch.errors import BudgetSpent, SettingsError, TryAgain
from troupe_batch.llm.redis_batch import RedisBatch
from troupe_batch.llm.redis_budget import RedisBudget
from troupe_batch.planning import Job, JobSpec, resolve_job
from troupe_batch.rehearsal import RehearsalConfig, RehearsalProcess
from troupe_batch.results.dataset import Dataset
from troupe_batch.results.run import Run
from troupe_batch.results.spending import spending_of
from troupe_batch.results.verifying import verify
from troupe_batch.settings import Settings, load_settings
from troupe_batch.use_cases.plans import plan_job
from troupe_batch.use_cases.runs import begin_run
from troupe_batch.wiring.caps import announce, cap_of
from troupe_batch.wiring.runtime import FleetRuntime

RUN = "standing-rehearsal"
POPULATION = {
    "schema": "troupe_batch/population/1",
    "id": "forty",
    "size": 40,
    "dimensions": {"region": {"type": "categorical", "values": {"North": 0.5, "South": 0.5}, "source": "invented"}},
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RehearsalProcess]:
    with RehearsalProcess(RehearsalConfig(), tmp_path_factory.mktemp("rehearsal") / "log") as started:
        yield started


@dataclass
class Fleet:
    """A submitter with its settings, and one standing worker whose own settings name no cap."""

    settings: Settings
    worker: FleetRuntime

    def job(self, *, question: str = "why", study: dict[str, Any] | None = None, **fields: Any) -> Job:
        study = study or {"questions": [{"id": question, "type": "open", "text": "Why?"}]}
        job = {"id": "standing", "population": POPULATION, "study": study, "units_per_shard": 10, **fields}
        return resolve_job(JobSpec.model_validate(job))

    async def submit(self, *, settings_cap: str = "", **job: Any) -> Run:
        settings = self.settings.with_values("a test", budget__max_usd=settings_cap) if settings_cap else self.settings
        resolved = self.job(**job)
        begun = await begin_run(settings, plan_job(settings, resolved, rehearse=True), resolved.text)
        if (cap := cap_of(begun.run)) is not None:
            await announce(begun.run, cap, settings.redis.broker_url, is_idle=True)
        return begun.run

    async def execute(
        self, shard: int, *, on_progress: Callable[[ShardProgress], None] = lambda _: None, is_mine: bool = True
    ) -> ShardResult:
        return await self.worker.execute(
            RUN, shard, attempt=f"a{shard}", still_mine=lambda: is_mine, on_progress=on_progress
        )


@pytest.fixture
async def fleet(redis_url: str, server: RehearsalProcess, tmp_path: Path) -> AsyncIterator[Fleet]:
    shared = {
        "TROUPE_REDIS_BROKER_URL": redis_url,
        "TROUPE_STORAGE_URL": str(tmp_path / "store"),
        "TROUPE_REHEARSAL_URL": server.url,
    }
    settings = load_settings(environment=shared)
    worker = FleetRuntime(settings)
    yield Fleet(settings, worker)
    await worker.aclose()


async def test_a_worker_keeps_to_the_cap_of_whoever_submitted_the_run(fleet: Fleet) -> None:
    await fleet.submit(settings_cap="0.000001")

    with pytest.raises(BudgetSpent):
        await fleet.execute(0)


async def test_what_dead_workers_had_settled_and_could_not_record_comes_onto_the_bill_of_the_resume(
    fleet: Fleet,
) -> None:
    run = await fleet.submit(budget={"max_usd": 1.0})
    await fleet.execute(0)
    before = await spending_of(run.store)
    async with redis_budget_of(fleet) as budget:
        await budget.reserve(0.25)
        budget.settle(0.25, 0.20)

    await fleet.submit(budget={"max_usd": 1.0})
    resumed = await spending_of(run.store)
    await fleet.submit(budget={"max_usd": 1.0})

    assert before is not None
    assert resumed is not None
    assert resumed.usd == pytest.approx(before.usd + 0.20, abs=1e-6)
    assert await spending_of(run.store) == resumed


async def test_a_resume_after_which_nothing_is_missing_leaves_the_bill_as_it_is(fleet: Fleet) -> None:
    run = await fleet.submit(budget={"max_usd": 1.0})
    for shard in (0, 1):
        await fleet.execute(shard)
    before = await spending_of(run.store)

    await fleet.submit(budget={"max_usd": 1.0})

    assert before is not None
    assert before.usd > 0
    assert await spending_of(run.store) == before


@asynccontextmanager
async def redis_budget_of(fleet: Fleet) -> AsyncIterator[RedisBudget]:
    """The budget of the run in a process that never records what it spends."""
    batch = RedisBatch(fleet.settings.redis.broker_url)
    budget = RedisBudget(batch, RUN)
    yield budget
    await budget.aclose()
    await batch.aclose()


async def test_a_standing_worker_goes_by_a_cap_that_was_raised_or_lowered(fleet: Fleet) -> None:
    await fleet.submit(budget={"max_usd": 0.0})
    with pytest.raises(BudgetSpent):
        await fleet.execute(0)

    await fleet.submit(budget={"max_usd": 1.0})
    assert (await fleet.execute(0)).is_committed

    await fleet.submit(budget={"max_usd": 0.0})
    with pytest.raises(BudgetSpent):
        await fleet.execute(1)


async def test_a_cap_that_redis_forgot_is_set_up_again_with_what_was_spent(fleet: Fleet, redis_url: str) -> None:
    run = await fleet.submit(budget={"max_usd": 1.0})
    await fleet.execute(0)
    await flush(redis_url)
    assert (await fleet.execute(1)).is_committed
    spent = await spending_of(run.store)
    assert spent is not None

    await fleet.submit(budget={"max_usd": spent.usd})
    await flush(redis_url)

    with pytest.raises(BudgetSpent, match=f"{spent.usd:.4f} of"):
        await fleet.execute(2)


async def test_a_run_that_was_removed_and_started_anew_is_run_with_its_new_questionnaire(fleet: Fleet) -> None:
    old = await fleet.submit(question="why")
    await fleet.execute(0)
    shutil.rmtree(old.store.url)
    new = await fleet.submit(question="how")

    await fleet.execute(0)

    record = await new.store.record(0)
    assert record is not None
    assert record.plan_digest == new.plan.digest != old.plan.digest
    assert set(record.counts) == {"how"}


async def test_a_removed_run_that_is_started_anew_as_it_was_owes_nothing_for_the_old_one(fleet: Fleet) -> None:
    old = await fleet.submit()
    await fleet.execute(0)
    shutil.rmtree(old.store.url)
    new = await fleet.submit()

    await fleet.execute(1)

    spent = await spending_of(new.store)
    assert spent is not None
    assert spent.calls == 10


async def test_no_shard_is_marked_under_another_plan_than_the_stored_one(fleet: Fleet) -> None:
    old = await fleet.submit(question="why")
    new = plan_job(fleet.settings, fleet.job(question="how"), rehearse=True)
    folder = Path(old.store.url)

    def start_anew(progress: ShardProgress) -> None:
        if progress.units == 10:  # the last unit is done and the mark is not placed: the worst moment
            shutil.rmtree(folder)
            (folder / "plan").mkdir(parents=True)
            (folder / "plan" / "plan.json").write_text(new.to_json())

    with pytest.raises(TryAgain, match="started anew"):
        await fleet.execute(0, on_progress=start_anew)

    assert await old.store.committed() == set()
    assert (await fleet.execute(0)).is_committed
    record = await old.store.record(0)
    assert record is not None
    assert record.plan_digest == new.digest != old.plan.digest


async def test_every_ending_of_an_attempt_leaves_what_it_paid_on_record(fleet: Fleet, server: RehearsalProcess) -> None:
    run = await fleet.submit()
    replies = int(server.stats()["replies"])

    await fleet.execute(0)

    def cut_off_at_five(progress: ShardProgress) -> None:
        if progress.units == 5:
            cut_off.cancel()

    cut_off = asyncio.create_task(fleet.execute(1, on_progress=cut_off_at_five))
    with contextlib.suppress(asyncio.CancelledError):
        await cut_off
    await fleet.execute(2, is_mine=False)

    spent = await spending_of(run.store)
    assert spent is not None
    assert 15 <= spent.calls <= int(server.stats()["replies"]) - replies <= spent.calls + spent.uncertain_calls


WORLD = {
    "kind": "world",
    "seats": [
        {"name": "host", "count": 1, "where": {"region": "North"}},
        {"name": "guest", "count": 1, "where": {"region": "South"}},
    ],
    "steps": 2,
    "extraction": [
        {
            "id": "ideas",
            "from": "world",
            "many": True,
            "objective": "Ideas",
            "fields": [{"id": "idea", "type": "text", "text": "It"}],
        }
    ],
}
PYTHON = {
    "kind": "python",
    "function": "tests.doubles.pairs:is_quiet",
    "questions": [{"id": "why", "type": "open", "text": "Why?"}],
}


async def test_a_worker_simulates_worlds_with_the_minds_of_whoever_submitted_the_run(fleet: Fleet) -> None:
    other = fleet.settings.with_values("a test", cognition__max_actions="3")
    fleet.settings = other
    run = await fleet.submit(study=WORLD)

    for shard in range(run.plan.shards):
        await fleet.execute(shard)
    await fleet.worker.extract(RUN)

    assert run.plan.settings.minds.max_actions == 3
    found = await verify(run)
    assert found.is_complete, found.problems
    assert (run.plan.units, found.answers) == (20, 0)
    dataset = Dataset(run.store)
    assert dataset.tables == ("people", "responses", "events", "extractions", "llm_calls")
    assert dataset.events.groupby("unit_id")["order"].max().min() >= 4
    assert set(dataset.llm_calls["purpose"]) == {"act", "extract"}


async def test_a_worker_that_may_not_run_python_says_so_and_runs_nothing(fleet: Fleet) -> None:
    fleet.settings = fleet.settings.with_values("a test", simulation__allow_python_studies="true")
    run = await fleet.submit(study=PYTHON)

    for shard in range(run.plan.shards):
        with pytest.raises(SettingsError, match=r"Simulation\.ALLOW_PYTHON_STUDIES"):
            await fleet.execute(shard)

    assert await run.store.committed() == set()
    assert await spending_of(run.store) is None

    allowed = FleetRuntime(fleet.settings)
    for shard in range(run.plan.shards):
        await allowed.execute(RUN, shard, attempt=f"b{shard}", still_mine=lambda: True, on_progress=lambda _: None)
    await allowed.extract(RUN)
    await allowed.aclose()

    found = await verify(run)
    assert found.is_complete, found.problems
    # Nobody acts in it: such a study has its table of events all the same, and it is empty.
    assert (found.answers, found.events) == (40, 0)


async def flush(redis_url: str) -> None:
    client = redis.asyncio.from_url(redis_url)
    await client.delete(f"troupe:budget:{RUN}")
    await client.aclose()
