"""The bill: what the server counted as paid against what the run says, whatever cut the run short."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from tests.acceptance.conftest import StartRehearsal
from tests.acceptance.project import Command, Project
from troupe_batch.rehearsal import RehearsalProcess

PEOPLE, PER_SHARD = 120, 20
CALLS, CALLS_PER_SHARD = 2 * PEOPLE, 2 * PER_SHARD
PROCESSES, CALLS_IN_FLIGHT = 2, 4
RUN = "bill-rehearsal"


@dataclass
class Shop:
    """A project, the server that counts what is paid, and the way to run the job there."""

    project: Project
    server: RehearsalProcess
    job: str

    def start(self, *flags: str) -> Command:
        settings = {
            "TROUPE_REHEARSAL_URL": self.server.url,
            "TROUPE_CELERY_PROCESSES": str(PROCESSES),
            "TROUPE_CELERY_LEASE_S": "3",
            "TROUPE_OPENAI_MAX_CONCURRENT_MODEL_CALLS": str(CALLS_IN_FLIGHT),
        }
        return self.project.start("run", self.job, "--rehearse", "--json", *flags, **settings)

    @property
    def paid(self) -> int:
        return int(self.server.stats()["replies"])

    def wait_until_paid(self, calls: int) -> None:
        self.project.wait_for(f"{calls} paid calls", lambda: self.paid >= calls)


@pytest.fixture
def shop(project: Project, rehearsal: StartRehearsal) -> Shop:
    job = project.write_job("bill", people=PEOPLE, units_per_shard=PER_SHARD)
    return Shop(project, rehearsal(latency_ms=100), job)


@pytest.mark.parametrize("flags", [(), ("--inline",)], ids=["workers", "inline"])
def test_after_a_stop_and_after_the_resume_the_run_says_what_was_paid(shop: Shop, flags: tuple[str, ...]) -> None:
    command = shop.start(*flags)
    shop.wait_until_paid(CALLS_PER_SHARD)

    command.signal(signal.SIGINT)
    stopped = command.wait()

    assert stopped.code == 4, stopped.err
    assert stopped.json["paid_calls"] == shop.paid < CALLS
    assert stopped.json["calls"]["sent"] <= shop.paid
    resumed = shop.start(*flags).wait()
    assert resumed.code == 0, resumed.err
    assert resumed.json["paid_calls"] == shop.paid == CALLS
    assert resumed.json["would_have_cost_usd"] > stopped.json["would_have_cost_usd"] > 0


@pytest.mark.chaos
def test_after_kill_9_no_more_is_unaccounted_for_than_the_shards_that_were_under_way(shop: Shop) -> None:
    command = shop.start()
    shop.wait_until_paid(3 * CALLS_PER_SHARD)

    for process in [*command.descendants("troupe_batch.worker", "worker")][::-1]:
        process.kill()
    done = command.wait()

    assert done.code == 0, done.err
    said = done.json["paid_calls"]
    assert said <= shop.paid <= said + PROCESSES * CALLS_PER_SHARD
    assert said >= CALLS - PROCESSES * CALLS_PER_SHARD


@pytest.fixture
def fleet(shop: Shop, redis_url: str, tmp_path: Path) -> Iterator[dict[str, str]]:
    """The settings that submitter and worker share, with a worker that stays alive."""
    shared = {
        "TROUPE_REDIS_BROKER_URL": redis_url,
        "TROUPE_STORAGE_URL": str(tmp_path / "store"),
        "TROUPE_REHEARSAL_URL": shop.server.url,
    }
    worker = shop.project.start("worker", "--processes", "1", **shared)
    yield shared
    assert worker.is_running
    worker.signal(signal.SIGTERM)
    assert worker.wait().code in (0, -signal.SIGTERM)


def test_a_cap_in_the_settings_of_who_submits_holds_on_a_living_fleet_and_can_be_raised(
    shop: Shop, fleet: dict[str, str]
) -> None:
    project = shop.project

    project.troupe("submit", shop.job, "--rehearse", **fleet, TROUPE_BUDGET_MAX_USD="0.002")
    stopped = project.troupe("watch", RUN, "--json", **fleet)
    worker_pids = {process.pid for process in worker_processes(project)}
    paid_before = shop.paid
    project.troupe("submit", shop.job, "--rehearse", **fleet, TROUPE_BUDGET_MAX_USD="5")
    done = project.troupe("watch", RUN, "--json", **fleet)

    assert stopped.json["stopped_by"]["error"] == "BudgetSpent", stopped.err
    assert 0 < paid_before < CALLS
    assert done.json["is_complete"], done.err
    assert {process.pid for process in worker_processes(project)} == worker_pids
    assert shop.paid == CALLS
    verified = project.troupe("verify", RUN, "--json", **fleet)
    assert verified.code == 0, verified.err


def worker_processes(project: Project) -> list[psutil.Process]:
    return [process for command in project.commands for process in command.descendants("troupe_batch.worker", "worker")]


def test_the_same_command_mends_a_damaged_dataset_without_paying_again(shop: Shop) -> None:
    assert shop.start("--inline").wait().code == 0
    paid = shop.paid
    [part] = (shop.project.folder / "runs" / RUN / "dataset" / "answers").glob("*.parquet")
    part.write_bytes(part.read_bytes()[:-9] + bytes(9))
    assert shop.project.verify(RUN) == 1

    mended = shop.start("--inline").wait()

    assert mended.code == 0, mended.err
    assert shop.project.verify(RUN) == 0
    assert shop.paid == paid
