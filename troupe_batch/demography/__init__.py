"""Demography or prose made into a strict population file, with a report of every repair and omission."""

from troupe_batch.demography.compiling import Compiled, compile_demography
from troupe_batch.demography.draft import Choices, Overlaps
from troupe_batch.demography.proposal import Proposal, SourceText, Wanted, read_proposal
from troupe_batch.demography.report import CompilingReport, Entry, ValueOutcome

__all__ = [
    "Choices",
    "Compiled",
    "CompilingReport",
    "Entry",
    "Overlaps",
    "Proposal",
    "SourceText",
    "ValueOutcome",
    "Wanted",
    "compile_demography",
    "read_proposal",
]
