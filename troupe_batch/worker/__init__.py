"""Entry point of a worker process: `python -P -m troupe_batch.worker worker`; nothing else imports it."""
