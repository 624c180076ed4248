"""The files of what people have written: named for the unit, the step and the title, and never one over another."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.doubles.pairs import PairStudy, pair_run
from tests.doubles.runs import commit_all
from troupe_batch.errors import FixTheInput
from troupe_batch.report.documents import export_documents
from troupe_batch.results.dataset import Dataset
from troupe_batch.results.extractor import extract
from troupe_batch.simulation.record.events import Event, EventKind, EventStatus
from troupe_batch.studies.study import UnitOutcome


def wrote(title: str, step: int | None, content: str = "Soup.", **changes: Any) -> Event:
    event = Event(EventKind.ACTION, "WRITE_DOCUMENT", content, "p000000", "Ann", details={"title": title}, step=step)
    for name, value in changes.items():
        setattr(event, name, value)
    return event


class WritingStudy(PairStudy):
    """Pairs whose first unit has written these documents."""

    written: tuple[Event, ...] = ()

    async def run_unit(self, *given: Any) -> UnitOutcome:
        outcome = await super().run_unit(*given)
        events = (*outcome.events, *(self.written if given[0].index == 0 else ()))
        return UnitOutcome(outcome.answers, outcome.calls, events, outcome.findings)


async def exported(folder: Path, *events: Event) -> list[str]:
    study = WritingStudy()
    study.written = events
    run = pair_run(people=6, study=study)
    await commit_all(run)
    await extract(run)
    return [path.name for path in export_documents(Dataset(run.store), folder, "md")]


async def test_files_are_named_for_unit_step_and_title(tmp_path: Path) -> None:
    names = await exported(
        tmp_path, wrote("Plan", 2), wrote("Plan", 11), wrote("Plan", None), wrote("No", 1, status=EventStatus.REPEATED)
    )

    assert names == ["w000000.0 step 2 Plan.md", "w000000.0 step 11 Plan.md", "w000000.0 Plan.md"]


async def test_files_that_would_share_a_name_also_say_their_place(tmp_path: Path) -> None:
    long = "x" * 300
    events = [wrote(title, 1, f"Number {n}.") for n, title in enumerate(["Plan", "plan", "Plan?", "Plan_", long, long])]

    names = await exported(tmp_path, *events)

    assert names[:4] == [
        "w000000.0 step 1 (3) Plan.md",
        "w000000.0 step 1 (4) plan.md",
        "w000000.0 step 1 (5) Plan_.md",
        "w000000.0 step 1 (6) Plan_.md",
    ]
    assert len({name.casefold() for name in names}) == 6


async def test_a_title_that_looks_like_a_place_is_told_from_one(tmp_path: Path) -> None:
    names = await exported(tmp_path, wrote("Plan", 1, "One."), wrote("Plan", 1, "Two."), wrote("(3) Plan", 1, "Three."))

    assert names == [f"w000000.0 step 1 {name}.md" for name in ("(3) Plan", "(4) Plan", "(5) (3) Plan")]


async def test_a_run_without_documents_says_how_to_get_some(tmp_path: Path) -> None:
    with pytest.raises(FixTheInput, match="word_processor"):
        await exported(tmp_path)
