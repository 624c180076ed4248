"""From a job file to a frozen plan of units and shards, and to what it will cost; pure but for reading files."""

from troupe_batch.lazy_door import lazy_door

__getattr__, __dir__ = lazy_door(__name__, __file__)
