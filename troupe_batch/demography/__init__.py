"""A demography or prose made into a strict population file, with a report of every repair and omission."""

from troupe_batch.demography.compiling import Compiled, compile_demography
from troupe_batch.demography.draft import Choices, Overlaps
from troupe_batch.demography.proposal import Proposal, Prose, Wanted, read_proposal
from troupe_batch.demography.report import Entry, Outcome, Report

__all__ = [
    "Choices",
    "Compiled",
    "Entry",
    "Outcome",
    "Overlaps",
    "Proposal",
    "Prose",
    "Report",
    "Wanted",
    "compile_demography",
    "read_proposal",
]
