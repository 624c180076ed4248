"""Shards on their way to whoever runs them: this process, or Celery workers on one machine or many."""
