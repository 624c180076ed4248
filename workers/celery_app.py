"""What `celery -A workers.celery_app` loads: the app with this installation's settings. Nothing connects at import."""

from __future__ import annotations

from troupe_batch.dispatch.celery_queue import make_app
from troupe_batch.wiring.workers import runtime_maker, worker_settings
from workers.tasks import register

settings = worker_settings()
app = register(make_app(settings.queue), settings, runtime_maker())
