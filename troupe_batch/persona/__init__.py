"""Personas and fragments: who someone is, in files that TinyTroupe reads and writes too, and as text for a prompt."""

from troupe_batch.lazy_door import lazy_door

__getattr__, __dir__ = lazy_door(__name__, __file__)
