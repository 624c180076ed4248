"""What a run leaves behind: table schemas, the store, the ledger of committed shards, the dataset and its recount."""

from troupe_batch.results.dataset import Dataset
from troupe_batch.results.extractor import extract
from troupe_batch.results.freezing import freeze, load_plan
from troupe_batch.results.ledger import CommitRecord, StopMark
from troupe_batch.results.manifest import Manifest
from troupe_batch.results.outcome import RunOutcome, RunState
from troupe_batch.results.recount import Problem
from troupe_batch.results.run import Run
from troupe_batch.results.store import RunStore
from troupe_batch.results.table import Table
from troupe_batch.results.tables import TABLES
from troupe_batch.results.verify import Verification, verify

__all__ = [
    "TABLES",
    "CommitRecord",
    "Dataset",
    "Manifest",
    "Problem",
    "Run",
    "RunOutcome",
    "RunState",
    "RunStore",
    "StopMark",
    "Table",
    "Verification",
    "extract",
    "freeze",
    "load_plan",
    "verify",
]
