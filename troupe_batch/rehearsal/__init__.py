"""Offline server that speaks the OpenAI API, with made-up respondents whose true behaviour is known."""

from troupe_batch.lazy_door import lazy_door

__getattr__, __dir__ = lazy_door(__name__, __file__)
