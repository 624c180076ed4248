"""Interview study: a scripted conversation with each person, with typed questions and follow-ups."""

from troupe_batch.lazy_door import lazy_door

__getattr__, __dir__ = lazy_door(__name__, __file__)
