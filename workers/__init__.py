"""Entry point of a worker process: `celery -A workers.celery_app worker`."""
