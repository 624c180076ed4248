from __future__ import annotations

import pytest

from tests.doubles.pairs import IDEAS, ROLE, PairStudy, pair_run
from tests.doubles.runs import AnsweringModel, commit_all, new_run
from troupe_batch.analysis import finding_table, finding_tables, unwanted_absences
from troupe_batch.errors import GaveUp, StopReason
from troupe_batch.llm.chat import ChatRequest
from troupe_batch.results.dataset import Dataset
from troupe_batch.results.extractor import extract
from troupe_batch.results.ledger import StopMark
from troupe_batch.studies.study import ExtractionInfo, FieldInfo, FieldType


def fail_the_fourth(request: ChatRequest) -> Exception | None:
    return GaveUp("tried 6 times") if request.sample.startswith("0.3.") and "sum up" in request.sample else None


@pytest.fixture
async def dataset() -> Dataset:
    """Twenty pairs, of whom the fourth could not be summed up."""
    run = pair_run(people=60)
    await commit_all(run, AnsweringModel(fail_the_fourth))
    await extract(run)
    return Dataset(run.store)


async def test_findings_are_counted_beside_the_targets_that_were_looked_at(dataset: Dataset) -> None:
    ideas, role = finding_tables(dataset)
    rows = dataset.extractions

    found = rows[(rows["extraction"] == "ideas") & (rows["status"] == "found")]
    assert ideas.total.targets == 20
    assert ideas.total.findings == len(found)
    assert ideas.total.absences["failed"] == 1
    assert ideas.total.absences["none_found"] + found["unit_id"].nunique() == 19
    assert (role.total.targets, role.total.findings, role.total.absences) == (40, 40, {})


async def test_arms_have_columns_of_their_own_that_add_up(dataset: Dataset) -> None:
    ideas = finding_table(dataset, IDEAS)

    total, cold, warm = ideas.columns
    assert [column.arm for column in ideas.columns] == [None, "cold", "warm"]
    assert total.findings == cold.findings + warm.findings
    assert total.targets == cold.targets + warm.targets
    assert (cold.absences.get("failed"), warm.absences.get("failed")) == (1, None)


async def test_fields_are_summed_up_by_their_type(dataset: Dataset) -> None:
    ideas = finding_table(dataset, IDEAS)
    rows = dataset.extractions
    found = rows[(rows["extraction"] == "ideas") & (rows["status"] == "found")]

    idea, reason, cost, votes, is_new, kind = ideas.total.fields
    assert [column.field.id for column in (idea, reason, cost)] == ["idea", "reason", "cost"]
    assert (idea.shares, idea.figures, idea.n) == ((), None, len(found))
    assert cost.figures is not None
    assert cost.figures.mean == pytest.approx(found["cost"].mean())
    assert cost.figures.sd == pytest.approx(found["cost"].std())
    assert (cost.figures.lowest, cost.figures.highest) == (0.0, 3.0)
    assert votes.figures is not None
    assert votes.figures.median == found["votes"].median()
    assert [(share.label, share.count) for share in is_new.shares] == [
        ("yes", found["is_new"].sum()),
        ("no", (~found["is_new"]).sum()),
    ]
    # Those of the other extraction are no labels of this one, and the first idea of each pair has no kind.
    assert [(share.label, share.count) for share in kind.shares] == [("Soup", kind.n), ("Bread", 0)]
    assert kind.n == found["kind"].notna().sum() < len(found)
    assert [share.share for share in kind.shares] == [1.0, 0.0]


async def test_examples_bear_the_names_of_the_fields(dataset: Dataset) -> None:
    examples = finding_table(dataset, IDEAS).examples

    assert len(examples) == 5
    assert examples[0]["idea"] == "Idea 0"
    assert examples[0]["reason"] == "It is hot."
    assert set(examples[0]) == {field.id for field in IDEAS.fields}


async def test_tables_are_json_that_says_it_is_synthetic(dataset: Dataset) -> None:
    body = finding_table(dataset, ROLE).as_json()

    assert body["synthetic"] is True
    assert body["columns"][0]["fields"][0]["shares"][0]["count"] == 20


async def test_an_extraction_that_found_nothing_has_no_shares() -> None:
    def fail(request: ChatRequest) -> Exception | None:
        return GaveUp("tried 6 times") if "sum up" in request.sample else None

    run = pair_run(people=6)
    await commit_all(run, AnsweringModel(fail))
    await extract(run)

    ideas = finding_tables(Dataset(run.store))[0].total

    assert (ideas.targets, ideas.findings, ideas.absences) == (2, 0, {"failed": 2})
    assert [share.share for share in ideas.fields[-1].shares] == [None, None]
    assert ideas.fields[2].figures is not None
    assert ideas.fields[2].figures.mean is None


async def test_what_was_not_run_was_not_looked_at() -> None:
    run = pair_run(people=30, replicates=2)
    await commit_all(run, but=(1, 2))
    await run.store.quarantine(2, "it crashed")
    await run.store.stop(StopMark(StopReason.BUDGET_SPENT, "US$ 1 is spent", "now"))
    await extract(run)

    ideas, role = finding_tables(Dataset(run.store))

    # Of twenty units seven were simulated, seven not begun and six set aside.
    assert (ideas.total.targets, role.total.targets) == (7, 14)
    assert (ideas.total.absences["not_run"], ideas.total.absences["failed"]) == (7, 6)
    assert sum(column.targets for column in role.columns[1:]) == 14


async def test_nothing_was_looked_at_before_anything_ran() -> None:
    run = pair_run(people=6)
    await run.store.stop(StopMark(StopReason.INTERRUPTED, "Ctrl-C", "now"))
    await extract(run)

    [ideas, _] = finding_tables(Dataset(run.store))

    assert (ideas.total.targets, ideas.total.findings, ideas.total.absences) == (0, 0, {"not_run": 2})


async def test_a_survey_has_no_tables_of_findings() -> None:
    run = new_run()
    await commit_all(run)
    await extract(run)

    assert finding_tables(Dataset(run.store)) == []


async def test_findings_that_did_not_come_are_told_beside_answers(dataset: Dataset) -> None:
    [absence] = unwanted_absences(dataset)

    assert (absence.of, absence.status, absence.answers, absence.reason) == ("findings", "failed", 1, "tried 6 times")


async def test_absences_of_a_study_without_questions_are_those_of_its_findings() -> None:
    bare = ExtractionInfo("role", is_per_person=True, is_many=False, fields=(FieldInfo("kind", FieldType.TEXT, "x"),))
    run = pair_run(people=6, study=PairStudy(questions=(), extractions=(bare,)))
    await commit_all(run)
    await extract(run)

    assert unwanted_absences(Dataset(run.store)) == []
