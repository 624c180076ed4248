"""A project folder of its own for each test, and rehearsal servers that outlive the commands that use them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.acceptance.project import Project
from troupe_batch.rehearsal import RehearsalConfig, RehearsalProcess, parse_faults

StartRehearsal = Callable[..., RehearsalProcess]


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """A fresh project folder; every command that was started in it is ended."""
    folder = tmp_path / "project"
    folder.mkdir()
    made = Project(folder)
    yield made
    made.close()


@pytest.fixture
def rehearsal(tmp_path: Path) -> Iterator[StartRehearsal]:
    """Starts rehearsal servers with a latency and faults; their stats outlive the run."""
    with ExitStack() as servers:

        def start(*faults: str, latency_ms: float = 0.0) -> RehearsalProcess:
            config = RehearsalConfig(latency_ms=latency_ms, faults=parse_faults(faults), retry_after_ms=100)
            return servers.enter_context(RehearsalProcess(config, tmp_path / "rehearsal.log"))

        yield start
