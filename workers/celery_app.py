"""What `celery -A workers.celery_app` loads: the app of `troupe_batch.worker`."""

from troupe_batch.worker.celery_app import app

__all__ = ["app"]
