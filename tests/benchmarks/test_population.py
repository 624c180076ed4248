"""The figures of populations: fitting, drawing a million people, one person alone, and planning a job of a million."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import psutil
import pytest
import yaml

from tests.benchmarks.figures import Figure, Page, listed
from tests.benchmarks.large_population import large_population
from troupe_batch.population import Population, PopulationSpec
from troupe_batch.population.joint.fitting import fit, totals

pytestmark = [pytest.mark.bench, pytest.mark.timeout(3600)]

MILLION = 1_000_000
ROUNDS = 3
# METHODS' case B.
CATEGORIES = (2, 6, 7, 10, 15, 16)
HERE = Path(__file__).resolve()


def test_fitting_200_000_cells_to_six_controls(page: Page) -> None:
    rng = np.random.default_rng(1)
    seed = rng.gamma(2, 1, CATEGORIES).ravel()
    groups = [axis.ravel().astype(np.int64) for axis in np.indices(CATEGORIES)]
    other = rng.gamma(2, 1, seed.shape)
    targets = [totals(group, other, k) / other.sum() for group, k in zip(groups, CATEGORIES, strict=True)]
    seconds, fits = [], []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        fits.append(fit(seed / seed.sum(), groups, targets))
        seconds.append(time.perf_counter() - began)

    for group, target in zip(groups, targets, strict=True):
        assert np.allclose(totals(group, fits[0].probs, len(target)), target, rtol=1e-7)
    note = f"{len(seed):,} cells, one control per dimension; {ROUNDS} rounds: {listed(seconds)} s"
    page.add(Figure("Fit (IPF) of 200,000 cells to 6 controls", "< 0.1 s", f"{median(seconds):.3f} s", None, note))


def test_a_million_people(page: Page) -> None:
    one = _child([str(HERE.with_name("large_population.py")), str(MILLION)])
    found = json.loads(one["stdout"])

    assert found["people"] == MILLION
    assert found["beyond_allowed"] <= 0
    note = (
        f"10 dimensions, five two-way controls over 33,600 cells; compiled in {found['compile_s']:.2f} s; "
        f"peak of the process {found['peak_mb']:,.0f} MB, facts of everybody included; every margin as allowed"
    )
    measured = f"{found['draw_s']:.1f} s, {found['peak_mb']:,.0f} MB"
    page.add(Figure("Draw 1,000,000 people", "< 10 s and < 1 GB", measured, None, note))
    note = f"the first person of a block, in a new process, {found['first_person_s']:.2f} s beside compiling"
    page.add(Figure("One person by index", "< 1 ms", f"{found['one_person_ms']:.2f} ms", None, note))


def test_the_first_thousand_of_100_000(page: Page) -> None:
    independent, controlled = _prefix_error(_case_b()), _prefix_error(large_population(100_000))

    note = (
        f"METHODS' case B, 6 dimensions and 201,600 cells; {controlled:.2f} points with controls and dimensions that "
        "depend on others, and a random order of case B would have about 3"
    )
    measured = f"{independent:.2f} points"
    page.add(Figure("Worst margin error, first 1,000 of 100,000 people", "<= 0.9 points", measured, None, note))


def test_planning_a_job_of_a_million(page: Page, tmp_path: Path) -> None:
    spec = {**large_population(MILLION), "universe": {"description": "nobody: a benchmark"}}
    (tmp_path / "large.yaml").write_text(json.dumps(spec), encoding="utf-8")
    job = yaml.safe_load((HERE.parents[2] / "jobs" / "gazpacho_concept_test.yaml").read_text(encoding="utf-8"))
    for name in ("rehearsal", "budget"):
        job.pop(name, None)
    job |= {"id": "a-million", "population": "large.yaml", "people": MILLION}
    (tmp_path / "job.yaml").write_text(yaml.safe_dump(job), encoding="utf-8")

    began = time.perf_counter()
    planned = _child(
        [str(Path(sys.executable).with_name("troupe")), "plan", str(tmp_path / "job.yaml"), "--rehearse", "--json"]
    )
    seconds = time.perf_counter() - began

    assert json.loads(planned["stdout"])["people"] == MILLION
    note = "`troupe plan`: the file read, everybody drawn, prompts of a sample counted, margins of everybody compared"
    measured = f"{seconds:.1f} s, {planned['peak_mb']:,.0f} MB"
    page.add(Figure("Plan a job of 1,000,000 people", "< 60 s", measured, None, note))


def _case_b() -> dict[str, Any]:
    rng = np.random.default_rng(0)
    dimensions = {
        f"d{i}": {
            "type": "categorical",
            "source": "s",
            "unit": "count",
            "values": {f"c{j}": float(share) for j, share in enumerate(rng.dirichlet(np.ones(k) * 3))},
        }
        for i, k in enumerate(CATEGORIES)
    }
    return {"schema": "troupe_batch/population/1", "id": "case-b", "size": 100_000, "dimensions": dimensions}


def _prefix_error(spec: dict[str, Any]) -> float:
    """In percentage points; the worst of three seeds."""
    errors = []
    for seed in range(ROUNDS):
        margins = Population(PopulationSpec.model_validate({**spec, "seed": seed})).margins(1_000)
        errors.append(max(abs(margin.realised_share - margin.target) for margin in margins))
    return 100 * max(errors)


def _child(arguments: list[str]) -> dict[str, Any]:
    """What a Python process printed, and the most memory that it had resident, looked at every 20 ms."""
    process = psutil.Popen([sys.executable, *arguments], stdout=subprocess.PIPE, text=True, cwd=HERE.parents[2])
    peak = 0
    with process.stdout, ThreadPoolExecutor(1) as reader:
        printed = reader.submit(process.stdout.read)
        while not printed.done():
            with contextlib.suppress(psutil.Error):
                peak = max(peak, process.memory_info().rss)
            wait([printed], timeout=0.02)
    assert process.wait() == 0
    return {"stdout": printed.result(), "peak_mb": peak / 1e6}
