"""Large populations of simulated people, run through surveys, interviews and focus groups, delivered as Parquet."""

from troupe_batch.lazy_door import lazy_door

__version__ = "0.1.0"

__getattr__, __dir__ = lazy_door(__name__, __file__)
