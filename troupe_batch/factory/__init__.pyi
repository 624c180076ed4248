from troupe_batch.factory.commission import Commission as Commission
from troupe_batch.factory.commission import commission_of as commission_of
from troupe_batch.factory.enrichment import Enriched as Enriched
from troupe_batch.factory.enrichment import EnrichStatus as EnrichStatus
from troupe_batch.factory.enrichment import ProseModel as ProseModel
from troupe_batch.factory.enrichment import enrichment_prompt as enrichment_prompt
from troupe_batch.factory.enrichment import prompt_digests as prompt_digests
from troupe_batch.factory.factory import TinyPersonFactory as TinyPersonFactory
