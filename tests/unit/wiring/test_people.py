"""What plans refer to by digest: panels and recollections, and what is made of the people of a panel."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from tests.doubles.panels import frozen, population
from tests.doubles.runs import commit_all, memory_store, new_run
from troupe_batch.errors import ResultsDamaged, SpecError
from troupe_batch.factory import TinyPersonFactory
from troupe_batch.planning import Job, JobSpec
from troupe_batch.planning.job import WaveMemory
from troupe_batch.planning.waves import WaveInfo
from troupe_batch.population import EnrichLevel, Population
from troupe_batch.results.extractor import extract
from troupe_batch.results.panel_writing import PanelMember, PanelWriter, Written
from troupe_batch.results.recollections import Earlier, LocalRecollections, write_recollections
from troupe_batch.results.store import recollections_path
from troupe_batch.settings import load_settings
from troupe_batch.use_cases.given_files import resolve_job
from troupe_batch.use_cases.plans import margins_of, plan_job, prepare_job
from troupe_batch.wiring.supplies import stored_supplies

SETTINGS = load_settings(environment={})
SURVEY = {"questions": [{"id": "why", "type": "open", "text": "Why?"}]}


def job_on(panel: Path, **fields: Any) -> Job:
    return resolve_job(JobSpec.model_validate({"id": "asked", "population": str(panel), "study": SURVEY, **fields}))


def written(path: Path, facts: dict[str, list[Any]], how: Written) -> None:
    """A panel of the first people, with these facts in place of theirs."""
    drawn = population()
    number = len(next(iter(facts.values())))
    types = {"age": pa.int64(), "region": pa.string(), "height": pa.float64()}
    with PanelWriter(path, drawn, {name: types[name] for name in facts}, how) as writer:
        people = TinyPersonFactory(Population(drawn)).people(0, number)
        writer.add([PanelMember(person) for person in people], facts)  # type: ignore[arg-type] # lists are columns too
        writer.close()


def some(number: int, region: str = "North") -> dict[str, list[Any]]:
    return {"age": [20] * number, "region": [region] * number, "height": [170.0] * number}


def test_placeholder_prose_is_refused_where_a_real_model_would_read_it(tmp_path: Path) -> None:
    path = tmp_path / "panel.parquet"
    written(path, some(4), Written(EnrichLevel.BIO, "a-model", is_rehearsal=True))

    with pytest.raises(SpecError, match="population: what is written about the people of this panel are placeholders"):
        plan_job(SETTINGS, job_on(path))
    assert plan_job(SETTINGS, job_on(path), rehearse=True).panel is not None
    written(path, some(4), Written(EnrichLevel.BIO, "a-model"))
    assert plan_job(SETTINGS, job_on(path)).panel is not None


@pytest.mark.parametrize("people", [10, 6])
def test_quotas_are_counted_among_the_people_of_the_panel(tmp_path: Path, people: int) -> None:
    path = tmp_path / "panel.parquet"
    written(path, some(10, "South"), Written())
    prepared = prepare_job(SETTINGS, job_on(path, people=people))

    counts = {(m.dimension, m.category): m.realised_count for m in margins_of(prepared.plan, prepared.supplies)}

    # Nobody would be drawn like this.
    assert (counts[("region", "South")], counts[("region", "North")]) == (people, 0)
    assert (counts[("age", "18-39")], counts[("age", "40-90")]) == (people, 0)


async def recollected(path: Path, name: str, people: int) -> LocalRecollections:
    run = new_run(memory_store(name), people=people)
    await commit_all(run)
    return write_recollections(path / f"{name}.parquet", Earlier(run.store, await extract(run), 1), WaveMemory.SUMMARY)


async def test_recollections_that_are_not_those_of_the_plan_are_not_read(tmp_path: Path) -> None:
    mine, others = await recollected(tmp_path, "mine", 6), await recollected(tmp_path, "others", 5)
    run = new_run(people=6)
    plan = run.plan.in_wave(WaveInfo(2, "mine", WaveMemory.SUMMARY, mine.digest, mine.people))

    for stored, is_read in ((mine, True), (others, False)):
        await run.store.objects.put(recollections_path(mine.digest), stored.path)
        found = stored_supplies(plan, run.store).recollections
        assert found is not None
        if is_read:
            assert dict(found.of(0, 6)) == dict(mine.of(0, 6))
        else:
            with pytest.raises(ResultsDamaged, match="is another file of recollections"):
                found.of(0, 6)


async def test_what_lies_beside_the_plan_is_not_stored_over(tmp_path: Path) -> None:
    store = memory_store()
    first, second = tmp_path / "first", tmp_path / "second"
    first.write_bytes(b"first")
    second.write_bytes(b"second")

    await store.keep_beside_plan("plan/panel.parquet", first)
    await store.keep_beside_plan("plan/panel.parquet", second)

    assert await store.objects.get("plan/panel.parquet") == b"first"


def test_a_panel_of_facts_can_be_planned_for_real(tmp_path: Path) -> None:
    info = frozen(tmp_path / "panel.parquet")

    assert plan_job(SETTINGS, job_on(tmp_path / "panel.parquet")).panel == info
