"""A project folder in which a test works as a user does: the `troupe` command, jobs of any size, and what is left."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import psutil
import pytest
import yaml

from tests.patience import HANG_S
from troupe_batch.cli.main import run_command

PROJECT = Path(__file__).resolve().parents[2]
_LOOK_EVERY_S = 0.02

QUESTIONS = [
    {"id": "likely", "type": "rating", "text": "How likely are you to buy it?", "labels": ["no", "perhaps", "yes"]},
    {"id": "reason", "type": "single", "text": "Why?", "options": ["price", "taste", "habit"]},
]
# What says how an answer came about and not what it is.
_CIRCUMSTANCES = ["run_id", "cache", "reason"]


@dataclass(frozen=True)
class Done:
    """A command that has ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class Command:
    """A `troupe` command under way."""

    def __init__(self, folder: Path, number: int, arguments: tuple[str, ...], environment: dict[str, str]) -> None:
        self.out = (folder / f"out{number}.txt").open("w+")
        self.err = (folder / f"err{number}.txt").open("w+")
        # As the `troupe` script does: without a place in the working folder to look for modules.
        words = [sys.executable, "-P", "-m", "troupe_batch.cli", *arguments]
        self.process = subprocess.Popen(
            words, cwd=folder, stdout=self.out, stderr=self.err, env=environment, start_new_session=True
        )

    @property
    def is_running(self) -> bool:
        return self.process.poll() is None

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def wait(self) -> Done:
        self.process.wait(timeout=HANG_S)
        for stream in (self.out, self.err):
            stream.seek(0)
        return Done(self.process.returncode, self.out.read(), self.err.read())

    def look(self) -> None:
        """Waits for an instant, or until the command ends."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(timeout=_LOOK_EVERY_S)

    def descendants(self, *words: str) -> list[psutil.Process]:
        """Live descendants whose command line holds all the words, parents before their children."""
        try:
            family = psutil.Process(self.process.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            return []
        return [process for process in family if _is_alive(process, words)]

    def close(self) -> None:
        """Ends the command and all that it started."""
        family = self.descendants()
        if self.is_running:
            self.process.kill()
            self.process.wait()
        for process in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        self.out.close()
        self.err.close()


class Project:
    """A folder in which a user works."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.commands: list[Command] = []
        shutil.copytree(PROJECT / "jobs", folder / "jobs")
        shutil.copytree(PROJECT / "populations", folder / "populations")

    def troupe(self, *arguments: str, **environment: str) -> Done:
        return self.start(*arguments, **environment).wait()

    def here(self, *arguments: str) -> int:
        """The exit code of the command in this process: quicker, for what is a means and not itself under test."""
        with contextlib.chdir(self.folder):
            return run_command(list(arguments))

    def verify(self, run_id: str) -> int:
        """0 where the dataset is sound and complete."""
        return self.here("verify", run_id)

    def start(self, *arguments: str, **environment: str) -> Command:
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("TROUPE_", "OPENAI_", "AZURE_"))}
        together = {**clean, "PYTHONPATH": str(PROJECT), **environment}
        command = Command(self.folder, len(self.commands), arguments, together)
        self.commands.append(command)
        return command

    def write_job(self, name: str, **changes: Any) -> str:
        """A small job file; returns its path as the user would type it."""
        job = {
            "schema": "troupe_batch/job/1",
            "id": name,
            "population": "../populations/us_adults.yaml",
            "people": 60,
            "units_per_shard": 10,
            "study": {"kind": "survey", "asking": "question", "questions": QUESTIONS},
            "model": {"name": "gpt-4o-mini", "temperature": 1.0, "max_completion_tokens": 200},
            **changes,
        }
        path = self.folder / "jobs" / f"{name}.yaml"
        path.write_text(yaml.safe_dump(job, sort_keys=False), encoding="utf-8")
        return f"jobs/{name}.yaml"

    def committed(self, run_id: str) -> int:
        """How many shards have a mark."""
        return len(list((self.folder / "runs" / run_id / "ledger").glob("*.json")))

    def table(self, run_id: str, table: str) -> pd.DataFrame:
        return pd.read_parquet(self.folder / "runs" / run_id / "dataset" / table)

    def answers(self, run_id: str) -> pd.DataFrame:
        """What was answered, whatever the circumstances."""
        return self.table(run_id, "answers").drop(columns=_CIRCUMSTANCES)

    def wait_for(self, what: str, is_there: Callable[[], object], command: Command | None = None) -> None:
        """Looks until it is there; fails with the talk of the command when that ends first or it takes long."""
        command = command or self.commands[-1]
        ends_at = time.monotonic() + HANG_S
        while not is_there():
            command.look()
            if time.monotonic() > ends_at or not command.is_running:
                command.err.seek(0)
                pytest.fail(f"no {what}; exit code {command.process.poll()}; {command.err.read()[-2000:]}")

    def redis_server(self) -> psutil.Process:
        """The private server of this folder."""
        return psutil.Process(int((self.folder / ".troupe" / "redis" / "server.pid").read_text()))

    def processes(self) -> list[psutil.Process]:
        """All that runs in this folder, detached processes too."""
        return [process for process in psutil.process_iter() if self._is_here(process)]

    def close(self) -> None:
        """Ends everything that was started here, the private server last."""
        for command in self.commands:
            command.close()
        _, left = psutil.wait_procs(self.processes(), timeout=HANG_S)
        for process in left:
            process.kill()

    def _is_here(self, process: psutil.Process) -> bool:
        try:
            place = Path(process.cwd())
            return place.is_relative_to(self.folder) and process.status() != psutil.STATUS_ZOMBIE
        except psutil.Error:
            return False


def until(what: str, holds: Callable[[], object], within_s: float = HANG_S) -> None:
    """Looks until it holds, where there is no command to watch meanwhile."""
    ends_at = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < ends_at, f"not within {within_s} s: {what}"
        threading.Event().wait(_LOOK_EVERY_S)


def _is_alive(process: psutil.Process, words: tuple[str, ...]) -> bool:
    try:
        line = " ".join(process.cmdline())
        return process.status() != psutil.STATUS_ZOMBIE and all(word in line for word in words)
    except psutil.Error:
        return False
