"""Simulated people, the worlds they live in, and the means to watch and judge them."""

from troupe_batch.lazy_door import lazy_door

__getattr__, __dir__ = lazy_door(__name__, __file__)
