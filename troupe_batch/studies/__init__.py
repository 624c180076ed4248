"""Studies: what people are put through, one unit at a time, as surveys, interviews, worlds, or in Python."""

from troupe_batch.lazy_door import lazy_door

__getattr__, __dir__ = lazy_door(__name__, __file__)
