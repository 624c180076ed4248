from __future__ import annotations

import dataclasses
import io
from typing import Any

import pytest

from tests.doubles.pairs import PairStudy, pair_run
from tests.doubles.runs import REHEARSAL, AnsweringModel, new_run
from troupe_batch.analysis import event_table, finding_tables, question_tables
from troupe_batch.dispatch.inline import run_inline
from troupe_batch.errors import BudgetSpent, GaveUp, Interrupted
from troupe_batch.llm.spending import Spending
from troupe_batch.report.console import results
from troupe_batch.results.dataset import Dataset
from troupe_batch.results.run import Run
from troupe_batch.studies.kinds import cases_text
from troupe_batch.terminal import Terminal


async def _shown(model: AnsweringModel | None = None, *, width: int = 120, **options: Any) -> str:
    return await _shown_run(new_run(people=20, **options), model, width=width)


async def _shown_run(run: Run, model: AnsweringModel | None = None, *, width: int = 120) -> str:
    await run_inline(run, model=model or AnsweringModel(), concurrency=1)
    dataset = Dataset(run.store)
    console = Terminal(file=io.StringIO(), width=width, force_terminal=False)
    tables, findings = question_tables(dataset), finding_tables(dataset)
    console.print(results(dataset.manifest, tables, findings, event_table(dataset)))
    text = console.file.getvalue()  # type: ignore[attr-defined] # it is the StringIO above
    return str(text)


async def test_results_are_called_what_they_are() -> None:
    text = await _shown()

    assert "20 simulated respondents, 100 of 100 answers; model a-model" in text
    assert "95 % simulation interval" in text
    for wrong in ("margin of error", "participants", "survey of", "±", "REHEARSAL"):
        assert wrong not in text


async def test_every_question_shows_its_options_by_arm() -> None:
    lines = (await _shown()).splitlines()

    heading = next(line for line in lines if line.strip().startswith("all"))
    assert heading.split() == ["all", "plain", "spicy"]
    assert next(line.split() for line in lines if line.startswith(" answered"))[1:] == ["20", "10", "10"]
    for label in ("Tea", "No idea", "Café", "Very much", "mean (EUR)", "median (EUR)", "standard deviation"):
        assert any(line.startswith((f" {label}", label)) for line in lines), label
    assert any("“Because of 0.0." in line for line in lines)


async def test_a_rehearsal_says_so_first() -> None:
    text = await _shown(endpoint=REHEARSAL)

    assert "REHEARSAL" in "".join(text.splitlines()[:3])
    assert "nothing was spent (rehearsal); on a-model it would have cost US$ 0.0400" in text


async def test_an_incomplete_dataset_says_so_first_and_why() -> None:
    model = AnsweringModel()
    model.script = lambda _: BudgetSpent("US$ 1 is spent") if len(model.asked) > 11 else None

    # One shard: several would run side by side, and how many had ended by then would be a matter of timing.
    text = await _shown(model, units_per_shard=20)

    assert (
        "INCOMPLETE: 55 of 100 answers are there; 1 of 1 shards were not finished. BudgetSpent: US$ 1 is spent" in text
    )
    assert "no answer: not run" in text


async def test_labels_that_look_like_markup_are_shown_as_they_are() -> None:
    question = {"id": "x", "text": "[red]Which?[/]", "type": "single", "options": ["[bold]A[/bold]", "[B]"]}

    text = await _shown(study={"questions": [question]})

    assert "[red]Which?[/]" in text
    assert "[bold]A[/bold]" in text
    assert "[B]" in text


async def test_costs_without_a_price_are_not_called_free() -> None:
    run = new_run(people=3)
    await run_inline(run, model=AnsweringModel(), concurrency=1)
    manifest = Dataset(run.store).manifest
    manifest.calls.unpriced = 2

    assert manifest.cost_text.startswith("US$ 0.0060 and 2 calls without a known price")


async def test_the_cost_is_told_with_the_number_of_calls_that_it_is_the_cost_of() -> None:
    run = new_run(people=3)
    await run_inline(run, model=AnsweringModel(), concurrency=1)
    manifest = dataclasses.replace(Dataset(run.store).manifest, spending=Spending(calls=1_600, cost_usd=0.8))

    assert manifest.calls.sent < 1_600
    assert manifest.cost_text == "US$ 0.8000 for 1,600 calls sent, those of lost and stopped attempts included"


async def test_findings_of_worlds_are_shown_and_called_what_they_are() -> None:
    text = await _shown_run(pair_run(people=60, endpoint=REHEARSAL))

    lines = text.splitlines()
    assert "REHEARSAL" in "".join(lines[:3])
    assert "40 simulated respondents in 20 worlds, 40 of 40 answers and" in text
    assert "ideas  extracted from each unit as a whole" in text
    assert "role  extracted from each person" in text
    assert next(line.split() for line in lines if line.startswith(" looked at"))[-3:] == ["20", "10", "10"]
    for row in ("findings", "cost: mean", "votes: median", "is_new: yes", "kind: Soup", "none found"):
        assert any(line.startswith(f" {row}") for line in lines), row
    assert "  idea: Idea 0; reason: It is hot.; cost: 0.0; votes: 0; is_new: yes" in lines
    assert "Findings are what a model read out of what simulated respondents said and did." in text


async def test_means_of_findings_say_of_how_many() -> None:
    run = pair_run(people=60)
    lines = (await _shown_run(run)).splitlines()

    costs = Dataset(run.store).extractions["cost"].dropna()
    [row] = [line for line in lines if line.startswith(" cost: mean")]
    assert row.removeprefix(" cost: mean").split()[:2] == [f"{costs.mean():,.2f}", f"(n={len(costs)})"]


async def test_a_run_that_was_stopped_says_how_many_worlds_were_simulated() -> None:
    model = AnsweringModel(lambda request: BudgetSpent("US$ 1") if request.sample.startswith("0.4.") else None)

    text = await _shown_run(pair_run(people=30, units_per_shard=10), model)

    # Of ten pairs four were through when the fifth was stopped.
    assert "8 simulated respondents in 4 of 10 worlds, 8 of 20 answers and" in text
    looked_at = [line.split()[2] for line in text.splitlines() if line.startswith(" looked at")]
    assert looked_at == ["4", "8"]


async def test_a_run_that_was_stopped_at_once_has_looked_at_nothing() -> None:
    text = await _shown_run(pair_run(people=30, replicates=2), AnsweringModel(lambda _: Interrupted("Ctrl-C")))

    assert "0 simulated respondents in 0 of 10 worlds, up to 2 replicates each, 0 of 40 answers" in text
    assert [line.split()[2] for line in text.splitlines() if line.startswith(" looked at")] == ["0", "0"]


async def test_acts_that_failed_are_told_in_the_heading() -> None:
    model = AnsweringModel(lambda request: GaveUp("tried 6 times") if "act 1" in request.sample else None)

    text = await _shown_run(pair_run(people=6), model)

    assert "2 acts failed; `events` says why" in text
    assert "no answer: failed" in text


async def test_a_study_that_asks_and_extracts_nothing_is_told_by_its_events() -> None:
    text = await _shown_run(pair_run(people=6, study=PairStudy(questions=(), extractions=())))

    assert "4 simulated respondents in 2 worlds, 6 events; model a-model" in text
    rows = [line.split() for line in text.splitlines()]
    assert ["happened"] in rows
    assert rows[rows.index(["TALK", "4"]) + 1] == ["CONVERSATION", "2"]
    assert "documents" not in text
    assert "answers" not in text
    assert "interval" not in text


async def test_events_that_did_not_happen_are_told_beside_those_that_did() -> None:
    model = AnsweringModel(lambda request: GaveUp("tried 6 times") if "act 1" in request.sample else None)

    text = await _shown_run(pair_run(people=6, study=PairStudy(questions=(), extractions=())), model)

    rows = [line.split() for line in text.splitlines()]
    assert ["happened", "failed"] in rows
    assert ["ACT", "0", "2"] in rows


@pytest.mark.parametrize(
    ("kind", "seats", "number", "text"),
    [
        ("world", 5, 60, "60 worlds"),
        ("world", 1, 1, "1 world"),
        ("python", 2, 1_000, "1,000 cases"),
        ("python", 2, None, "cases"),
        ("world", 1, None, "worlds"),
        ("python", 1, 9, ""),
        ("interview", 1, 9, ""),
        ("survey", 1, None, ""),
    ],
)
def test_cases_are_called_what_they_are(kind: str, seats: int, number: int | None, text: str) -> None:
    assert cases_text(kind, seats, number) == text
