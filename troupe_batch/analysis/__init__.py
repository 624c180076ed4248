"""Pure functions on stored tables: what was answered, and how much of it is noise of the simulation."""

from troupe_batch.lazy_door import lazy_door

__getattr__, __dir__ = lazy_door(__name__, __file__)
