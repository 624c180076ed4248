"""People made from the facts of a population, with prose about them written by a model where the file asks for it."""

from troupe_batch.lazy_door import lazy_door

__getattr__, __dir__ = lazy_door(__name__, __file__)
