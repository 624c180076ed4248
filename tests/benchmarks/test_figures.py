"""The figures of the whole pipeline. Nothing here fails for being slow: it is measured, shown, and written down."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

import pytest

from tests.benchmarks.figures import Figure, Page, listed
from tests.benchmarks.pipeline import Measured, bench, make_job

pytestmark = [pytest.mark.bench, pytest.mark.timeout(3600)]

ROUNDS = 3
PEOPLE = 1_000
LATENCY_MS, IN_FLIGHT, PEOPLE_IN_FLIGHT = 200, 400, 8_000
SIZES = (1_000, 10_000, 100_000)


async def test_cpu_per_answer_cold_and_cached(page: Page, tmp_path: Path) -> None:
    bare: list[Measured] = []
    cold: list[Measured] = []
    cached: list[Measured] = []
    whole: dict[str, list[Measured]] = {"cold": [], "from the cache": []}
    async with bench(tmp_path) as here:
        for number in range(ROUNDS):
            job = make_job(tmp_path, f"round-{number}", people=PEOPLE, seed=str(number))
            bare.append(await here.bare_loop(job, in_flight=128))
            cold.append(await here.run(job, f"cold-{number}"))
            cached.append(await here.run(job, f"cached-{number}"))
        await here.whole_command(make_job(tmp_path, "byte-code", people=20), "byte-code")
        for number in range(ROUNDS):
            job = make_job(tmp_path, f"whole-{number}", people=PEOPLE, seed=str(ROUNDS + number))
            for what, runs in whole.items():
                runs.append(await here.whole_command(job, f"{what.split()[0]}-whole-{number}"))

    loop_ms = _cpu_ms(bare)
    assert all(one.calls == one.answers for one in cold)
    for what, asked, runs in (("cold", 0.75, cold), ("from the cache", 0.10, cached)):
        cpu_ms = _cpu_ms(runs)
        note = f"{PEOPLE:,} people x 5 questions, a call each; {ROUNDS} rounds: " + listed(
            [one.cpu_ms_per_answer for one in runs]
        )
        note += "; bare loop: " + listed([one.cpu_ms_per_answer for one in bare]) + " ms"
        rate = median(one.answers / one.wall_s for one in runs)
        page.add(
            Figure(
                f"CPU per answer, {what}",
                f"<= {asked:.2f} ms",
                f"{cpu_ms:.3f} ms",
                cpu_ms / loop_ms,
                f"{note}; {rate:,.0f} answers/s without latency",
            )
        )
    for (what, runs), most in zip(whole.items(), (0.60, 0.15), strict=True):
        took = listed([one.cpu_s for one in runs], ".2f")
        page.add(
            Figure(
                f"Whole command, all processes, {what}",
                f"<= {most:.2f} of the bare loop",
                f"{median(one.cpu_s for one in runs):.2f} s",
                _cpu_ms(runs) / loop_ms,
                f"{5 * PEOPLE:,} answers, {runs[-1].calls:,} calls; {ROUNDS} rounds: {took} s of CPU, "
                f"{listed([one.wall_s for one in runs], '.1f')} s of time",
            )
        )


async def test_share_of_the_latency_bound(page: Page, tmp_path: Path) -> None:
    async with bench(tmp_path, latency_ms=LATENCY_MS, in_flight=IN_FLIGHT) as here:
        few = make_job(tmp_path, "bare", people=1_000)
        bare = await here.bare_loop(few, in_flight=IN_FLIGHT)
        ours = await here.run(make_job(tmp_path, "latency", people=PEOPLE_IN_FLIGHT), "latency")

    share, loop_share = _share(ours), _share(bare)
    page.add(
        Figure(
            f"Share of the latency bound, {LATENCY_MS} ms and {IN_FLIGHT} in flight",
            ">= 90 %",
            f"{share:.0%}",
            share / loop_share,
            f"{ours.calls:,} calls in {ours.wall_s:.1f} s ({ours.cpu_ms_per_answer:.3f} ms CPU each), dataset "
            f"included; bare loop {loop_share:.0%} ({bare.cpu_ms_per_answer:.3f} ms CPU a call)",
        )
    )


async def test_memory_of_the_workers(page: Page, tmp_path: Path) -> None:
    peaks = []
    async with bench(tmp_path) as here:
        for people in SIZES:
            job = make_job(tmp_path, f"people-{people}", people=people, asking="questionnaire")
            peaks.append((await here.run(job, f"people-{people}", with_memory=True)).peak_pss_mb)

    page.add(
        Figure(
            f"Worker memory (PSS), {SIZES[0]:,} to {SIZES[-1]:,} people",
            "flat",
            f"x {peaks[-1] / peaks[0]:.2f}",
            note=f"peak of the main process and two children for {listed(SIZES, ',')} people: "
            f"{listed(peaks, '.0f')} MB; all five questions in one call, so {5 * SIZES[-1]:,} answers in the last run",
        )
    )


def test_planning(page: Page, tmp_path: Path) -> None:
    make_job(tmp_path, "plan", people=SIZES[-1])
    command = [sys.executable, "-m", "troupe_batch.cli", "plan", "plan.yaml", "--rehearse", "--json"]

    started = time.perf_counter()
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=True)
    wall_s = time.perf_counter() - started

    assert json.loads(done.stdout)["people"] == SIZES[-1]
    what = f"Planning {SIZES[-1]:,} people"
    page.add(Figure(what, "< 5 s", f"{wall_s:.1f} s", note="`troupe plan`, start-up, quotas and estimate included"))


def _cpu_ms(runs: list[Measured]) -> float:
    return median(one.cpu_ms_per_answer for one in runs)


def _share(run: Measured) -> float:
    return run.calls * LATENCY_MS / 1000 / IN_FLIGHT / run.wall_s
