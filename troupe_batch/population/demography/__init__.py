"""From a TinyTroupe demography to a strict population file, with a report of every repair and omission."""

from troupe_batch.population.demography.compiling import Compiled, compile_demography
from troupe_batch.population.demography.draft import Choices, Overlaps
from troupe_batch.population.demography.report import Entry, Outcome, Report

__all__ = ["Choices", "Compiled", "Entry", "Outcome", "Overlaps", "Report", "compile_demography"]
