"""`troupe worker`: workers of a fleet on this machine."""

from __future__ import annotations

import os
from pathlib import Path

import click

from troupe_batch.cli.options import read_settings, settings_options
from troupe_batch.cli.output import say
from troupe_batch.dispatch.worker_processes import LEAN_MEMORY, WorkerCommand
from troupe_batch.errors import SettingsError
from troupe_batch.trust import python_environment
from troupe_batch.wiring.queues import EMBEDDED, queue_settings


@click.command("worker")
@click.option("--processes", type=int, help="Shards at a time, each in a process; default: one per core.")
@click.option("--name", default="troupe", show_default=True, help="Name in Flower; several may share it.")
@settings_options
def command(*, processes: int | None, name: str, config_file: Path | None, assignments: tuple[str, ...]) -> None:
    r"""Start a worker that takes shards from the queue until it is told to stop (Ctrl-C or SIGTERM).

    Every worker of a fleet needs the same Redis.BROKER_URL, Redis.CACHE_URL and Storage.URL, and the keys of the
    model in its environment.

    \b
    Example:
      troupe worker --processes 4 --set Redis.BROKER_URL=redis://broker:6379/0 --set Storage.URL=s3://bucket/runs
    """
    settings = read_settings(config_file, assignments, celery__processes=processes)
    for option in settings.untrusted:
        settings.check_trusted(option)
    if settings.redis.broker_url == EMBEDDED:
        raise SettingsError(
            "a worker of its own needs a Redis that others reach too: set Redis.BROKER_URL; "
            "for a job on this machine alone use `troupe run`"
        )
    worker = WorkerCommand(
        queue_settings(settings).fleet,
        settings.celery.processes or os.cpu_count() or 1,
        name=name,
        log_level=settings.logging.loglevel,
    )
    say(f"worker {name}: {worker.concurrency} shards at a time")
    environment = python_environment({**LEAN_MEMORY, **os.environ, **settings.as_environment()})
    words = worker.arguments()
    # This process becomes the worker: signals reach it directly, also as process 1 of a container.
    os.execve(words[0], words, environment)  # noqa: S606 (no shell is wanted)
