"""For those who start Celery by hand from a checkout: `celery -A workers.celery_app worker`."""
