"""Pure functions on stored tables: what was answered, and how much of it is noise of the simulation."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from troupe_batch.analysis.absences import Absence, unwanted_absences
from troupe_batch.analysis.duplicates import Duplicates, Pair, near_duplicates
from troupe_batch.analysis.events import EventCount, EventTable, event_table
from troupe_batch.analysis.findings import FieldColumn, FindingColumn, FindingTable, finding_table, finding_tables
from troupe_batch.analysis.intervals import Interval, mean_interval, share_interval
from troupe_batch.analysis.prose import Prose, prose_of
from troupe_batch.analysis.tables import Column, Figures, QuestionTable, Share, question_table, question_tables

if TYPE_CHECKING:
    from troupe_batch.analysis.experiments import Comparison, ShareDifference, compare_arms

__all__ = [
    "Absence",
    "Column",
    "Comparison",
    "Duplicates",
    "EventCount",
    "EventTable",
    "FieldColumn",
    "Figures",
    "FindingColumn",
    "FindingTable",
    "Interval",
    "Pair",
    "Prose",
    "QuestionTable",
    "Share",
    "ShareDifference",
    "compare_arms",
    "event_table",
    "finding_table",
    "finding_tables",
    "mean_interval",
    "near_duplicates",
    "prose_of",
    "question_table",
    "question_tables",
    "share_interval",
    "unwanted_absences",
]

# Loaded when first used: they need pandas and scipy, which take seconds to import, and no table does.
_EXPERIMENTS = frozenset({"Comparison", "ShareDifference", "compare_arms"})


def __getattr__(name: str) -> Any:
    if name in _EXPERIMENTS:
        return getattr(import_module("troupe_batch.analysis.experiments"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
