"""Rankings in tables: who put what first, and the mean rank of each option, worked out by hand."""

from __future__ import annotations

import asyncio
import io
from typing import Any

import pytest

from tests.doubles.designs import drawn_run, ran
from tests.doubles.runs import AnsweringModel, new_run, person_asked
from troupe_batch.analysis.tables import Column, QuestionTable, question_tables
from troupe_batch.dispatch.inline import run_inline
from troupe_batch.llm.chat import ChatReply, ChatRequest, ReplyStatus
from troupe_batch.report.console import question
from troupe_batch.results.dataset import Dataset
from troupe_batch.terminal import Terminal

QUESTION: dict[str, Any] = {
    "id": "best", "type": "ranking", "text": "Which?", "options": ["Tea", "Coffee", "Milk"], "top": 2,
    "dont_know": "No idea",
}  # fmt: skip
SAID: list[list[str] | None] = [["Tea", "Coffee"], ["Tea", "Milk"], ["Coffee", "Tea"], None]


def answering(request: ChatRequest) -> ChatReply:
    return ChatReply(ReplyStatus.OK, value={"best": SAID[person_asked(request) % len(SAID)]})


@pytest.fixture
def table() -> QuestionTable:
    run = new_run(people=len(SAID), study={"questions": [QUESTION]})
    asyncio.run(run_inline(run, model=AnsweringModel(answering), concurrency=1))
    [made] = question_tables(Dataset(run.store))
    return made


def mean_ranks(column: Column) -> list[float | None]:
    return [share.ranks.mean if share.ranks else None for share in column.shares]


def test_shares_are_of_first_places_and_mean_ranks_of_those_who_ranked_the_option(table: QuestionTable) -> None:
    shares = table.total.shares

    assert [(share.label, share.count, share.share) for share in shares] == [
        ("Tea", 2, 0.5),
        ("Coffee", 1, 0.25),
        ("Milk", 0, 0.0),
        ("No idea", 1, 0.25),
    ]
    assert mean_ranks(table.total) == [pytest.approx(4 / 3), 1.5, 2.0, None]
    assert [share.ranks.n for share in shares if share.ranks] == [3, 2, 1]
    assert table.total.figures is None


def test_the_table_that_is_read_names_mean_ranks_and_what_they_are_of(table: QuestionTable) -> None:
    written = io.StringIO()

    Terminal(file=written, width=100, force_terminal=False).print(question(table))

    lines = [" ".join(line.split()) for line in written.getvalue().splitlines()]
    assert any(line.startswith("mean rank: Tea 1.33") for line in lines)
    assert any(line.startswith("mean rank: Milk 2.00") for line in lines)
    assert "Shares are of those who put the option first; mean ranks, from 1, of those who ranked it." in lines


def test_first_places_and_mean_ranks_carry_design_weights() -> None:
    run = drawn_run(study={"questions": [QUESTION]})
    dataset = ran(run, AnsweringModel(answering))

    [made] = question_tables(dataset)

    rows = dataset.responses
    ranked = rows[rows["best__1"].notna()]
    expected = (ranked["best__1"] * ranked["weight"]).sum() / ranked["weight"].sum()
    first = rows[rows["best__1"] == 1]["weight"].sum() / rows["weight"].sum()
    assert mean_ranks(made.total)[0] == pytest.approx(float(expected))
    assert made.total.shares[0].share == pytest.approx(float(first))
