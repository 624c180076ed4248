"""The whole pipeline on one machine, kept up for several runs, and what each run took of CPU, time and memory."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import sys
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import psutil
import yaml

from troupe_batch.llm.request_body import seed_of
from troupe_batch.planning.loading import Job, load_job
from troupe_batch.planning.plan import Plan
from troupe_batch.rehearsal.process import RehearsalProcess
from troupe_batch.results.dataset import Dataset
from troupe_batch.settings import Settings, load_settings
from troupe_batch.use_cases.fleet import fleet_of
from troupe_batch.use_cases.plans import plan_job
from troupe_batch.use_cases.runs import begin_run
from troupe_batch.wiring.endpoints import rehearsal_config
from troupe_batch.wiring.machine import Machine, machine
from troupe_batch.wiring.people import factory_of

PROJECT = Path(__file__).resolve().parents[2]
BRAINSTORMING = PROJECT / "jobs" / "product_brainstorming.yaml"
FLAGSHIP = PROJECT / "jobs" / "gazpacho_concept_test.yaml"
LOOK_EVERY_S = 0.5


@dataclass(frozen=True, slots=True)
class Measured:
    """One run, from the first hint to the finished dataset. CPU seconds are those of the worker process tree.

    `server` is what the rehearsal server counted.
    """

    answers: int
    calls: int
    cpu_s: float
    wall_s: float
    peak_pss_mb: float
    server: Mapping[str, Any] = field(default_factory=dict)

    @property
    def cpu_ms_per_answer(self) -> float:
        """CPU of the worker processes per answer, in milliseconds."""
        return 1000 * self.cpu_s / self.answers

    @property
    def cpu_ms_per_call(self) -> float:
        """CPU of the worker processes per call, in milliseconds."""
        return 1000 * self.cpu_s / self.calls

    @property
    def cacheable_share(self) -> float:
        """Share of the prompt tokens that stood in a prefix which the server had seen before."""
        return float(self.server["cached_tokens"] / self.server["prompt_tokens"])


class Bench:
    """A machine with workers, on which jobs run one after the other. Make it with `bench`."""

    def __init__(self, here: Machine, folder: Path, flags: Mapping[str, str]) -> None:
        self._here = here
        self._flags = flags
        self._folder = folder

    @property
    def settings(self) -> Settings:
        """The settings that lead to the machine."""
        return self._here.settings

    @property
    def base_url(self) -> str:
        """The rehearsal server, as an OpenAI client wants it."""
        return self._server.base_url

    @property
    def _server(self) -> RehearsalProcess:
        assert self._here.rehearsal is not None
        return self._here.rehearsal

    def plan(self, job: Job) -> Plan:
        """The plan of a job on this machine."""
        return plan_job(self.settings, job, rehearse=True)

    async def run(self, job: Job, run_id: str, *, with_memory: bool = False) -> Measured:
        """Runs the job from its frozen plan to the dataset, and checks that every planned answer is in it.

        Looking at memory costs a tenth of a core, so it is only done where it is asked for.
        """
        plan = self.plan(job)
        begun = await begin_run(self.settings, plan, job.text, run_id=run_id)
        self._server.reset_stats()
        async with fleet_of(self.settings, begun.run) as fleet:
            with self._memory(is_watched=with_memory) as memory:
                cpu_s, started = self.cpu_s(), time.perf_counter()
                await fleet.start()
                await fleet.follow(lambda _: None)
                wall_s, cpu_s = time.perf_counter() - started, self.cpu_s() - cpu_s
            outcome = await fleet.collect()
        assert outcome.is_complete, outcome
        answers = sum(sum(counts.values()) for counts in Dataset(begun.run.store).manifest.counts.values())
        assert answers == plan.units * plan.study.design.seats * len(plan.study.design.questions)
        server = self._server.stats()
        return Measured(answers, server["requests"], cpu_s, wall_s, memory.peak_mb, server)

    async def bare_loop(self, job: Job, *, in_flight: int) -> Measured:
        """The calls of the job, asked by one plain asyncio loop over the SDK in a process of its own."""
        prompts = self._folder / "prompts.jsonl"
        prompts.write_bytes(b"".join(orjson.dumps(call) + b"\n" for call in _calls(self.plan(job))))
        script = Path(__file__).with_name("bare_loop.py")
        process = await asyncio.create_subprocess_exec(
            sys.executable, str(script), str(prompts), self.base_url, str(in_flight), stdout=asyncio.subprocess.PIPE
        )
        out, _ = await process.communicate()
        took = orjson.loads(out)
        return Measured(took["calls"], took["calls"], took["cpu_s"], took["wall_s"], 0.0)

    async def whole_command(self, job: Job, run_id: str) -> Measured:
        """`troupe run` of the job, with workers of its own: its CPU is that of all its processes, from their start on.

        The rehearsal server and Redis are those of this machine, and are not counted. Byte code is there, as where the
        product is installed.
        """
        flags = {**self._flags, "Rehearsal.URL": self._server.url}
        options = [f"--set={name}={value}" for name, value in flags.items()]
        command = [sys.executable, "-m", "troupe_batch.cli", "run", job.name, "--rehearse", "--json", *options]
        script = Path(__file__).with_name("whole_command.py")
        env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, str(script), *command, "--run-id", run_id),
            stdout=asyncio.subprocess.PIPE,
            env={**env, "PYTHONPYCACHEPREFIX": str(self._folder / "byte-code")},
        )
        self._server.reset_stats()
        out, _ = await process.communicate()
        took = orjson.loads(out)
        assert took["code"] == 0
        plan = self.plan(job)
        answers = plan.units * len(plan.study.design.questions)
        return Measured(answers, self._server.stats()["requests"], took["cpu_s"], took["wall_s"], 0.0)

    def workers(self) -> list[psutil.Process]:
        """The worker process and its children."""
        assert self._here.workers is not None
        roots = [psutil.Process(pid) for pid in self._here.workers.pids]
        return [process for root in roots for process in (root, *root.children(recursive=True))]

    def cpu_s(self) -> float:
        """CPU seconds that the workers have used since they were started."""
        times = [process.cpu_times() for process in self.workers()]
        return sum(one.user + one.system for one in times)

    @contextlib.contextmanager
    def _memory(self, *, is_watched: bool) -> Iterator[_Memory]:
        memory = _Memory(self)
        if not is_watched:
            yield memory
            return
        watch = asyncio.get_running_loop().create_task(memory.watch())
        try:
            yield memory
        finally:
            watch.cancel()


class _Memory:
    def __init__(self, bench: Bench) -> None:
        self.peak_mb = 0.0
        self._bench = bench

    async def watch(self) -> None:
        while True:
            with contextlib.suppress(psutil.NoSuchProcess):
                used = sum(process.memory_full_info().pss for process in self._bench.workers())
                self.peak_mb = max(self.peak_mb, used / 1e6)
            await asyncio.sleep(LOOK_EVERY_S)


@contextlib.asynccontextmanager
async def bench(
    folder: Path, *, latency_ms: int = 0, in_flight: int = 128, warm_up: Job | None = None
) -> AsyncIterator[Bench]:
    """Embedded Redis, rehearsal server and two warm worker children that share `in_flight` calls.

    The server's respondents are those of `warm_up`, by default a small flagship job.
    """
    flags = {
        "Storage.URL": str(folder / "runs"),
        "Storage.STATE_FOLDER": str(folder / "state"),
        "Celery.PROCESSES": "2",
        "OpenAI.MAX_CONCURRENT_MODEL_CALLS": str(in_flight // 2),
        "Rehearsal.LATENCY_MS": str(latency_ms),
    }
    settings = load_settings(environment={}, flags=flags)
    warm_up = warm_up or make_job(folder, "warm-up", people=200, seed="999")
    config = rehearsal_config(settings, warm_up.respondents)
    async with machine(settings, run_id="bench", rehearsal=config) as here:
        ready = Bench(here, folder, flags)
        # Twice: imports, connections and compiled schemas in both children, then the cached path.
        for number in (1, 2):
            await ready.run(warm_up, f"warm-up-{number}")
        yield ready


def make_job(folder: Path, name: str, *, people: int, **study: str) -> Job:
    """The flagship job with so many people, its questions asked in calls of their own, and a cap that never bites."""
    seed = int(study.pop("seed", "2025"))
    body = yaml.safe_load(FLAGSHIP.read_text(encoding="utf-8"))
    body |= {"id": name, "people": people, "seed": seed, "budget": {"max_usd": 10_000.0}}
    body["population"] = str(PROJECT / "populations" / "us_adults.yaml")
    shutil.copy(FLAGSHIP.parent / body["rehearsal"]["respondents"], folder)
    body["study"] |= {"asking": "question", "memory": "none", **study}
    path = folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump(body, sort_keys=False), encoding="utf-8")
    return load_job(path)


def make_world_job(folder: Path, name: str, *, worlds: int, seats: int = 5, steps: int = 4, seed: int = 1) -> Job:
    """The focus groups of the product brainstorming, as many as asked, with a cap that never bites."""
    body = yaml.safe_load(BRAINSTORMING.read_text(encoding="utf-8"))
    population = yaml.safe_load((PROJECT / "populations" / "office_workers.yaml").read_text(encoding="utf-8"))
    body |= {"id": name, "seed": seed, "budget": {"max_usd": 10_000.0}, "people": worlds * seats}
    body["population"] = population | {"size": worlds * seats}
    body["study"] |= {"worlds": worlds, "people_per_world": seats, "steps": steps, "extraction": []}
    shutil.copy(BRAINSTORMING.parent / body["rehearsal"]["respondents"], folder)
    path = folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump(body, sort_keys=False), encoding="utf-8")
    return load_job(path)


def _calls(plan: Plan) -> Iterator[dict[str, Any]]:
    """The calls of the plan as arguments of the SDK's `create`."""
    people = factory_of(plan).people(0, plan.people)
    for index in range(plan.units):
        unit = plan.unit(index)
        for planned in plan.study.planned_calls(unit, [people[unit.case]], plan.settings):
            request = planned.request
            assert request.reply_schema is not None
            schema = {"name": request.reply_schema.name, "strict": True, "schema": request.reply_schema.schema}
            yield {
                "model": request.endpoint.model,
                "messages": [{"role": message.role, "content": message.content} for message in request.messages],
                "temperature": request.parameters.temperature,
                "max_completion_tokens": request.parameters.max_completion_tokens,
                "seed": seed_of(request.sample),
                "response_format": {"type": "json_schema", "json_schema": schema},
            }
