"""From a job file to a frozen plan of units and shards, and to what it will cost; pure but for reading files."""

from troupe_batch.planning.estimate import Estimate, estimate
from troupe_batch.planning.job import BudgetSpec, JobSpec, ModelSpec, RehearsalSpec, job_json_schema
from troupe_batch.planning.loading import Job, load_job, parse_job, resolve_job
from troupe_batch.planning.plan import Plan, differences, make_plan

__all__ = [
    "BudgetSpec",
    "Estimate",
    "Job",
    "JobSpec",
    "ModelSpec",
    "Plan",
    "RehearsalSpec",
    "differences",
    "estimate",
    "job_json_schema",
    "load_job",
    "make_plan",
    "parse_job",
    "resolve_job",
]
