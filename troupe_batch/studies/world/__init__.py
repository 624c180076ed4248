"""World study: many worlds of several people each, composed by rules, who act together over a number of steps."""

from troupe_batch.lazy_door import lazy_door

__getattr__, __dir__ = lazy_door(__name__, __file__)
