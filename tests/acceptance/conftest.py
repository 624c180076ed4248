"""A project folder of its own for each test, the `troupe` command in it, and jobs of any size."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml

PROJECT = Path(__file__).resolve().parents[2]
DEADLINE_S = 120.0

_QUESTIONS = [
    {"id": "likely", "type": "rating", "text": "How likely are you to buy it?", "labels": ["no", "perhaps", "yes"]},
    {"id": "reason", "type": "single", "text": "Why?", "options": ["price", "taste", "habit"]},
]


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
    """A `troupe` command under way; whatever happens, it and its descendants are gone after the test."""

    def __init__(self, folder: Path, arguments: tuple[str, ...], environment: dict[str, str]) -> None:
        self.out = (folder / "out.txt").open("w+")
        self.err = (folder / "err.txt").open("w+")
        words = [sys.executable, "-m", "troupe_batch.cli", *arguments]
        self.process = subprocess.Popen(
            words, cwd=folder, stdout=self.out, stderr=self.err, env=environment, start_new_session=True
        )

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def wait(self) -> Done:
        self.process.wait(timeout=DEADLINE_S)
        for stream in (self.out, self.err):
            stream.seek(0)
        return Done(self.process.returncode, self.out.read(), self.err.read())

    def descendants(self, *words: str) -> list[psutil.Process]:
        """Live descendants whose command line holds all the words."""
        found = []
        for process in psutil.Process(self.process.pid).children(recursive=True):
            try:
                line = " ".join(process.cmdline())
            except psutil.Error:
                continue
            if all(word in line for word in words) and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        return found


class Project:
    """A folder in which a user works."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.commands: list[Command] = []
        shutil.copytree(PROJECT / "jobs", folder / "jobs")
        shutil.copytree(PROJECT / "populations", folder / "populations")

    def troupe(self, *arguments: str, **environment: str) -> Done:
        return self.start(*arguments, **environment).wait()

    def start(self, *arguments: str, **environment: str) -> Command:
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("TROUPE_", "OPENAI_", "AZURE_"))}
        command = Command(self.folder, arguments, {**clean, "PYTHONPATH": str(PROJECT), **environment})
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
            "study": {"kind": "survey", "asking": "question", "questions": _QUESTIONS},
            "model": {"name": "gpt-4o-mini", "temperature": 1.0, "max_completion_tokens": 200},
            **changes,
        }
        path = self.folder / "jobs" / f"{name}.yaml"
        path.write_text(yaml.safe_dump(job, sort_keys=False), encoding="utf-8")
        return f"jobs/{name}.yaml"

    def committed(self, run_id: str) -> int:
        """How many shards have a mark."""
        return len(list((self.folder / "runs" / run_id / "ledger").glob("*.json")))

    def wait_for(self, what: str, is_there: Callable[[], bool]) -> None:
        """Looks until it is there; fails with the talk of the last command when that ends first or it takes long."""
        command = self.commands[-1]
        ends_at = time.monotonic() + DEADLINE_S
        while not is_there():
            with contextlib.suppress(subprocess.TimeoutExpired):
                command.process.wait(timeout=0.02)
            if time.monotonic() > ends_at or command.process.poll() is not None:
                command.err.seek(0)
                pytest.fail(f"no {what}; exit code {command.process.poll()}; {command.err.read()[-2000:]}")

    def close(self) -> None:
        for command in self.commands:
            if command.process.poll() is None:
                command.process.kill()
                command.process.wait()
            command.out.close()
            command.err.close()


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """A fresh project folder; every command that was started in it is ended."""
    folder = tmp_path / "project"
    folder.mkdir()
    made = Project(folder)
    yield made
    made.close()
