"""Results as people read them, always labelled as simulated."""

from troupe_batch.report.console import question, results

__all__ = ["question", "results"]
