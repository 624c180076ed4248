"""From the facts of a population to people, with prose about them written by a model where the file asks for it."""

from troupe_batch.factory.commission import Commission, commission_of
from troupe_batch.factory.enrichment import Asking, Enriched, EnrichStatus, enrichment_prompt, prompt_digests
from troupe_batch.factory.factory import TinyPersonFactory

__all__ = [
    "Asking",
    "Commission",
    "EnrichStatus",
    "Enriched",
    "TinyPersonFactory",
    "commission_of",
    "enrichment_prompt",
    "prompt_digests",
]
