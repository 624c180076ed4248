"""The bill of the server is the measure: a service with habits keeps books, and the record of a run is held to them."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.acceptance.project import Command, Project
from tests.doubles.endpoint import Books, FakeEndpoint, Habits, Say, fake_endpoint

PROCESSES, CALLS_IN_FLIGHT = 2, 4
RUN = "bill"
# What gpt-6-luna costs in the list.
PRICES = {"prompt_price": 0.10, "cached_price": 0.01, "stored_price": 0.125, "completion_price": 0.50}
# By number of the request, so that retries meet them too.
MIXED = {
    **{number: Say(usage="absent") for number in range(9, 900, 17)},
    **{number: Say(status=500, body={"error": {"message": "The server had an error"}}) for number in range(4, 900, 19)},
    **{number: Say(body=b'{"choices": [{"mess', is_billed=True) for number in range(12, 900, 23)},
    **{number: Say(message={"content": "Well, it depends."}) for number in range(7, 900, 29)},
    **{number: Say(latency_s=4.0) for number in range(21, 900, 31)},
}


@dataclass
class Shop:
    """A project and the service that it asks."""

    project: Project
    server: FakeEndpoint
    settings: dict[str, str] = field(default_factory=dict)

    def start(self, *flags: str, people: int = 40, max_usd: float | None = None, **settings: str) -> Command:
        capped = {} if max_usd is None else {"budget": {"max_usd": max_usd}}
        model = {"name": "gpt-6-luna", "max_completion_tokens": 300, "reasoning_effort": "low"}
        job = self.project.write_job("bill", people=people, units_per_shard=10, model=model, **capped)
        common = {
            "TROUPE_OPENAI_BASE_URL": self.server.url,
            "TROUPE_OPENAI_PROBE": "no",
            "TROUPE_OPENAI_TIMEOUT": "2",
            "TROUPE_OPENAI_MAX_CONCURRENT_MODEL_CALLS": str(CALLS_IN_FLIGHT),
            "TROUPE_CELERY_PROCESSES": str(PROCESSES),
            "TROUPE_CELERY_LEASE_S": "3",
        }
        return self.project.start("run", job, "--json", *flags, **{**common, **settings})

    def wait_until_asked(self, calls: int, command: Command) -> None:
        self.project.wait_for(f"{calls} calls", lambda: len(self.server.chats) >= calls, command)

    def billed_usd(self) -> float:
        """The bill, when everything is on it that is under way."""
        self.server.come_to_rest()
        return self.server.books.usd

    def status(self) -> dict[str, Any]:
        [standing] = self.project.troupe("status", RUN, "--json").json
        return dict(standing)


@pytest.fixture
def shop(project: Project) -> Iterator[Shop]:
    habits = Habits(reasoning_tokens=40, script=MIXED, latency_s=0.05)
    with fake_endpoint(habits, Books(**PRICES)) as server:  # type: ignore[arg-type] # all of them are numbers
        yield Shop(project, server)


def assert_holds(said: dict[str, Any], billed_usd: float) -> None:
    """The record is never below the bill, and its main figure is near it."""
    assert said["at_most_usd"] >= billed_usd
    spent_usd: float = said["spent_usd"] if "spent_usd" in said else said["cost_usd"]
    assert 0.97 * billed_usd <= spent_usd <= 1.10 * billed_usd


@pytest.mark.parametrize("flags", [(), ("--inline",)], ids=["workers", "inline"])
def test_over_mixed_habits_the_record_holds_the_bill(shop: Shop, flags: tuple[str, ...]) -> None:
    done = shop.start(*flags).wait()

    assert done.code in (0, 4), done.err
    assert_holds(done.json, shop.billed_usd())
    assert done.json["calls_without_usage"] > 0
    assert done.json["calls_in_doubt"] > done.json["calls_without_usage"]
    assert done.json["held_usd"] == 0


@pytest.mark.chaos
@pytest.mark.parametrize("max_usd", [None, 1.0], ids=["without-a-cap", "with-a-cap"])
def test_after_kill_9_of_a_worker_the_record_holds_the_bill(shop: Shop, max_usd: float | None) -> None:
    command = shop.start(max_usd=max_usd)
    shop.wait_until_asked(30, command)

    for process in workers_of(command)[::-1]:
        process.kill()
    done = command.wait()

    assert done.code in (0, 4), done.err
    assert_holds(done.json, shop.billed_usd())


@pytest.mark.chaos
def test_after_kill_9_of_a_run_in_one_process_its_status_and_its_resume_hold_the_bill(shop: Shop) -> None:
    command = shop.start("--inline")
    shop.wait_until_asked(30, command)

    command.process.kill()
    command.wait()

    killed = shop.status()
    assert_at_most(killed, shop.billed_usd())
    assert killed["calls_in_doubt"] >= 1
    done = shop.start("--inline").wait()
    assert done.code in (0, 4), done.err
    assert_holds(done.json, shop.billed_usd())


@pytest.mark.chaos
def test_calls_in_flight_at_a_second_ctrl_c_are_on_the_bill(shop: Shop) -> None:
    shop.server.habits = Habits(latency_s=1.5)
    command = shop.start("--inline", people=10)
    shop.wait_until_asked(CALLS_IN_FLIGHT, command)

    command.signal(signal.SIGINT)
    shop.project.wait_for("the first to be heard", lambda: "stopping" in heard(command), command)
    command.signal(signal.SIGINT)
    command.wait()

    stopped = shop.status()
    assert_at_most(stopped, shop.billed_usd())
    assert stopped["calls_in_doubt"] == len(shop.server.books.calls) > 0


def test_a_worker_whose_machine_is_lost_has_left_word_of_what_it_could_spend(shop: Shop) -> None:
    command = shop.start("--inline")
    shop.wait_until_asked(30, command)
    command.process.kill()
    command.wait()

    for journal in (shop.project.folder / ".troupe" / "spending").rglob("*.books"):
        journal.unlink()

    assert shop.status()["at_most_usd"] >= shop.billed_usd()


def test_a_run_with_doubtful_calls_comes_near_its_cap_and_never_passes_it(shop: Shop) -> None:
    shop.server.habits = Habits(
        reasoning_tokens=40, script={number: Say(usage="absent") for number in range(2, 2000, 4)}
    )

    done = shop.start("--inline", people=200, max_usd=0.015).wait()

    billed_usd = shop.billed_usd()
    assert done.code == 3, done.err
    assert 0.8 * 0.015 <= billed_usd <= 0.015
    assert_holds(done.json, billed_usd)
    assert done.json["cap_usd"] == 0.015


def test_where_no_usage_is_ever_said_calls_count_at_their_worst_case_and_the_run_says_so(shop: Shop) -> None:
    shop.server.habits = Habits(usage="absent")

    done = shop.start("--inline", people=20).wait()

    said = done.json
    assert done.code == 0, done.err
    assert said["spent_usd"] == pytest.approx(said["at_most_usd"])
    assert said["spent_usd"] > shop.billed_usd()
    assert said["calls_without_usage"] == said["paid_calls"] == 40
    assert "this endpoint says no usage" in closing(shop)


def test_a_server_that_ignores_its_limits_passes_the_cap_by_no_more_than_its_calls_in_flight(shop: Shop) -> None:
    shop.server.habits = Habits(reasoning_tokens=2_000, ignores_limit=True, hides_reasoning=True)

    done = shop.start("--inline", people=200, max_usd=0.002).wait()

    billed_usd, dearest_usd = shop.billed_usd(), shop.server.books.usd / len(shop.server.books.calls)
    assert done.code == 3, done.err
    assert billed_usd <= 0.002 + CALLS_IN_FLIGHT * dearest_usd
    assert_holds(done.json, billed_usd)
    assert "cost more than their requests allow" in closing(shop)
    # Few calls are out before the first reply teaches what the endpoint takes: the cap may hold all the same.
    assert ("the cost cap of $0.0020 was passed by" in closing(shop)) == (billed_usd > 0.002)


def assert_at_most(said: dict[str, Any], billed_usd: float) -> None:
    assert said["at_most_usd"] >= billed_usd


def workers_of(command: Command) -> list[psutil.Process]:
    return command.descendants("troupe_batch.worker", "worker")


def heard(command: Command) -> str:
    return Path(command.err.name).read_text()


def closing(shop: Shop) -> str:
    """The notes on money in the manifest, as they are printed below the tables."""
    manifest = json.loads((shop.project.folder / "runs" / RUN / "dataset" / "manifest.json").read_text())
    return "\n".join(manifest["sums"]["cost"]["notes"])
