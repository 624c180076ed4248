"""The world study: many worlds of several people each, composed by rules, who act together over a number of steps."""

from troupe_batch.studies.world.runner import WorldStudy
from troupe_batch.studies.world.seats import SeatSpec
from troupe_batch.studies.world.spec import InterventionSpec, RelationSpec, WorldLine, WorldSpec

__all__ = ["InterventionSpec", "RelationSpec", "SeatSpec", "WorldLine", "WorldSpec", "WorldStudy"]
