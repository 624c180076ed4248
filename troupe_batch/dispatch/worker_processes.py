"""Celery workers of one machine: started, watched, started again, and stopped without loss."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import secrets
import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from troupe_batch.dispatch.fleet import FleetKeys
from troupe_batch.errors import WorkersFailed
from troupe_batch.trust import python_command, python_environment

log = logging.getLogger(__name__)

STOP_WITH_STDIN = "_TROUPE_STOP_WITH_STDIN"  # no setting, so it does not begin like one
READY_PIPE = "_TROUPE_READY_PIPE"  # the file descriptor on which a worker says once that it has started
# Memory that is free goes back to the system. Measured: a worker that has run 40,000 people holds 457 MB this way, and
# 859 MB with the allocators' own habits, of which pyarrow's keeps the most.
LEAN_MEMORY: Mapping[str, str] = {
    "ARROW_DEFAULT_MEMORY_POOL": "system",
    "MALLOC_ARENA_MAX": "2",
    "MALLOC_TRIM_THRESHOLD_": "131072",
}
_LONGEST_BACKOFF_S = 30.0
_HEALTHY_S = 60.0  # a worker that lived so long starts its backoff anew
_QUICK_S = 15.0
_MOST_QUICK_DEATHS = 4  # in a row, of workers that had started
_MOST_FAILED_STARTS = 2  # in a row; what keeps a worker from starting is there the next time too
_LAST_LINES = 4


@dataclass(frozen=True, slots=True)
class WorkerCommand:
    """Command that starts a worker; `concurrency` is the number of shards it runs at a time, each in a process."""

    fleet: FleetKeys
    concurrency: int
    name: str = "worker"
    module: str = "troupe_batch.worker"
    log_level: str = "INFO"
    extra: tuple[str, ...] = ()

    def arguments(self) -> list[str]:
        """The command line. `troupe worker` may become this process by exec."""
        queues = f"{self.fleet.shards_queue},{self.fleet.extract_queue}"
        # Gossip and mingle let workers chat with each other about tasks and clocks; hints need neither.
        command = python_command(self.module, "--quiet", "worker", "-P", "prefork")
        command += ["-c", str(self.concurrency), "-Q", queues, "-n", _node_name(self.name), "-E"]
        command += ["-l", self.log_level, "--without-gossip", "--without-mingle", *self.extra]
        return command


@dataclass(slots=True)
class _Seat:
    name: str
    process: asyncio.subprocess.Process | None = None
    supervision: asyncio.Task[None] | None = None
    restarts: int = 0
    quick_deaths: int = 0
    failed_starts: int = 0
    ready_pipe: int | None = None

    def has_started(self) -> bool:
        """Whether the worker has said that it takes shards; asked once, after its end."""
        if self.ready_pipe is None:
            return False
        pipe, self.ready_pipe = self.ready_pipe, None
        try:
            return bool(os.read(pipe, 1))
        except BlockingIOError:  # a process that it left behind could still say so
            return False
        finally:
            os.close(pipe)


@dataclass(slots=True)
class WorkerProcesses:
    """Workers that live as long as this command; use as an async context manager.

    Each hears of this command's end through its stdin, also when the command is killed. `keep_fds` are handed on,
    such as `EmbeddedRedis.use_lock`: the server then outlives us until the workers have given back their shards.
    `on_crash_loop` is told of a worker that cannot start or ends again and again; without it, it is started for ever.
    """

    command: WorkerCommand
    log_dir: Path
    workers: int = 1
    env: Mapping[str, str] = field(default_factory=dict)
    keep_fds: Sequence[int] = ()
    cwd: Path | None = None
    stop_grace_s: float = 25.0  # more than an attempt's grace for calls in flight
    on_crash_loop: Callable[[WorkersFailed], None] | None = None
    _seats: list[_Seat] = field(default_factory=list, init=False)
    _is_stopping: bool = field(default=False, init=False)

    @property
    def pids(self) -> list[int]:
        """Process ids of the workers that run now."""
        return [s.process.pid for s in self._seats if s.process is not None and s.process.returncode is None]

    @property
    def restarts(self) -> int:
        """How often a worker ended by itself and was started again."""
        return sum(seat.restarts for seat in self._seats)

    async def __aenter__(self) -> Self:
        self.log_dir.mkdir(parents=True, exist_ok=True)
        for index in range(self.workers):
            seat = _Seat(name=f"{self.command.name}{index + 1 if self.workers > 1 else ''}")
            self._seats.append(seat)
            await self._start(seat)
            seat.supervision = asyncio.create_task(self._supervise(seat))
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def stop(self, *, grace_s: float | None = None) -> None:
        """Asks every worker to give back its shards, and kills those that do not end within `grace_s`.

        0 kills at once: right when no shard is under way, as Celery takes two seconds to say goodbye.
        """
        self._is_stopping = True
        grace_s = self.stop_grace_s if grace_s is None else grace_s
        if grace_s > 0:
            await self._ask_to_end(grace_s)
        for seat in self._seats:
            if seat.process is not None and seat.process.returncode is None:
                if grace_s > 0:
                    log.warning("A worker had to be killed.", extra={"action": "worker_killed", "worker": seat.name})
                _signal_group(seat.process, signal.SIGKILL)
                await seat.process.wait()
            seat.has_started()
            if seat.supervision is not None:
                seat.supervision.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await seat.supervision
        self._seats.clear()

    async def _ask_to_end(self, grace_s: float) -> None:
        for seat in self._seats:
            _signal(seat.process, signal.SIGTERM)
        endings = [asyncio.create_task(s.process.wait()) for s in self._seats if s.process is not None]
        if endings:
            await asyncio.wait(endings, timeout=grace_s)

    async def _supervise(self, seat: _Seat) -> None:
        backoff_s = 0.2
        while seat.process is not None:
            started_s = asyncio.get_running_loop().time()
            code = await seat.process.wait()
            if self._is_stopping:
                return
            # Its children may outlive it for a moment; none may go on with a shard that is free again.
            _signal_group(seat.process, signal.SIGKILL)
            lived_s = asyncio.get_running_loop().time() - started_s
            if self._is_beyond_help(seat, code, lived_s):
                return
            backoff_s = 0.2 if lived_s > _HEALTHY_S else backoff_s
            facts = {"action": "worker_restarted", "worker": seat.name, "exit_code": code}
            log.warning("A worker ended by itself and is started again.", extra=facts)
            await asyncio.sleep(backoff_s)
            backoff_s = min(2 * backoff_s, _LONGEST_BACKOFF_S)
            seat.restarts += 1
            await self._start(seat)

    def _is_beyond_help(self, seat: _Seat, code: int, lived_s: float) -> bool:
        """Counts the end of a worker, and reports it where starting it again would not help."""
        # Whoever was killed did not fail to start.
        has_failed = not seat.has_started() and code > 0
        seat.failed_starts = seat.failed_starts + 1 if has_failed else 0
        seat.quick_deaths = seat.quick_deaths + 1 if lived_s < _QUICK_S else 0
        if seat.failed_starts < _MOST_FAILED_STARTS and seat.quick_deaths < _MOST_QUICK_DEATHS:
            return False
        if self.on_crash_loop is None:
            return False
        times = seat.failed_starts or seat.quick_deaths
        what = "does not start" if has_failed else "ends as soon as it starts"
        path = self._log_of(seat)
        self.on_crash_loop(
            WorkersFailed(
                f"worker {seat.name} {what} ({times} times in a row, exit code {code}); mend it and give the same "
                f"command: it goes on from here. {path} ends with:\n{_last_lines(path)}"
            )
        )
        return True

    def _log_of(self, seat: _Seat) -> Path:
        return self.log_dir / f"{seat.name}.log"

    async def _start(self, seat: _Seat) -> None:
        command = WorkerCommand(
            self.command.fleet,
            self.command.concurrency,
            seat.name,
            self.command.module,
            self.command.log_level,
            self.command.extra,
        )
        seat.ready_pipe, writer = os.pipe()
        os.set_blocking(seat.ready_pipe, False)
        own = {STOP_WITH_STDIN: "1", READY_PIPE: str(writer)}
        try:
            with self._log_of(seat).open("ab") as out:
                seat.process = await asyncio.create_subprocess_exec(
                    *command.arguments(),
                    stdin=asyncio.subprocess.PIPE,
                    stdout=out,
                    stderr=out,
                    cwd=self.cwd,
                    env=python_environment({**LEAN_MEMORY, **os.environ, **self.env, **own}),
                    start_new_session=True,
                    pass_fds=(*self.keep_fds, writer),
                )
        finally:
            os.close(writer)


def _node_name(name: str) -> str:
    """What Celery and Flower call a worker: every start has a name of its own, or two would be taken for one."""
    return f"{name}-{secrets.token_hex(3)}@%h"


def _last_lines(path: Path) -> str:
    lines = path.read_text(errors="replace").split("\n") if path.exists() else []
    said = [line.rstrip() for line in lines if line.strip()]
    return "\n".join(f"  {line}" for line in said[-_LAST_LINES:]) or "  nothing"


def _signal(process: asyncio.subprocess.Process | None, number: signal.Signals) -> None:
    if process is not None and process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(number)


def _signal_group(process: asyncio.subprocess.Process, number: signal.Signals) -> None:
    # The worker leads its own session, so its group is itself and its children.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)
