"""The jobs on the ready populations of other countries, run by name and recounted, and one with oversampled strata."""

from __future__ import annotations

import numpy as np
import pytest

from tests.acceptance.project import PROJECT, Project


@pytest.mark.parametrize(
    ("job", "region"),
    [("australia_commute", "state"), ("brazil_coffee", "region"), ("france_retirement", "occupation")],
)
def test_each_job_runs_with_one_command_and_its_people_are_of_the_country(
    project: Project, job: str, region: str
) -> None:
    assert project.here("run", f"jobs/{job}.yaml", "--rehearse", "--inline") == 0

    run = f"{job.replace('_', '-')}-rehearsal"
    people = project.table(run, "people")
    assert project.verify(run) == 0
    assert people["age"].between(20, 99).all()
    assert people[region].nunique() > 3
    assert people["sex"].isin(["female", "male"]).all()


def test_results_of_oversampled_strata_carry_the_weights(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    population = (PROJECT / "populations" / "australia_adults.yaml").read_text(encoding="utf-8")
    (project.folder / "strata.yaml").write_text(
        population.replace("size: 100000", "size: 160") + "strata: {by: [state], allocation: equal}\n", encoding="utf-8"
    )
    job = (PROJECT / "jobs" / "australia_commute.yaml").read_text(encoding="utf-8")
    job = job.replace("../populations/australia_adults.yaml", "strata.yaml").replace("people: 120", "people: 160")
    (project.folder / "job.yaml").write_text(job, encoding="utf-8")

    assert project.here("run", "job.yaml", "--rehearse", "--inline") == 0

    people = project.table("australia-commute-rehearsal", "people")
    assert people["stratum"].value_counts().tolist() == [20] * 8
    weights = people["weight"].to_numpy()
    assert weights.mean() == pytest.approx(1)
    # Tasmania has 2.2 percent of the people of the eight states and territories, and an eighth of the respondents.
    tasmania = people["state"] == "Tasmania"
    assert weights[tasmania].sum() / weights.sum() == pytest.approx(557_571 / 25_418_009, abs=1e-6)
    effective = weights.sum() ** 2 / (weights**2).sum()
    said = " ".join(capsys.readouterr().out.split())
    assert f"are worth those of {effective:,.0f} people drawn alike" in said
    assert np.isfinite(weights).all()
