"""`troupe flower`: Celery's dashboard for this fleet."""

from __future__ import annotations

import os
from pathlib import Path

import click

from troupe_batch.cli.options import read_settings, settings_options
from troupe_batch.cli.output import say
from troupe_batch.dispatch.embedded_redis import EmbeddedRedis
from troupe_batch.dispatch.flower import FlowerSettings, flower_command, state_file
from troupe_batch.trust import python_environment
from troupe_batch.wiring.queues import EMBEDDED


@click.command("flower")
@click.option("--address", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=5555, show_default=True, help="Port to listen on.")
@settings_options
def command(*, address: str, port: int, config_file: Path | None, assignments: tuple[str, ...]) -> None:
    r"""Watch workers and shards in a browser.

    Set FLOWER_USER and FLOWER_PASSWORD for a password; beyond this machine it is required.

    \b
    Example:
      troupe flower --port 5555      then open http://127.0.0.1:5555 while a job runs in this folder
    """
    settings = read_settings(config_file, assignments)
    state = Path(settings.storage.state_folder)
    chosen = FlowerSettings(
        state_file(state, os.environ),
        address,
        port,
        user=os.environ.get("FLOWER_USER"),
        password=os.environ.get("FLOWER_PASSWORD"),
    )
    words, extra = flower_command(chosen)
    if settings.redis.broker_url == EMBEDDED:
        redis = EmbeddedRedis(state)
        redis.__enter__()  # never left: Flower inherits the lock that keeps the server in use
        os.set_inheritable(redis.use_lock, True)
        settings = settings.with_values("started by this command", redis__broker_url=redis.url)
    say(f"Flower listens at http://{address}:{port} (Ctrl-C ends it)")
    environment = python_environment({**os.environ, **settings.as_environment(), **extra})
    os.umask(0o077)  # for its state file
    # This process becomes Flower: whoever ends it ends Flower, and no child is left behind.
    os.execve(words[0], words, environment)  # noqa: S606 (no shell is wanted)
