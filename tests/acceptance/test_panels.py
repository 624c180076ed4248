"""Panels and waves on real workers: killed, resumed, without the file that the people came from."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from tests.acceptance.conftest import StartRehearsal
from tests.acceptance.project import Project

PEOPLE, SHARDS = 60, 6
TABLES = ["people", "answers", "responses"]
# What says how an answer came about and not what it is.
CIRCUMSTANCES = ["run_id", "cache", "reason"]
WAVE = {"number": 2, "after": "one", "memory": "verbatim"}


def freeze(project: Project) -> None:
    words = ("freeze", "populations/us_adults.yaml", "--people", str(PEOPLE), "--enrich", "bio", "--rehearse")
    assert project.here("population", *words, "--to", "jobs/panel.parquet") == 0


def write_waves(project: Project) -> tuple[str, str]:
    fields: dict[str, Any] = {"population": "panel.parquet", "people": PEOPLE}
    return project.write_job("one", **fields), project.write_job("two", wave=WAVE, **fields)


@pytest.fixture
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Both waves, run in one process."""
    project = Project(tmp_path_factory.mktemp("undisturbed"))
    freeze(project)
    for job in write_waves(project):
        assert project.here("run", job, "--rehearse", "--inline") == 0
    return project


def assert_equal_datasets(mine: Project, theirs: Project, run: str) -> None:
    for table in TABLES:
        found, expected = (one.table(run, table).drop(columns=CIRCUMSTANCES, errors="ignore") for one in (mine, theirs))
        pd.testing.assert_frame_equal(found, expected)
    names = [
        sorted(path.name for path in (one.folder / "runs" / run / "dataset" / "people").iterdir())
        for one in (mine, theirs)
    ]
    # Parts are named for their content: the same people are the same bytes.
    assert names[0] == names[1]


def test_workers_need_no_panel_but_that_of_the_run(
    project: Project, rehearsal: StartRehearsal, undisturbed: Project
) -> None:
    freeze(project)
    one, _ = write_waves(project)
    server = rehearsal(latency_ms=50.0)
    command = project.start(
        "run", one, "--rehearse", TROUPE_REHEARSAL_URL=server.url, TROUPE_OPENAI_MAX_CONCURRENT_MODEL_CALLS="4"
    )
    project.wait_for("plan", (project.folder / "runs" / "one-rehearsal" / "ledger").is_dir)
    (project.folder / "jobs" / "panel.parquet").unlink()
    assert project.committed("one-rehearsal") < SHARDS

    done = command.wait()

    assert done.code == 0, done.err
    assert project.verify("one-rehearsal") == 0
    assert_equal_datasets(project, undisturbed, "one-rehearsal")


@pytest.mark.chaos
def test_a_second_wave_that_is_killed_and_resumed_remembers_as_one_that_was_not(
    project: Project, rehearsal: StartRehearsal, undisturbed: Project
) -> None:
    freeze(project)
    one, two = write_waves(project)
    assert project.here("run", one, "--rehearse", "--inline") == 0
    server = rehearsal(latency_ms=100.0)
    settings = {
        "TROUPE_REHEARSAL_URL": server.url,
        "TROUPE_CELERY_LEASE_S": "3",
        "TROUPE_OPENAI_MAX_CONCURRENT_MODEL_CALLS": "4",
    }
    command = project.start("run", two, "--rehearse", **settings)
    project.wait_for("first commit", lambda: project.committed("two-rehearsal") >= 1)
    command.process.kill()
    command.process.wait()
    assert project.committed("two-rehearsal") < SHARDS

    done = project.troupe("run", two, "--rehearse", "--json", **settings)

    assert done.code == 0, done.err
    assert done.json["beginning"] == "resumed"
    assert project.verify("two-rehearsal") == 0
    assert_equal_datasets(project, undisturbed, "two-rehearsal")
    said = project.table("one-rehearsal", "responses")
    remembered = pd.read_parquet(next((project.folder / "runs" / "two-rehearsal" / "plan").glob("recollections-*")))
    assert len(remembered) == PEOPLE
    for index, waves in remembered.itertuples(index=False):
        [answers] = said[said["person_index"] == index]["reason"]
        assert f"Answered: {answers}" in waves


def test_prose_that_the_budget_cuts_short_goes_on_where_it_stopped(project: Project, rehearsal: StartRehearsal) -> None:
    server = rehearsal()
    words = ("population", "freeze", "populations/us_adults.yaml", "--people", "200", "--enrich", "bio", "--rehearse")
    command = (*words, "--to", "panel.parquet", "--json")

    stopped = project.troupe(*command, "--set", "Budget.MAX_USD=0.005", TROUPE_REHEARSAL_URL=server.url)

    assert stopped.code == 3, stopped.err
    assert not (project.folder / "panel.parquet").exists()
    paid = server.stats()["requests"]
    assert 0 < paid < 200
    done = project.troupe(*command, TROUPE_REHEARSAL_URL=server.url)
    assert done.code == 0, done.err
    assert server.stats()["requests"] == 2 * 200
    assert done.json["panel"]["people"] == 200
