"""Runs of other designs than a plain random sample: oversampled strata, replicates, copies of records."""

from __future__ import annotations

import asyncio
from typing import Any

from tests.doubles.runs import ENDPOINT, AnsweringModel, memory_store
from troupe_batch.dispatch.inline import run_inline
from troupe_batch.factory import TinyPersonFactory
from troupe_batch.planning.job import JobSpec
from troupe_batch.planning.loading import Job
from troupe_batch.planning.plan import make_plan
from troupe_batch.planning.units import FactsOnDemand
from troupe_batch.population import Population, PopulationSpec
from troupe_batch.results.contents import Contents
from troupe_batch.results.dataset import Dataset
from troupe_batch.results.run import Run
from troupe_batch.studies.study import ExtractionInfo, QuestionInfo, StudyDesign

QUESTION = {"id": "liking", "type": "rating", "text": "How much?", "labels": ["Low", "Mid", "High"]}
_REGION = {
    "type": "categorical",
    "values": {"North": 0.9, "South": 0.1},
    "source": "assumption: a test",
}
STRATA: dict[str, Any] = {"strata": {"by": ["region"], "allocation": "equal"}}


def drawn_run(*, people: int = 40, population: dict[str, Any] | None = None, **job: Any) -> Run:
    """A run of people who are drawn from a population, with strata unless it says otherwise."""
    spec = PopulationSpec.model_validate(
        {"schema": "troupe_batch/population/1", "id": "regions", "size": people, "dimensions": {"region": _REGION}}
        | (STRATA if population is None else population)
    )
    content = {"id": "design", "study": {"questions": [QUESTION]}, "population": spec, "units_per_shard": 7} | job
    made = JobSpec.model_validate(content)
    planned = make_plan(Job(made, spec, "design.yaml", "id: design"), endpoint=ENDPOINT)
    drawn = Population(spec)
    return Run(planned, planned.study, TinyPersonFactory(drawn), memory_store("design"), FactsOnDemand(lambda: drawn))


def ran(run: Run, model: AnsweringModel | None = None) -> Dataset:
    """The dataset of a run."""
    asyncio.run(run_inline(run, model=model or AnsweringModel(), concurrency=2))
    return Dataset(run.store)


def weighted_dataset() -> Dataset:
    """Of 40 people half are of the South, where a tenth of the population lives."""
    return ran(drawn_run())


def contents_of(
    questions: tuple[QuestionInfo, ...],
    extractions: tuple[ExtractionInfo, ...] = (),
    *,
    seat_names: tuple[str | None, ...] = (None,),
    has_events: bool = False,
    may_be_quiet: bool = False,
) -> Contents:
    """The contents of a run whose study states these questions, findings and seats."""
    design = StudyDesign(questions, calls_per_unit=1, seat_names=seat_names, extractions=extractions)
    return Contents(design, has_events=has_events, may_be_quiet=may_be_quiet)
