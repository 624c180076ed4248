"""The simulated people themselves."""

from troupe_batch.simulation.person import TinyPerson

__all__ = ["TinyPerson"]
