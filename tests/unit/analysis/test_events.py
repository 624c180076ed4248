from __future__ import annotations

from tests.doubles.pairs import PairStudy, pair_run
from tests.doubles.runs import AnsweringModel, commit_all, new_run
from troupe_batch.analysis import EventCount, event_table
from troupe_batch.errors import GaveUp, StopReason
from troupe_batch.llm.chat import ChatRequest
from troupe_batch.results.dataset import Dataset
from troupe_batch.results.extractor import extract
from troupe_batch.results.ledger import StopMark


def fail_some_guests(request: ChatRequest) -> Exception | None:
    return GaveUp("tried 6 times") if request.sample.startswith("0.1.") and "act 1" in request.sample else None


async def test_events_are_counted_by_type_and_by_how_they_ended() -> None:
    run = pair_run(people=6, study=PairStudy(questions=(), extractions=()))
    await commit_all(run, AnsweringModel(fail_some_guests))
    await extract(run)

    found = event_table(Dataset(run.store))

    assert found is not None
    assert found.types == (
        EventCount("TALK", 3),
        EventCount("CONVERSATION", 2),
        EventCount("ACT", 0, {"failed": 1}),
    )
    assert (found.cases, found.documents) == (2, 0)
    body = found.as_json()
    assert body["synthetic"] is True
    assert body["types"][2] == {"type": "ACT", "happened": 0, "others": {"failed": 1}}


async def test_cases_are_counted_once_however_many_replicates_were_simulated() -> None:
    run = pair_run(people=30, replicates=2)
    await commit_all(run, but=(1,))
    await run.store.stop(StopMark(StopReason.BUDGET_SPENT, "US$ 1 is spent", "now"))
    await extract(run)

    found = event_table(Dataset(run.store))

    # Units 7 to 13 are missing: both replicates of cases 4 and 5, and one each of cases 3 and 6.
    assert found is not None
    assert found.cases == 7


async def test_a_unit_that_left_nothing_but_its_failure_was_not_simulated() -> None:
    run = pair_run(people=30, units_per_shard=1)
    await commit_all(run, but=(2,))
    await run.store.quarantine(2, "it crashed")
    await extract(run)

    found = event_table(Dataset(run.store))

    assert found is not None
    assert found.cases == 9


async def test_a_survey_has_no_table_of_events() -> None:
    run = new_run()
    await commit_all(run)
    await extract(run)

    assert event_table(Dataset(run.store)) is None
