import signal
from pathlib import Path

import duckdb
import pandas as pd
import polars as pl
import pytest

from tests.acceptance.conftest import StartRehearsal
from tests.acceptance.project import Project

RUN = "gazpacho-concept-test-rehearsal"


def test_the_flagship_runs_on_a_bare_machine_and_again_from_the_cache(project: Project) -> None:
    first = project.troupe("run", "jobs/gazpacho_concept_test.yaml", "--rehearse", "--again", "--json")

    assert first.code == 0, first.err
    said = first.json
    assert (said["state"], said["units"], said["answers"], said["is_rehearsal"]) == ("complete", 200, 1000, True)
    assert said["answered"] > 900
    assert said["calls"]["sent"] > 900
    assert project.troupe("verify", RUN).code == 0

    again = project.troupe("run", "jobs/gazpacho_concept_test.yaml", "--rehearse", "--again", "--json")

    assert again.code == 0, again.err
    assert again.json["run_id"] == f"{RUN}-2"
    assert again.json["answered"] == said["answered"]
    # Refusals are never cached, so only they are asked again.
    refused = sum(by_status.get("refused", 0) for by_status in said["counts"].values())
    assert again.json["calls"]["sent"] <= refused


def test_pandas_duckdb_and_polars_read_the_dataset_as_it_is(project: Project) -> None:
    done = project.troupe("run", project.write_job("small"), "--rehearse", "--json")

    assert done.code == 0, done.err
    dataset = Path(done.json["dataset"])
    answers = str(dataset / "answers" / "*.parquet")
    assert len(pd.read_parquet(dataset / "answers")) == 120
    assert pl.read_parquet(answers).height == 120
    assert duckdb.read_parquet(answers).aggregate("count(distinct (unit_id, question_id))").fetchall() == [(120,)]


def test_inline_gives_the_same_answers_as_workers_do(project: Project) -> None:
    job = project.write_job("same")
    assert project.here("run", job, "--rehearse", "--inline", "--run-id", "inline") == 0
    fleet = project.troupe("run", job, "--rehearse", "--run-id", "fleet", "--json")

    assert fleet.code == 0, fleet.err
    for table in ("people", "answers", "responses"):
        one, other = (project.table(run, table).drop(columns="run_id", errors="ignore") for run in ("inline", "fleet"))
        pd.testing.assert_frame_equal(one, other)


def test_ctrl_c_stops_cleanly_and_the_same_command_goes_on(project: Project) -> None:
    job = project.write_job("long", people=100)
    command = project.start("run", job, "--rehearse", "--latency-ms", "300", "--json", TROUPE_CELERY_PROCESSES="1")

    project.wait_for("second commit", lambda: project.committed("long-rehearsal") >= 2)

    command.signal(signal.SIGINT)
    stopped = command.wait()

    assert stopped.code == 4, stopped.err
    assert stopped.json["error"] == "Interrupted"
    assert 0 < stopped.json["counts"]["likely"]["not_run"] < 100
    resumed = project.troupe("run", job, "--rehearse", "--json")
    assert resumed.code == 0, resumed.err
    assert resumed.json["beginning"] == "resumed"
    assert resumed.json["counts"]["likely"] == {"answered": 100}
    assert project.verify("long-rehearsal") == 0


def test_a_spent_budget_stops_the_job_without_inventing_answers(project: Project, rehearsal: StartRehearsal) -> None:
    job = project.write_job("capped", budget={"max_usd": 0.004})
    server = rehearsal()

    stopped = project.troupe("run", job, "--rehearse", "--json", TROUPE_REHEARSAL_URL=server.url)

    assert stopped.code == 3, stopped.err
    assert stopped.json["error"] == "BudgetSpent"
    answers = pd.read_parquet(Path(stopped.json["dataset"]) / "answers")
    missing = answers[answers["status"] == "not_run"]
    assert len(answers) == 120
    assert len(missing) > 0
    assert missing[["code", "label", "number", "text"]].isna().all().all()
    assert stopped.json["would_have_cost_usd"] <= 0.004

    project.write_job("capped", budget={"max_usd": 1.0})
    resumed = project.troupe("run", job, "--rehearse", "--json", TROUPE_REHEARSAL_URL=server.url)

    assert resumed.code == 0, resumed.err
    assert resumed.json["answered"] == 120
    assert server.stats()["repeated_replies"] == 0


def test_a_changed_plan_is_refused_with_what_changed(project: Project) -> None:
    job = project.write_job("changing")
    assert project.here("run", job, "--rehearse", "--inline") == 0

    project.write_job("changing", people=50)
    refused = project.troupe("run", job, "--rehearse")

    assert refused.code == 2
    assert "people" in refused.err
    assert "60" in refused.err
    assert project.troupe("run", job, "--rehearse", "--inline", "--again", "--json").json["units"] == 50


@pytest.mark.parametrize("command", ["run", "submit"])
def test_without_a_key_and_without_rehearse_the_error_says_what_to_set(project: Project, command: str) -> None:
    broker = "redis://127.0.0.1:1/0"
    done = project.troupe(command, project.write_job("real"), TROUPE_REDIS_BROKER_URL=broker)

    assert done.code == 2
    for cure in ("OPENAI_API_KEY", "BASE_URL", "azure", "--rehearse"):
        assert cure in done.err
    assert not (project.folder / "runs").exists()
