import signal
from pathlib import Path

import duckdb
import pandas as pd
import polars as pl
import pytest
from conftest import Project

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
    assert duckdb.sql(f"select count(distinct (unit_id, question_id)) from '{answers}'").fetchone() == (120,)


def test_inline_gives_the_same_answers_as_workers_do(project: Project) -> None:
    job = project.write_job("same")
    inline = project.troupe("run", job, "--rehearse", "--inline", "--run-id", "inline", "--json")
    fleet = project.troupe("run", job, "--rehearse", "--run-id", "fleet", "--json")

    assert (inline.code, fleet.code) == (0, 0), inline.err + fleet.err
    tables = [pd.read_parquet(Path(done.json["dataset"]) / "responses") for done in (inline, fleet)]
    pd.testing.assert_frame_equal(*(t.drop(columns="run_id", errors="ignore") for t in tables))


def test_ctrl_c_stops_cleanly_and_the_same_command_goes_on(project: Project) -> None:
    job = project.write_job("long", people=200)
    command = project.start("run", job, "--rehearse", "--latency-ms", "300", "--json", TROUPE_CELERY_PROCESSES="1")

    project.wait_for("second commit", lambda: project.committed("long-rehearsal") >= 2)

    command.signal(signal.SIGINT)
    stopped = command.wait()

    assert stopped.code == 4, stopped.err
    assert stopped.json["error"] == "Interrupted"
    assert 0 < stopped.json["counts"]["likely"]["not_run"] < 200
    resumed = project.troupe("run", job, "--rehearse", "--json")
    assert resumed.code == 0, resumed.err
    assert resumed.json["beginning"] == "resumed"
    assert resumed.json["counts"]["likely"] == {"answered": 200}
    assert project.troupe("verify", "long-rehearsal").code == 0


def test_a_spent_budget_stops_the_job_without_inventing_answers(project: Project) -> None:
    job = project.write_job("capped", budget={"max_usd": 0.004})

    stopped = project.troupe("run", job, "--rehearse", "--json")

    assert stopped.code == 3, stopped.err
    assert stopped.json["error"] == "BudgetSpent"
    answers = pd.read_parquet(Path(stopped.json["dataset"]) / "answers")
    missing = answers[answers["status"] == "not_run"]
    assert len(answers) == 120
    assert len(missing) > 0
    assert missing[["code", "label", "number", "text"]].isna().all().all()
    assert stopped.json["would_have_cost_usd"] <= 0.004

    project.write_job("capped", budget={"max_usd": 1.0})
    resumed = project.troupe("run", job, "--rehearse", "--json")

    assert resumed.code == 0, resumed.err
    assert resumed.json["answered"] == 120
    assert resumed.json["calls"]["hits"] >= len(answers) - len(missing)


def test_a_changed_plan_is_refused_with_what_changed(project: Project) -> None:
    job = project.write_job("changing")
    assert project.troupe("run", job, "--rehearse", "--json").code == 0

    project.write_job("changing", people=50)
    refused = project.troupe("run", job, "--rehearse")

    assert refused.code == 2
    assert "people" in refused.err
    assert "60" in refused.err
    assert project.troupe("run", job, "--rehearse", "--again", "--json").json["units"] == 50


@pytest.mark.parametrize("command", ["run", "submit"])
def test_without_a_key_and_without_rehearse_the_error_says_what_to_set(project: Project, command: str) -> None:
    broker = "redis://127.0.0.1:1/0"
    done = project.troupe(command, project.write_job("real"), TROUPE_REDIS_BROKER_URL=broker)

    assert done.code == 2
    for cure in ("OPENAI_API_KEY", "BASE_URL", "azure", "--rehearse"):
        assert cure in done.err
    assert not (project.folder / "runs").exists()
