"""The figures of people who act: calls, CPU, memory and tokens of acts, and the size of a recorded simulation."""

from __future__ import annotations

import time
from pathlib import Path
from statistics import median

import pytest

from tests.benchmarks.figures import Figure, Page, listed
from tests.benchmarks.pipeline import PROJECT, Measured, bench, make_world_job
from troupe_batch import TinyPerson, connect, disconnect
from troupe_batch.settings import load_settings
from troupe_batch.simulation.record.control import ReplyControl

pytestmark = [pytest.mark.bench, pytest.mark.timeout(3600)]

WORLDS, SEATS, STEPS = 1_000, 5, 4
SMALL = 100
# What TinyTroupe 0.6 puts before each act, persona included, as it was measured: 5,600 to 6,800 tokens.
ORIGINAL_TOKENS = 5_600
ORIGINAL_BYTES_PER_PERSON = 1.38e9 / 100
LISA = PROJECT.parent / "shared" / "data" / "tinytroupe" / "Lisa.agent.json"
OWN = PROJECT / "populations" / "three_consultants" / "Annelies Verhoeven.agent.json"


async def test_worlds_cpu_memory_and_prefixes(page: Page, tmp_path: Path) -> None:
    runs: list[Measured] = []
    async with bench(tmp_path, warm_up=make_world_job(tmp_path, "warm-up", worlds=20, seed=999)) as here:
        small = await here.run(
            make_world_job(tmp_path, "few-worlds", worlds=SMALL, seed=7), "few-worlds", with_memory=True
        )
        for number in (1, 2):
            job = make_world_job(tmp_path, f"worlds-{number}", worlds=WORLDS, seed=number)
            runs.append(await here.run(job, f"worlds-{number}", with_memory=number == 1))

    acts = WORLDS * SEATS * STEPS
    page.add(Figure("Calls per act in worlds", "1", f"{median(run.calls for run in runs) / acts:.3f}"))
    page.add(
        Figure(
            f"CPU per act, {WORLDS:,} worlds of {SEATS}, {STEPS} steps",
            "<= 1.5 ms",
            f"{median(run.cpu_ms_per_call for run in runs):.3f} ms",
            note=f"{acts:,} acts; runs: {listed([run.cpu_ms_per_call for run in runs])} ms; "
            f"{median(run.calls / run.wall_s for run in runs):,.0f} acts/s; memory is watched in the first",
        )
    )
    page.add(
        Figure(
            f"Worker memory (PSS), {SMALL} to {WORLDS:,} worlds",
            "bounded by one shard",
            f"x {runs[0].peak_pss_mb / small.peak_pss_mb:.2f}",
            note=f"peak of the main process and two children: {small.peak_pss_mb:.0f} and {runs[0].peak_pss_mb:.0f} MB",
        )
    )
    page.add(
        Figure(
            "Prompt tokens in a prefix that the server has seen, focus groups",
            ">= 70 %",
            f"{median(run.cacheable_share for run in runs):.0%}",
            note="counted by the rehearsal server by OpenAI's rule (1,024 tokens, then steps of 128)",
        )
    )


async def test_prompt_tokens_of_an_act(page: Page, tmp_path: Path) -> None:
    path = LISA if LISA.exists() else OWN
    flags = {"Storage.STATE_FOLDER": str(tmp_path)}
    connection = await connect(rehearse=True, settings=load_settings(environment={}, flags=flags))
    try:
        person = TinyPerson.load_specification(path)
        acts = [await person.listen_and_act(f"Tell me more about your work, part {number}.") for number in range(3)]
        tokens = [call.reply.usage.prompt_tokens for call in connection.mind.calls if call.reply and call.reply.usage]
    finally:
        await disconnect()

    assert sum(act.calls for act in acts) == len(tokens)
    page.add(
        Figure(
            f"Prompt tokens of a first act, {path.stem.removesuffix('.agent')}",
            f"<= 40 % of {ORIGINAL_TOKENS:,}",
            f"{tokens[0]:,} ({tokens[0] / ORIGINAL_TOKENS:.0%})",
            note=f"four bytes a token, schema included; the acts after it: {listed(tokens[1:], ',')}",
        )
    )


async def test_a_recorded_simulation_of_100_people(page: Page, tmp_path: Path) -> None:
    sizes, first, again = {}, {}, {}
    for people in (50, 100):
        path = tmp_path / f"{people}.control"
        first[people], asked = await _recorded(people, path)
        assert asked == people
        sizes[people] = path.stat().st_size
        reruns = [await _recorded(people, path) for _ in range(3)]
        assert [asked for _, asked in reruns] == [0, 0, 0]
        again[people] = median(cpu_s for cpu_s, _ in reruns)

    page.add(
        Figure(
            "Control file of 100 people and one question, per person",
            f"linear (TinyTroupe: {ORIGINAL_BYTES_PER_PERSON / 1e6:.0f} MB)",
            f"{sizes[100] / 100:,.0f} bytes",
            note=f"100 people take {sizes[100] / sizes[50]:.2f} times the file of 50",
        )
    )
    page.add(
        Figure(
            "Rerun of that simulation from its control file",
            "no call",
            f"0 calls, {1000 * again[100] / 100:.2f} ms CPU a person",
            note=f"median of three reruns; the first run, with its calls: {1000 * first[100] / 100:.2f} ms",
        )
    )


async def _recorded(people: int, path: Path) -> tuple[float, int]:
    """CPU seconds of the program, and how many calls it made."""
    flags = {"Storage.STATE_FOLDER": str(path.parent / "state"), "OpenAI.CACHE_API_CALLS": "false"}
    connection = await connect(rehearse=True, settings=load_settings(environment={}, flags=flags))
    try:
        began = time.process_time()
        control = ReplyControl(path, connection.mind)
        for number in range(people):
            person = TinyPerson.load_specification(OWN)
            person.person_id = f"person-{number}"
            await person.listen_and_act("What did you have for breakfast?")
        status = control.end()
        return time.process_time() - began, status.asked
    finally:
        await disconnect()
