"""Entry point of a worker process."""
