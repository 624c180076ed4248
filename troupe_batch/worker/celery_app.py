"""Celery app of a worker process, with this installation's settings. Nothing connects at import."""

from __future__ import annotations

import logging
from typing import Any

from celery.signals import after_setup_logger

from troupe_batch.dispatch.celery_queue import make_app
from troupe_batch.log_format import FactsFormatter, FoldsRepeats
from troupe_batch.wiring.runtime import runtime_maker, worker_settings
from troupe_batch.worker.tasks import register


def _show_facts(logger: logging.Logger, **_: Any) -> None:
    for handler in logger.handlers:
        handler.setFormatter(FactsFormatter())
        handler.addFilter(FoldsRepeats())
    # It has a line for every model call, which would cost more than 3 % of a worker's CPU time.
    logging.getLogger("httpx2").setLevel(logging.WARNING)


settings = worker_settings()
after_setup_logger.connect(_show_facts)
app = register(make_app(settings.queue), settings, runtime_maker())
