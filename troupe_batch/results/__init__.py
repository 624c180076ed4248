"""Results of a run: table schemas, the store, the ledger of committed shards, the dataset and its recount."""

from troupe_batch.lazy_door import lazy_door

__getattr__, __dir__ = lazy_door(__name__, __file__)
