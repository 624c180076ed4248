"""What a plan expects of the prefix cache, what a rehearsed run then counts, and what is said of it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.patience import HANG_S
from troupe_batch.api import Result, RunOptions, resolved, run_job
from troupe_batch.llm.spending import Spending
from troupe_batch.planning import Estimate, JobSpec
from troupe_batch.population import PopulationSpec
from troupe_batch.settings import Settings, load_settings
from troupe_batch.use_cases.plans import plan_estimate, prepare_job
from troupe_batch.use_cases.standing import standing

LONG = "The soup is cold, it is red, it is made of tomatoes, and it is sold in a carton of one litre. " * 45
QUESTIONS: list[dict[str, Any]] = [
    {"id": "taste", "type": "rating", "text": "How do you like it?", "labels": ["Badly", "So so", "Well"]},
    {"id": "why", "type": "open", "text": "Why?", "words": 10},
]


@dataclass
class Rehearsed:
    """A run, and what its plan had expected."""

    planned: Estimate
    result: Result
    settings: Settings

    @property
    def spending(self) -> Spending:
        return self.result.manifest.spending

    @property
    def shares(self) -> tuple[float, float]:
        """Of the prompt tokens, how many were read and how many written."""
        spent = self.spending
        return spent.cached_tokens / spent.prompt_tokens, spent.cache_write_tokens / spent.prompt_tokens

    async def said(self) -> str | None:
        """What `troupe status RUN` says."""
        found = await standing(self.settings, self.result.outcome.run_id, is_alone=True)
        assert found is not None
        return found.prefix_cache


async def rehearsed(folder: Path, introduction: str, people: int = 120, **options: str) -> Rehearsed:
    settings = load_settings(
        environment={
            "TROUPE_STORAGE_URL": str(folder / "runs"),
            "TROUPE_STORAGE_STATE_FOLDER": str(folder / "state"),
            "TROUPE_REHEARSAL_LATENCY_MS": "20",
            **options,
        }
    )
    population = {
        "schema": "troupe_batch/population/1",
        "id": "hundreds",
        "size": people,
        "dimensions": {"region": {"type": "categorical", "values": {"North": 0.5, "South": 0.5}, "source": "invented"}},
        "sources": [],
    }
    arms = [{"id": name, "material": f"Concept {name}."} for name in ("a", "b")]
    study = {"kind": "survey", "introduction": introduction, "questions": QUESTIONS, "asking": "question", "arms": arms}
    job = resolved(JobSpec(id="soup", population=PopulationSpec(**population), people=people, study=study))
    prepared = prepare_job(settings, job, rehearse=True)
    planned = plan_estimate(settings, prepared.plan, prepared.supplies)
    async with asyncio.timeout(HANG_S):
        result = await run_job(job, RunOptions(rehearse=True, inline=True), settings)
    return Rehearsed(planned, result, settings)


async def test_a_run_reads_and_writes_what_its_plan_expects(tmp_path: Path) -> None:
    run = await rehearsed(tmp_path, LONG)

    read, written = run.shares
    assert run.result.is_complete
    assert run.planned.cacheable_share > 0.7
    assert read == pytest.approx(run.planned.cacheable_share, abs=0.05)
    assert written == pytest.approx(run.planned.cache_write_share, abs=0.01)
    assert run.spending.cost_usd < 0.8 * (run.planned.cost_usd or 0)
    said = await run.said()
    assert said is not None
    assert said.startswith(f"{read:.0%} of the prompt tokens read, ")
    assert ":" not in said


async def test_a_run_of_an_older_model_does_so_by_the_older_rule(tmp_path: Path) -> None:
    run = await rehearsed(tmp_path, LONG, TROUPE_OPENAI_MODEL="gpt-4o-mini")

    read, written = run.shares
    assert written == run.planned.cache_write_tokens == 0
    assert read == pytest.approx(run.planned.cacheable_share, abs=0.06)


async def test_a_run_that_reads_nothing_says_why(tmp_path: Path) -> None:
    short = await rehearsed(tmp_path / "short", "About soup.", people=20)
    implicit = await rehearsed(tmp_path / "implicit", LONG, people=20, TROUPE_OPENAI_PREFIX_CACHE="implicit")
    told_nothing = await rehearsed(tmp_path / "none", LONG, people=20, TROUPE_OPENAI_PREFIX_CACHE="none")

    assert "too short to be cached" in (await short.said() or "")
    assert "1,024" in (await short.said() or "")
    assert short.spending.cache_write_tokens == 0
    assert "written as a whole" in (await implicit.said() or "")
    assert implicit.planned.most_usd == implicit.planned.cost_with_prefix_cache_usd
    assert implicit.spending.cost_usd > (implicit.planned.cost_usd or 0)
    assert "set OpenAI.PREFIX_CACHE = breakpoints" in (await told_nothing.said() or "")
