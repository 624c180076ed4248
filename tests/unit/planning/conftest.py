"""A small job and its plan."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from troupe_batch.llm.chat import Endpoint, Parameters
from troupe_batch.planning import JobSpec, Plan, make_plan, resolve_job
from troupe_batch.planning.acting import Acting
from troupe_batch.population import PopulationSpec

ENDPOINT = Endpoint("test", "gpt-4o-mini")
PROJECT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="session")
def jobs_folder() -> Path:
    return PROJECT / "jobs"


@pytest.fixture
def population() -> dict[str, Any]:
    return {
        "schema": "troupe_batch/population/1",
        "id": "hundred",
        "size": 100,
        "dimensions": {"region": {"type": "categorical", "values": {"North": 0.5, "South": 0.5}, "source": "invented"}},
        "sources": [],
    }


@pytest.fixture
def make(population: dict[str, Any]) -> Callable[..., Plan]:
    """A plan of a small job; keywords replace fields of the job, `study` fields of the study, `size` that of all."""

    def plan(
        study: dict[str, Any] | None = None,
        defaults: Parameters | None = None,
        cap_usd: float | None = None,
        endpoint: Endpoint = ENDPOINT,
        size: int = 100,
        acting: Acting | None = None,
        **fields: Any,
    ) -> Plan:
        questions = [{"id": "buy", "type": "rating", "text": "Buy?", "labels": ["A", "B", "C", "D", "E"]}]
        job = {
            "id": "small",
            "population": PopulationSpec(**{**population, "size": size}),
            "study": {"questions": questions, **(study or {})},
        }
        resolved = resolve_job(JobSpec(**{**job, **fields}))
        return make_plan(resolved, endpoint=endpoint, defaults=defaults, cap_usd=cap_usd, acting=acting)

    return plan
