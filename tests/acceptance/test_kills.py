"""kill -9 in the middle of a run: of workers, of Redis, of the rehearsal server, and of the command itself."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pandas as pd
import psutil
import pytest

from tests.acceptance.conftest import StartRehearsal
from tests.acceptance.project import Command, Done, Project
from tests.patience import HANG_S
from troupe_batch.rehearsal import RehearsalProcess

pytestmark = pytest.mark.chaos

PEOPLE, PER_SHARD = 120, 20
SHARDS, CALLS_PER_SHARD = PEOPLE // PER_SHARD, 2 * PER_SHARD
PROCESSES, CALLS_IN_FLIGHT = 2, 4  # per process: so a shard has calls behind it while others are in flight
KILL_AFTER_REPLIES = PROCESSES * CALLS_PER_SHARD + CALLS_PER_SHARD // 2
RUN = "killed-rehearsal"
Note = Callable[[str], None]
LATENCY_MS = 100.0


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[pd.DataFrame]:
    """The answers of the same job when nothing happens, from a folder, a cache and a server of their own."""
    folder = tmp_path_factory.mktemp("undisturbed")
    project = Project(folder)
    assert project.here("run", write_job(project), "--rehearse", "--inline", "--run-id", RUN) == 0
    yield project.answers(RUN)
    project.close()


@pytest.fixture
def note(request: pytest.FixtureRequest, record_testsuite_property: Callable[[str, object], None]) -> Note:
    """Keeps a figure for the report that --junitxml writes."""
    return lambda said: record_testsuite_property(request.node.name, said)


def write_job(project: Project) -> str:
    return project.write_job("killed", people=PEOPLE, units_per_shard=PER_SHARD)


@dataclass
class Underway:
    """A run in the middle: some shards are committed, others are half done."""

    project: Project
    command: Command
    server: RehearsalProcess
    job: str

    def kill(self, victim: psutil.Process) -> int:
        """kill -9 while calls are in flight in half-done shards; how many they were."""
        self.project.wait_for("moment", self.is_time, self.command)
        committed = self.project.committed(RUN)
        victim.kill()
        self.killed_s = time.monotonic()
        assert 0 < committed < SHARDS
        return self.in_flight

    def is_time(self) -> bool:
        stats = self.server.stats()
        self.in_flight = int(stats["in_flight"])
        return stats["replies"] >= KILL_AFTER_REPLIES and self.in_flight >= CALLS_IN_FLIGHT

    def finish(self) -> Done:
        done = self.command.wait()
        self.took_s = time.monotonic() - self.killed_s
        return done

    @property
    def worker(self) -> psutil.Process:
        return self.command.descendants("troupe_batch.worker", "worker")[0]


@pytest.fixture
def underway(project: Project, rehearsal: StartRehearsal) -> Underway:
    """A run on a rehearsal server of its own."""
    server = rehearsal(latency_ms=LATENCY_MS)
    job = write_job(project)
    command = start(project, job, server)
    project.wait_for("first commit", lambda: project.committed(RUN) >= 1)
    return Underway(project, command, server, job)


def start(project: Project, job: str, server: RehearsalProcess) -> Command:
    settings = {
        "TROUPE_REHEARSAL_URL": server.url,
        "TROUPE_CELERY_PROCESSES": str(PROCESSES),
        "TROUPE_CELERY_LEASE_S": "3",
        "TROUPE_OPENAI_MAX_CONCURRENT_MODEL_CALLS": str(CALLS_IN_FLIGHT),
    }
    return project.start("run", job, "--rehearse", "--json", **settings)


def assert_whole(project: Project, done: Done, undisturbed: pd.DataFrame) -> None:
    """Complete, recounted, and the same answers as without the kill, each once."""
    assert done.code == 0, done.err
    assert (done.json["state"], done.json["answers"]) == ("complete", 2 * PEOPLE)
    assert project.verify(RUN) == 0
    answers = project.answers(RUN)
    assert not answers.duplicated(["unit_id", "question_id"]).any()
    pd.testing.assert_frame_equal(answers, undisturbed)


def test_a_killed_worker_loses_nothing_and_repeats_no_more_than_its_calls_in_flight(
    underway: Underway, undisturbed: pd.DataFrame, note: Note
) -> None:
    in_flight = underway.kill(underway.worker)

    assert_whole(underway.project, underway.finish(), undisturbed)
    repeated = underway.server.stats()["repeated_replies"]
    assert repeated <= PROCESSES * CALLS_IN_FLIGHT
    note(f"{in_flight} in flight, {repeated} repeated, {underway.took_s:.1f} s to the end")


def test_a_killed_prefork_child_loses_nothing_and_repeats_no_more_than_its_calls_in_flight(
    underway: Underway, undisturbed: pd.DataFrame, note: Note
) -> None:
    in_flight = underway.kill(underway.worker.children()[0])

    assert_whole(underway.project, underway.finish(), undisturbed)
    repeated = underway.server.stats()["repeated_replies"]
    assert repeated <= CALLS_IN_FLIGHT
    note(f"{in_flight} in flight, {repeated} repeated, {underway.took_s:.1f} s to the end")


def test_a_killed_redis_loses_nothing_and_no_reply_is_paid_twice(
    underway: Underway, undisturbed: pd.DataFrame, note: Note
) -> None:
    in_flight = underway.kill(underway.project.redis_server())

    assert_whole(underway.project, underway.finish(), undisturbed)
    assert underway.server.stats()["repeated_replies"] == 0
    note(f"{in_flight} in flight, 0 repeated, {underway.took_s:.1f} s to the end")


def test_a_killed_command_leaves_nothing_behind_and_the_same_command_resumes(
    underway: Underway, undisturbed: pd.DataFrame, note: Note
) -> None:
    project = underway.project
    everything = project.processes()
    assert len(everything) >= 6, everything  # command, worker, two children, guard, Redis

    in_flight = underway.kill(psutil.Process(underway.command.process.pid))
    underway.command.wait()
    _, left = psutil.wait_procs(everything, timeout=HANG_S)
    gone_s = time.monotonic() - underway.killed_s

    assert left == []
    assert project.processes() == []
    done = start(project, underway.job, underway.server).wait()
    assert_whole(project, done, undisturbed)
    assert done.json["beginning"] == "resumed"
    repeated = underway.server.stats()["repeated_replies"]
    assert repeated <= PROCESSES * CALLS_IN_FLIGHT
    note(f"{in_flight} in flight, {repeated} repeated, all gone after {gone_s:.1f} s")


def test_after_a_power_cut_the_same_command_resumes(underway: Underway, undisturbed: pd.DataFrame, note: Note) -> None:
    project = underway.project
    everything = project.processes()

    in_flight = underway.kill(psutil.Process(underway.command.process.pid))
    for process in everything:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    underway.command.wait()
    psutil.wait_procs(everything, timeout=HANG_S)

    done = start(project, underway.job, underway.server).wait()
    took_s = time.monotonic() - underway.killed_s
    assert_whole(project, done, undisturbed)
    assert done.json["beginning"] == "resumed"
    repeated = underway.server.stats()["repeated_replies"]
    assert repeated <= PROCESSES * CALLS_IN_FLIGHT
    note(f"{in_flight} in flight, {repeated} repeated, resumed and complete after {took_s:.1f} s")


def test_a_killed_rehearsal_server_comes_back_and_nothing_is_recorded_as_failed(
    project: Project, undisturbed: pd.DataFrame, note: Note
) -> None:
    command = project.start("run", write_job(project), "--rehearse", "--latency-ms", str(LATENCY_MS), "--json")
    project.wait_for("first commit", lambda: project.committed(RUN) >= 1)
    [server] = command.descendants("troupe_batch.rehearsal")

    assert project.committed(RUN) < SHARDS
    server.kill()
    killed_s = time.monotonic()

    assert_whole(project, command.wait(), undisturbed)
    note(f"{time.monotonic() - killed_s:.1f} s to the end")
