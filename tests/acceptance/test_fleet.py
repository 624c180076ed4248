"""A fleet as one would run it: a Redis of its own, workers that were started by hand, a job that is handed over."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.conftest import StartRehearsal
from tests.acceptance.project import Project


@pytest.fixture
def fleet(project: Project, redis_url: str, rehearsal: StartRehearsal, tmp_path: Path) -> Iterator[dict[str, str]]:
    """The settings that every process of the fleet shares, with one worker running."""
    shared = {
        "TROUPE_REDIS_BROKER_URL": redis_url,
        "TROUPE_STORAGE_URL": str(tmp_path / "store"),
        "TROUPE_REHEARSAL_URL": rehearsal(latency_ms=20).url,
    }
    worker = project.start("worker", "--processes", "2", **shared)
    yield shared
    worker.signal(signal.SIGTERM)
    # One that is told to end before it listens to signals ends by the signal.
    assert worker.wait().code in (0, -signal.SIGTERM)


def test_a_job_is_handed_over_watched_and_verified(project: Project, fleet: dict[str, str]) -> None:
    job = project.write_job("handed")

    submitted = project.troupe("submit", job, "--rehearse", "--json", **fleet)
    watched = project.troupe("watch", "handed-rehearsal", "--json", **fleet)

    assert submitted.code == 0, submitted.err
    assert submitted.json["run_id"] == "handed-rehearsal"
    assert watched.code == 0, watched.err
    assert watched.json["is_complete"]
    verified = project.troupe("verify", "handed-rehearsal", "--json", **fleet)
    assert verified.code == 0, verified.err
    assert verified.json["answers"] == 120
    [line] = project.troupe("status", "--json", **fleet).json
    assert (line["committed"], line["has_dataset"], line["is_rehearsal"]) == (line["shards"], True, True)


def test_run_uses_the_fleet_where_there_is_one(project: Project, fleet: dict[str, str]) -> None:
    done = project.troupe("run", project.write_job("on_fleet"), "--rehearse", "--json", **fleet)

    assert done.code == 0, done.err
    assert done.json["answered"] == 120
    assert not (project.folder / ".troupe" / "redis").exists()


@pytest.mark.parametrize("command", ["submit", "run"])
def test_a_rehearsal_needs_a_server_that_the_workers_know(project: Project, redis_url: str, command: str) -> None:
    job = project.write_job("blind")

    refused = project.troupe(command, job, "--rehearse", TROUPE_REDIS_BROKER_URL=redis_url)

    assert refused.code == 2
    assert "Rehearsal.URL" in refused.err
