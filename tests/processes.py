"""Processes that tests watch until they are gone."""

from __future__ import annotations

import psutil


def is_over(process: psutil.Process) -> bool:
    """Whether the process has ended, or is only waiting for its parent to hear of it."""
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:  # it went between the two questions
        return True
