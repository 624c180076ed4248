"""What was measured, and the page that says so."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import psutil

import troupe_batch

_LIBRARIES = ("openai", "aiohttp", "uvloop", "celery", "redis", "pyarrow", "pydantic", "orjson")

_HEAD = """\
# Benchmarks

Written by `make bench` (tests/benchmarks); not edited by hand. CPU seconds are those of all worker processes together,
the Celery main process included, from the first hint to the finished Parquet dataset, after warm-up runs on the same
workers. Everything is on: real Redis, real Celery prefork workers (two), cache, single flight, cost cap, records of
every call. The model is the rehearsal server; it and Redis share the machine's cores with the workers.

The *bare loop* is a plain asyncio loop over the typed `chat.completions.create` of the openai SDK on its aiohttp
transport, in a process of its own: the same prompts, the same server, measured in the same run; it keeps no cache, no
records and no files. A ratio below 1 means that the whole pipeline takes less than the bare loop. *Whole command, all
processes* is `troupe run` from its start to its end: what it and its workers import and compile, plan, ask and write is
in it, the rehearsal server and Redis are not; of the bare loop its calls alone are counted, as everywhere.
"""


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the page. `ratio` is to the bare loop, None where there is nothing to compare with."""

    what: str
    asked: str
    measured: str
    ratio: float | None = None
    note: str = ""


@dataclass
class Page:
    """The figures of one run, written once all are there."""

    started: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="minutes"))
    load: tuple[float, float, float] = field(default_factory=os.getloadavg)
    figures: list[Figure] = field(default_factory=list)

    def add(self, figure: Figure) -> None:
        """Keeps the figure and shows it."""
        self.figures.append(figure)
        print(f"\n{figure.what}: {figure.measured} (asked: {figure.asked}) {figure.note}")  # noqa: T201 -- a benchmark talks

    def write(self, path: Path) -> None:
        """The page as Markdown."""
        lines = ["| figure | asked | measured | ratio to the bare loop |", "|---|---|---|---|"]
        for figure in self.figures:
            ratio = "" if figure.ratio is None else f"{figure.ratio:.2f}"
            lines.append(f"| {figure.what} | {figure.asked} | {figure.measured} | {ratio} |")
        notes = [f"- {figure.what}: {figure.note}" for figure in self.figures if figure.note]
        parts = [_HEAD, "\n".join(lines), "\n".join(notes), "\n".join(self._conditions())]
        path.write_text("\n\n".join(part.strip() for part in parts) + "\n", encoding="utf-8")

    def _conditions(self) -> list[str]:
        libraries = ", ".join(f"{name} {version(name)}" for name in _LIBRARIES)
        memory_gb = psutil.virtual_memory().total / 1e9
        load = ", ".join(f"{number:.1f}" for number in self.load)
        return [
            f"- When: {self.started}; load average at the start {load}, at the end {os.getloadavg()[0]:.1f}.",
            f"- Machine: {_processor()}, {os.cpu_count()} cores, {memory_gb:.0f} GB, {platform.system()}.",
            f"- Versions: troupe_batch {troupe_batch.__version__}, Python {platform.python_version()}, {libraries}.",
        ]


def listed(values: Sequence[float], form: str = ".3f") -> str:
    """The values in their order, for a note."""
    return ", ".join(format(value, form) for value in values)


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.is_file():
        names = [line.partition(":")[2].strip() for line in info.read_text().splitlines() if "model name" in line]
        if names:
            return names[0]
    return platform.processor() or platform.machine()
