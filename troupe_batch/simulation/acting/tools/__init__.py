"""Tools that people work with: each brings actions of its own, and keeps what was made with it."""

from troupe_batch.lazy_door import lazy_door

__getattr__, __dir__ = lazy_door(__name__, __file__)
