"""The report on a population: what is drawn from its file, against what the file says."""

from troupe_batch.report.population.data import PopulationReport
from troupe_batch.report.population.look import look_at

__all__ = ["PopulationReport", "look_at"]
