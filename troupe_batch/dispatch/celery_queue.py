"""Celery as the carrier of hints: an app with every setting said out loud, and the publisher of messages.

Why each setting has its value is measured and explained in `docs/fleet.md`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import Any

# Celery looks for its loader in the working folder first, unless it is there already.
import celery.loaders.app  # noqa: F401
from celery import Celery
from kombu import Queue
from kombu.exceptions import OperationalError
from kombu.transport import TRANSPORT_ALIASES
from kombu.transport import redis as transport
from kombu.transport.virtual import Message
from redis.exceptions import RedisError

from troupe_batch.dispatch.fleet import QueueSettings
from troupe_batch.dispatch.redis_client import broker_url
from troupe_batch.dispatch.worker_runtime import RunFacts
from troupe_batch.errors import StateUnreachable
from troupe_batch.redis_address import redis_address

RUN_SHARD = "troupe.run_shard"
EXTRACT = "troupe.extract"
TEND = "troupe.tend"

BROKER_OUTAGE = (OperationalError, RedisError, OSError)
"""What a broker that is silent, cut off or unwilling looks like, whichever layer notices it first."""

_LONGEST_HINT = 64 * 1024
_LOG = logging.getLogger(__name__)


class _Hint(Message):
    """A message as we send it: small, and never compressed. ValueError for any other."""

    def __init__(self, payload: Any, channel: Any = None, **options: Any) -> None:
        if payload["headers"].get("compression") or len(payload["body"]) > _LONGEST_HINT:
            raise ValueError("it is compressed, or longer than a hint can be")
        super().__init__(payload, channel=channel, **options)


class _Channel(transport.Channel):
    """Drops what is no message: whoever can write to Redis must not be able to end a worker, or fill its memory."""

    Message = _Hint

    def _brpop_read(self, **options: Any) -> Any:
        try:
            return super()._brpop_read(**options)  # type: ignore[misc]  # kombu's stubs leave it out
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            facts = {"action": "message_dropped", "error": type(error).__name__}
            _LOG.warning("A message in the queue is no hint and is dropped", extra=facts)
            return True


class HintTransport(transport.Transport):
    """Kombu's transport over Redis, for queues that others may have written to."""

    Channel = _Channel


def make_app(settings: QueueSettings) -> Celery:
    """A Celery app on this broker; it knows the queues but no task, and connects to nothing yet."""
    # By scheme, and not as a transport of its own: Flower tells brokers by the scheme of their URLs.
    for scheme in ("redis", "rediss", "redis+socket"):
        TRANSPORT_ALIASES[scheme] = f"{__name__}:{HintTransport.__name__}"
    # Without fixups: the one for Django looks for settings in the working folder.
    app = Celery("troupe_batch", set_as_current=False, fixups=[])
    fleet = settings.fleet
    app.conf.update(
        broker_url=broker_url(settings.redis_url),
        # Kombu and Flower verify nothing unless they are told to.
        broker_use_ssl=redis_address(settings.redis_url).tls or None,
        task_serializer="json",
        result_serializer="json",
        accept_content=["json"],
        task_ignore_result=True,
        result_backend=None,
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        worker_prefetch_multiplier=1,
        worker_disable_prefetch=True,
        task_soft_time_limit=settings.shard_limit_s,
        task_time_limit=settings.kill_after_s,
        worker_max_memory_per_child=settings.max_memory_per_child_mb * 1024,
        worker_cancel_long_running_tasks_on_connection_loss=False,
        worker_soft_shutdown_timeout=settings.soft_shutdown_s,
        worker_enable_soft_shutdown_on_idle=False,
        worker_hijack_root_logger=True,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_pool_acquire_timeout=60,
        task_publish_retry_policy={"max_retries": 20, "interval_start": 0, "interval_step": 0.2, "interval_max": 3},
        worker_send_task_events=True,
        task_send_sent_event=False,  # a hint that got lost would stand in Flower for ever
        task_queues=[Queue(fleet.shards_queue), Queue(fleet.extract_queue)],
        task_default_queue=fleet.shards_queue,
        task_create_missing_queues=False,
        task_routes={
            RUN_SHARD: {"queue": fleet.shards_queue},
            EXTRACT: {"queue": fleet.extract_queue},
            TEND: {"queue": fleet.extract_queue},
        },
        broker_transport_options={
            "visibility_timeout": settings.visibility_s,
            "unacked_restore_interval": 10,
            "unacked_restore_throttle": 1,
            "socket_keepalive": True,
            "health_check_interval": 25,
            "socket_timeout": settings.silence_s,
            "global_keyprefix": settings.root,
            "client_name": "troupe",
        },
    )
    return app


class HintQueue:
    """Sends hints through Celery. Messages carry ids only; their readable form is for Flower."""

    def __init__(self, app: Celery) -> None:
        self._app = app

    async def send_shards(self, run_id: str, shards: Sequence[int], facts: RunFacts) -> None:
        """One message for each shard; raises StateUnreachable when the broker stays away."""
        await asyncio.to_thread(self.publish, run_id, shards, facts)

    async def send_extract(self, run_id: str) -> None:
        """A message to turn marked shards into the dataset."""
        await asyncio.to_thread(self._send, EXTRACT, [({"run_id": run_id}, f"run={run_id}")])

    def send_tend(self) -> None:
        """A message to look after all open runs."""
        self._send(TEND, [({}, "open runs")])

    def publish(self, run_id: str, shards: Sequence[int], facts: RunFacts) -> None:
        """The same as `send_shards`, from a thread that may wait."""
        labelled = [({"run_id": run_id, "shard": shard}, label_of(run_id, shard, facts)) for shard in shards]
        self._send(RUN_SHARD, labelled)

    def discard(self) -> int:
        """Removes what is queued and the queues themselves; says how many messages that were."""
        removed = 0
        with self._app.connection_for_write() as connection, connection.channel() as channel:
            for queue in self._app.conf.task_queues:
                bound = queue.bind(channel)
                removed += bound.purge() or 0
                bound.delete()
        return removed

    def _send(self, task: str, messages: Sequence[tuple[Mapping[str, object], str]]) -> None:
        try:
            with self._app.producer_or_acquire() as producer:
                for arguments, label in messages:
                    self._app.send_task(
                        task, kwargs=dict(arguments), argsrepr="()", kwargsrepr=label, producer=producer
                    )
        except BROKER_OUTAGE as error:
            raise StateUnreachable(f"the broker did not take a message: {error}") from error


def label_of(run_id: str, shard: int, facts: RunFacts) -> str:
    """How Flower shows a shard, counted from 1: `run=gazpacho shard=3/40 units=600..799`.

    The run first: Flower cuts the line off at its end.
    """
    units = facts.units_of(shard)
    return f"run={run_id} shard={shard + 1}/{facts.shards} units={units.start}..{units.stop - 1}"
