"""What a notebook and a prompt show of a run: a few lines, labelled as what they are."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.doubles.runs import REHEARSAL, AnsweringModel, new_run
from troupe_batch.api import Result
from troupe_batch.dispatch.inline import run_inline
from troupe_batch.errors import BudgetSpent
from troupe_batch.llm.chat import Endpoint
from troupe_batch.results.dataset import Dataset
from troupe_batch.use_cases.progress_lines import ProgressLines
from troupe_batch.use_cases.runs import BegunRun, Opening


def result(model: AnsweringModel | None = None, **options: Any) -> Result:
    run = new_run(people=20, **options)
    outcome = asyncio.run(run_inline(run, model=model or AnsweringModel(), concurrency=1))
    return Result(outcome, Dataset(run.store), Opening.NEW)


def test_a_result_is_shown_in_a_few_lines() -> None:
    lines = repr(result()).splitlines()

    assert lines[0] == "run soup: complete"
    assert lines[1] == "synthetic: 20 simulated respondents; model a-model"
    assert "answers: 100 of 100" in lines
    assert len(lines) <= 8
    assert all(len(line) < 200 for line in lines)


def test_a_rehearsal_and_a_stopped_run_say_so_first() -> None:
    rehearsed = result(endpoint=REHEARSAL)
    stopped = result(AnsweringModel(lambda request: BudgetSpent("US$ 1 of US$ 1") if ".3." in request.sample else None))

    assert repr(rehearsed).startswith("REHEARSAL (placeholder answers) run soup: complete")
    assert repr(stopped).splitlines()[0] == "run soup: stopped, US$ 1 of US$ 1"


def test_a_notebook_shows_how_the_answers_to_each_question_ended() -> None:
    shown = result()._repr_html_()

    assert "<tr><th>question</th><th>answered</th></tr>" in shown
    assert "<tr><td>drink</td><td>20</td></tr>" in shown
    assert "20 simulated respondents" in shown


def test_what_a_file_says_is_no_markup_of_the_page() -> None:
    shown = result(
        AnsweringModel(lambda request: BudgetSpent("<script>alert(1)</script>") if ".3." in request.sample else None)
    )._repr_html_()

    assert "<script>" not in shown
    assert "&lt;script&gt;" in shown


def test_the_name_of_a_model_does_not_act_on_a_prompt_or_a_page() -> None:
    found = result(endpoint=Endpoint("openai", "m\x1b]0;owned\x07\x9b5m"))

    assert r"model m\x1b]0;owned\x07\x9b5m" in repr(found)
    assert r"model m\x1b]0;owned\x07\x9b5m" in found._repr_html_()


def test_a_manifest_and_an_outcome_are_shown_in_a_line() -> None:
    found = result()

    assert repr(found.manifest).startswith("<manifest of soup: complete, 100 of 100 answers")
    assert len(repr(found.outcome)) < 600


@pytest.mark.parametrize(
    ("beginning", "first"),
    [
        (Opening.NEW, "run soup: 20 units, model a-model"),
        (Opening.RESUMED, "resuming run soup: 1 of 3 shards are done; 20 units, model a-model"),
        (Opening.COMPLETE, "run soup is complete; again=True asks again for what has no answer"),
    ],
)
def test_progress_begins_with_what_is_run(beginning: Opening, first: str) -> None:
    said: list[str] = []

    ProgressLines(said.append).begin(BegunRun(new_run(people=20), beginning, 1))

    assert said == [first]
