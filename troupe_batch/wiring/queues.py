"""Queues of a fleet, by the settings of this process."""

from __future__ import annotations

from troupe_batch.dispatch.fleet import QueueSettings
from troupe_batch.errors import SettingsError
from troupe_batch.redis_address import with_ca_file
from troupe_batch.settings import Settings

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
