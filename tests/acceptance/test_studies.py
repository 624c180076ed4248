"""The jobs in which people act: run by name on the embedded default, recounted, and killed in the middle of a world."""

from __future__ import annotations

from typing import Any

import pandas as pd
import psutil
import pytest
import yaml

from tests.acceptance.conftest import StartRehearsal
from tests.acceptance.project import PROJECT, Project

JOBS = ["customer_interview", "tv_advertisement", "product_brainstorming", "synthetic_documents"]


def spec_of(job: str) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((PROJECT / "jobs" / f"{job}.yaml").read_text(encoding="utf-8"))
    return loaded


@pytest.mark.parametrize("job", JOBS)
def test_each_job_runs_with_one_command_and_its_dataset_is_complete(project: Project, job: str) -> None:
    done = project.troupe("run", f"jobs/{job}.yaml", "--rehearse", "--json")

    assert done.code == 0, done.err
    run = done.json["run_id"]
    assert done.json["state"] == "complete"
    assert project.verify(run) == 0
    events = project.table(run, "events")
    assert events["unit_id"].nunique() == done.json["units"]
    assert {"TALK", "DONE"} <= set(events["type"])
    assert project.table(run, "llm_calls")["purpose"].eq("act").sum() > done.json["units"]


def test_the_votes_for_the_best_advertisement_are_counted_and_explained(project: Project) -> None:
    assert project.here("run", "jobs/tv_advertisement.yaml", "--rehearse", "--inline") == 0

    responses = project.table("tv-advertisement-rehearsal", "responses")
    asked = spec_of("tv_advertisement")["study"]["script"][2]["ask"]["options"]
    votes = responses["best"].value_counts()
    assert votes.sum() == 200
    assert set(votes.index) <= set(asked)
    has_favourite = responses["best"].notna() & responses["best"].ne("None of them")
    assert (responses.loc[has_favourite, "reason__status"] != "skipped").all()
    assert (responses.loc[has_favourite, "none_reason__status"] == "skipped").all()
    assert (responses.loc[~has_favourite, "reason__status"] == "skipped").all()


def test_ideas_come_from_at_least_twenty_groups_of_five(project: Project) -> None:
    assert project.here("run", "jobs/product_brainstorming.yaml", "--rehearse", "--inline") == 0

    run = "product-brainstorming-rehearsal"
    ideas = project.table(run, "extractions")
    assert ideas["unit_id"].nunique() >= 20
    assert len(project.table(run, "people")) == 5 * ideas["unit_id"].nunique()
    found = ideas[ideas["status"] == "found"]
    assert len(found) > 20
    assert found["idea"].notna().any()
    assert set(found["reception"].dropna()) <= {"welcomed", "divided", "rejected", "hardly discussed"}


def test_documents_are_written_and_exported(project: Project) -> None:
    assert project.here("run", "jobs/synthetic_documents.yaml", "--rehearse", "--inline") == 0

    done = project.troupe("documents", "synthetic-documents-rehearsal", "documents", "--format", "md", "--json")

    assert done.code == 0, done.err
    files = [project.folder / path for path in done.json["files"]]
    assert len(files) >= 40
    assert len(set(files)) == len(files)
    assert all("synthetic" in path.read_text(encoding="utf-8").casefold() for path in files)


WORLDS, SEATS, STEPS = 24, 5, 4
PROCESSES, IN_FLIGHT = 2, 10
RUN = "killed-world-rehearsal"


def write_worlds(project: Project) -> str:
    job = spec_of("product_brainstorming")
    job |= {"id": "killed-world", "units_per_shard": 4}
    job.pop("rehearsal")
    (project.folder / "jobs" / "killed_world.yaml").write_text(yaml.safe_dump(job), encoding="utf-8")
    return "jobs/killed_world.yaml"


@pytest.mark.chaos
def test_a_worker_killed_in_the_middle_of_a_world_costs_only_the_calls_in_flight(
    project: Project, rehearsal: StartRehearsal, tmp_path_factory: pytest.TempPathFactory
) -> None:
    calm = Project(tmp_path_factory.mktemp("calm"))
    assert calm.here("run", write_worlds(calm), "--rehearse", "--inline", "--run-id", RUN) == 0
    server = rehearsal(latency_ms=100.0)
    settings = {
        "TROUPE_REHEARSAL_URL": server.url,
        "TROUPE_CELERY_PROCESSES": str(PROCESSES),
        "TROUPE_CELERY_LEASE_S": "3",
        "TROUPE_OPENAI_MAX_CONCURRENT_MODEL_CALLS": str(IN_FLIGHT),
    }
    command = project.start("run", write_worlds(project), "--rehearse", "--json", **settings)
    project.wait_for("first commit", lambda: project.committed(RUN) >= 1)

    def is_in_the_middle() -> bool:
        stats = server.stats()
        return int(stats["in_flight"]) >= IN_FLIGHT and project.committed(RUN) < WORLDS // 4

    project.wait_for("moment", is_in_the_middle, command)
    worker: psutil.Process = command.descendants("troupe_batch.worker", "worker")[0]
    worker.kill()
    done = command.wait()

    assert done.code == 0, done.err
    assert done.json["state"] == "complete"
    assert project.verify(RUN) == 0
    assert server.stats()["repeated_replies"] <= PROCESSES * IN_FLIGHT
    for table in ("events", "extractions", "people"):
        mine, undisturbed = (one.table(RUN, table).drop(columns="run_id", errors="ignore") for one in (project, calm))
        pd.testing.assert_frame_equal(mine, undisturbed)
    calm.close()
