"""Study in Python: an async function of the user's, awaited once for each unit."""

from troupe_batch.lazy_door import lazy_door

__getattr__, __dir__ = lazy_door(__name__, __file__)
