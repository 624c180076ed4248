"""Jobs from files and from Python, with the panels that they name."""

from __future__ import annotations

from pathlib import Path

from troupe_batch.planning import loading
from troupe_batch.planning.job import JobSpec
from troupe_batch.planning.loading import Job
from troupe_batch.results.panel import Panel


def load_job(path: Path) -> Job:
    """The job in a YAML or JSON file; SpecError names every mistake in it with line and cure."""
    return loading.load_job(path, panels=Panel.at)


def resolve_job(spec: JobSpec) -> Job:
    """The job of a spec that was built in Python; paths in it are relative to the current folder."""
    return loading.resolve_job(spec, panels=Panel.at)
