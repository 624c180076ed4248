"""Worker settings: what a worker process needs at its start, read from its own environment and config.ini."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable

from troupe_batch.dispatch.fleet import QueueSettings, WorkerSettings
from troupe_batch.errors import SettingsError
from troupe_batch.redis_address import with_ca_file
from troupe_batch.settings import Settings, load_settings
from troupe_batch.wiring.runtime import FleetRuntime

EMBEDDED = "embedded"


def queue_settings(settings: Settings) -> QueueSettings:
    """Where this fleet's broker and queues are; SettingsError where nobody has started the embedded server."""
    if settings.redis.broker_url == EMBEDDED:
        raise SettingsError(
            "Redis.BROKER_URL is `embedded`: only `troupe run` and `troupe worker` start that server; "
            "set it to the URL of the fleet's Redis, for example redis://broker:6379/0"
        )
    return QueueSettings(
        with_ca_file(settings.redis.broker_url, settings.redis.ca_file),
        queue_prefix=settings.celery.queue_prefix,
        shard_limit_s=settings.celery.shard_limit_s,
    )


def worker_settings() -> WorkerSettings:
    """The settings of this worker process."""
    settings = load_settings(environment=os.environ)
    return WorkerSettings(
        queue_settings(settings), lease_s=settings.celery.lease_s, attempt_cap=settings.celery.max_shard_attempts
    )


def runtime_maker() -> Callable[[], Awaitable[FleetRuntime]]:
    """Makes the runtime of a child process, on the loop that it will live on."""

    async def make() -> FleetRuntime:
        return FleetRuntime(load_settings(environment=os.environ))

    return make
