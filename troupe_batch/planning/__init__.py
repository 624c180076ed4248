"""Plans: a job file becomes frozen units and shards, and what they will cost; pure but for reading files."""

from troupe_batch.lazy_door import lazy_door

__getattr__, __dir__ = lazy_door(__name__, __file__)
