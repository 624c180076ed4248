"""Extraction: from what happened to typed rows, by a model that reads, or by rules."""

from troupe_batch.lazy_door import lazy_door

__getattr__, __dir__ = lazy_door(__name__, __file__)
