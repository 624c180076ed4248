from troupe_batch.studies.world.runner import WorldStudy as WorldStudy
from troupe_batch.studies.world.seats import SeatSpec as SeatSpec
from troupe_batch.studies.world.spec import InterventionSpec as InterventionSpec
from troupe_batch.studies.world.spec import RelationSpec as RelationSpec
from troupe_batch.studies.world.spec import WorldLine as WorldLine
from troupe_batch.studies.world.spec import WorldSpec as WorldSpec
