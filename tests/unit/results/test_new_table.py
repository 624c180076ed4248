"""A table that nobody knows but the tuple of tables: shard, dataset, recount, reading and docs come of themselves."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import pyarrow as pa
import pytest

from tests.doubles.runs import commit_all, new_run
from troupe_batch.errors import TableMissing
from troupe_batch.results import TABLES, Dataset, Run, Table, extract, verify
from troupe_batch.results.columns import RUN, UNIT, column_field
from troupe_batch.results.contents import Contents, Planned
from troupe_batch.results.recount import Recount
from troupe_batch.results.schema import with_column_lists
from troupe_batch.results.shard_rows import ShardRows, UnitColumns
from troupe_batch.results.table import Schemas


class EffortTable(Table):
    """How many answers each unit gave."""

    name = "effort"
    doc = "one row per unit"
    why_missing = "it asks nothing"
    columns = pa.schema([RUN, UNIT[0], UNIT[1], column_field("answers", pa.int64(), "How many answers.")])

    def is_in(self, contents: Contents) -> bool:
        return bool(contents.design.questions)

    def arrays(self, rows: ShardRows, units: UnitColumns, schemas: Schemas) -> Mapping[str, pa.Array]:
        answers = pa.array([len(schemas.questions)] * len(rows.units), pa.int64())
        return {"unit_id": units.units["unit_id"], "unit_index": units.units["unit_index"], "answers": answers}

    def recount(self, planned: Planned) -> Recount:
        return EffortRecount(planned)


class EffortRecount(Recount):
    """One row per unit."""

    table = EffortTable.name

    def __init__(self, planned: Planned) -> None:
        super().__init__(planned, len(planned.units))

    @property
    def columns(self) -> list[str]:
        return ["unit_index"]

    def count(self, rows: pa.Table) -> None:
        units = self._of.units_of(rows)
        self._ticks.add(units, units)
        self.tallies["units"] = {"seen": self.tallies.get("units", {}).get("seen", 0) + rows.num_rows}

    def _name(self, place: int) -> str:
        return self._of.name(place)


KNOWN = (*TABLES, EffortTable())


@pytest.fixture
def run() -> Run:
    return dataclasses.replace(new_run(people=20), tables=KNOWN)


async def test_its_rows_reach_shards_and_dataset_and_are_read_by_name(run: Run) -> None:
    await commit_all(run)

    manifest = await extract(run)
    dataset = Dataset(run.store, tables=KNOWN)

    record = await run.store.record(0)
    assert record is not None
    assert record.file_of("effort").rows == len(run.plan.shard(0))
    assert manifest.tallies["effort"] == {"units": {"seen": 20}}
    assert dataset.tables == (*Dataset(run.store).tables, "effort")
    assert "effort" in dir(dataset)
    assert list(dataset.effort["unit_index"]) == list(range(20))


async def test_it_is_there_for_shards_that_were_not_run(run: Run) -> None:
    await commit_all(run, but=(1,))

    manifest = await extract(run)

    assert manifest.tallies["effort"] == {"units": {"seen": 20}}


async def test_its_recount_runs_over_the_dataset(run: Run) -> None:
    await commit_all(run)
    manifest = await extract(run)
    sound = await verify(run)
    forged = dataclasses.replace(manifest, tallies={**manifest.tallies, "effort": {"units": {"seen": 21}}})
    await run.store.objects.put("dataset/manifest.json", forged.to_json())

    found = await verify(run)

    assert sound.is_complete
    assert sound.tallies["effort"] == {"units": {"seen": 20}}
    assert [str(problem) for problem in found.problems] == [
        "effort: the manifest counts other rows than there are (for example units seen: 21 stated, 20 found)"
    ]


async def test_a_dataset_that_does_without_it_says_why(run: Run) -> None:
    before = dataclasses.replace(run, tables=TABLES)
    await commit_all(before)
    await extract(before)

    with pytest.raises(TableMissing, match="has no table effort: it asks nothing; it has people, "):
        _ = Dataset(run.store, tables=KNOWN).effort


def test_the_page_on_datasets_gets_a_section_for_it(request: pytest.FixtureRequest) -> None:
    page = (request.config.rootpath / "docs" / "datasets.md").read_text(encoding="utf-8")

    written = with_column_lists(page, KNOWN)

    assert "├── effort/part-*.parquet       one row per unit\n└── manifest.json" in written
    assert "## effort\n\n<!-- columns of effort -->\n| column | type | meaning |" in written
    assert "| `answers` | int64 | How many answers. |\n<!-- end -->" in written
    assert with_column_lists(written, KNOWN) == written
