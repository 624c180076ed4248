"""Populations: from a file to the facts of N people, with exact quotas, sourced shares, any person computable alone."""

from troupe_batch.lazy_door import lazy_door

__getattr__, __dir__ = lazy_door(__name__, __file__)
