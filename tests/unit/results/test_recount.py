"""Recounts say the same however the rows come: as one portion, as a shard reads them, or one by one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pytest

from tests.doubles.pairs import pair_run
from tests.doubles.runs import commit_all
from troupe_batch.results.dataset import Dataset
from troupe_batch.results.extractor import extract
from troupe_batch.results.ledger import StatusCounts
from troupe_batch.results.recount import Problem, Ticks
from troupe_batch.results.run import Run


class Recounted(NamedTuple):
    problems: list[Problem]
    tallies: StatusCounts


@pytest.fixture
async def run() -> Run:
    run = pair_run(people=12, replicates=2)
    await commit_all(run)
    await extract(run)
    return run


def recounted(run: Run, table: str, rows: pa.Table, portion: int) -> Recounted:
    [recount] = [one.recount(run.planned(range(run.plan.units))) for one in run.schemas.tables if one.name == table]
    assert recount is not None
    for start in range(0, rows.num_rows, portion):
        recount.count(rows.slice(start, portion).select(recount.columns))
    return Recounted(list(recount.problems()), recount.tallies)


def reordered(*, by: Callable[[int, int], list[int]]) -> Callable[[pa.Table], pa.Table]:
    return lambda rows: rows.take(by(rows.num_rows // 2, rows.num_rows))


AS_THEY_ARE = reordered(by=lambda _, end: [*range(end)])
HALVES_SWAPPED = reordered(by=lambda half, end: [*range(half, end), *range(half)])
HALF_GONE = reordered(by=lambda half, _: [*range(half)])
LAST_AGAIN = reordered(by=lambda _, end: [*range(end), end - 1, end - 1])
SECOND_GONE = reordered(by=lambda _, end: [0, *range(2, end)])


@pytest.mark.parametrize(
    ("table", "change", "kinds"),
    [
        *((table, AS_THEY_ARE, []) for table in ("people", "answers", "responses", "events", "extractions")),
        *((table, HALVES_SWAPPED, ["order"]) for table in ("people", "answers", "responses", "events", "extractions")),
        *((table, HALF_GONE, ["hole"]) for table in ("people", "answers", "responses")),
        *((table, LAST_AGAIN, ["duplicate"]) for table in ("people", "answers", "responses")),
        ("events", HALF_GONE, ["no_events"]),
        ("events", LAST_AGAIN, ["event_order"]),
        ("events", SECOND_GONE, ["event_order"]),
        ("extractions", HALF_GONE, ["hole"]),
        ("extractions", LAST_AGAIN, ["finding_numbers"]),
    ],
)
async def test_a_recount_says_the_same_of_rows_that_come_one_by_one(
    run: Run, table: str, change: Callable[[pa.Table], pa.Table], kinds: list[str]
) -> None:
    rows = change(Dataset(run.store).arrow(table))

    whole = recounted(run, table, rows, rows.num_rows)

    assert [problem.kind for problem in whole.problems] == kinds
    assert recounted(run, table, rows, 1) == recounted(run, table, rows, 3) == whole


def test_a_row_that_stands_there_hundreds_of_times_is_a_duplicate_and_no_hole() -> None:
    ticks = Ticks(np.zeros(2, np.uint8))

    for _ in range(3):
        ticks.add(np.zeros(256, np.int64), np.zeros(256, np.int64))

    assert ticks.seen.tolist() == [2, 0]


def test_rows_beside_the_plan_are_counted_apart_and_tick_nothing() -> None:
    ticks = Ticks(np.zeros(3, np.uint8))

    ticks.add(np.asarray([-1, 0, 3]), np.asarray([70, 71, 72]))
    ticks.add(np.asarray([-1, 2]), np.asarray([73, 74]))

    assert (ticks.seen.tolist(), ticks.strangers, ticks.backwards) == ([1, 0, 1], 3, 0)
    assert ticks.examples == ["70", "72", "73"]


def places_of(rows: pa.Table, extraction: str, status: str) -> list[int]:
    named = zip(rows["extraction"].to_pylist(), rows["status"].to_pylist(), strict=True)
    return [place for place, one in enumerate(named) if one == (extraction, status)]


def with_values(rows: pa.Table, place: int, **values: Any) -> pa.Table:
    """The rows, with other values at one place."""
    changed = rows.to_pylist()
    changed[place].update(values)
    return pa.Table.from_pylist(changed, schema=rows.schema)


async def test_a_second_finding_of_what_has_but_one_and_one_after_nothing_was_found_are_told(run: Run) -> None:
    rows = Dataset(run.store).arrow("extractions")
    single, none = places_of(rows, "role", "found")[0], places_of(rows, "ideas", "none_found")[0]
    twice = rows.take([*range(single + 1), *range(single, rows.num_rows)])
    late = rows.take([*range(none + 1), *range(none, rows.num_rows)])

    of_single = recounted(run, "extractions", with_values(twice, single + 1, number=1), 10**6)
    after_none = recounted(run, "extractions", with_values(late, none + 1, number=0, status="found"), 10**6)

    assert [problem.kind for problem in of_single.problems] == ["finding_numbers"]
    assert [problem.kind for problem in after_none.problems] == ["finding_numbers"]


async def test_a_finding_about_a_world_that_names_a_person_was_not_planned(run: Run) -> None:
    rows = Dataset(run.store).arrow("extractions")
    person = rows["person_index"][places_of(rows, "role", "found")[0]].as_py()

    found = recounted(run, "extractions", with_values(rows, 0, seat=0, person_index=person), 10**6)

    assert rows["extraction"][0].as_py() == "ideas"
    assert "unplanned_row" in [problem.kind for problem in found.problems]


async def test_each_row_of_a_stranger_is_counted(run: Run) -> None:
    rows = Dataset(run.store).arrow("extractions")
    place = places_of(rows, "role", "found")[0]
    strange = with_values(with_values(rows, place, unit_index=99), place + 1, unit_index=99)

    found = recounted(run, "extractions", strange, 10**6)

    [problem] = [problem for problem in found.problems if problem.kind == "unplanned_row"]
    assert problem.message == "extractions has 2 rows that were not planned"
    assert problem.examples == ("99", "99")
