"""Survey study: an instrument, the order in which it is shown, the prompts, and the reading of replies."""

from troupe_batch.lazy_door import lazy_door

__getattr__, __dir__ = lazy_door(__name__, __file__)
