from __future__ import annotations

import asyncio
import statistics
from collections.abc import Sequence
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from tests.doubles.runs import AnsweringModel, new_run, person_asked
from troupe_batch.analysis.tables import QuestionTable, question_tables
from troupe_batch.analysis.weights import mean_interval, share_interval
from troupe_batch.dispatch.inline import run_inline
from troupe_batch.llm.chat import ChatReply, ChatRequest, ReplyStatus
from troupe_batch.results.dataset import Dataset

STUDY: dict[str, Any] = {
    "questions": [
        {"id": "drink", "text": "Which?", "type": "single", "options": ["Tea", "Coffee"], "dont_know": "No idea"},
        {"id": "places", "text": "Where?", "type": "multi", "options": ["Home", "Work"]},
        {"id": "liking", "text": "How much?", "type": "rating", "elicitation": "pick", "labels": ["1", "2", "3", "4"],
         "dont_know": "No idea"},
        {"id": "price", "text": "How much?", "type": "numeric", "minimum": 0, "maximum": 99, "unit": "EUR"},
        {"id": "why", "text": "Why?", "type": "open"},
    ],
}  # fmt: skip

# What person n says; None refuses. Four people answer.
SAID: list[dict[str, Any] | None] = [
    {"drink": "Tea", "places": {"Home": True, "Work": True}, "liking": "1", "price": 10, "why": "a"},
    {"drink": "Tea", "places": {"Home": True, "Work": False}, "liking": "4", "price": 20, "why": "b"},
    None,
    {"drink": "No idea", "places": {"Home": False, "Work": False}, "liking": "No idea", "price": 60, "why": "c"},
    {"drink": "Coffee", "places": {"Home": True, "Work": False}, "liking": "3", "price": 30, "why": "a"},
]


def tables_of(said: Sequence[dict[str, Any] | None], **options: Any) -> dict[str, QuestionTable]:
    def script(request: ChatRequest) -> ChatReply:
        value = said[person_asked(request)]
        return ChatReply(ReplyStatus.REFUSED) if value is None else ChatReply(ReplyStatus.OK, value=value)

    run = new_run(people=len(said), **({"study": STUDY} | options))
    asyncio.run(run_inline(run, model=AnsweringModel(script), concurrency=4))
    return {table.question.id: table for table in question_tables(Dataset(run.store))}


@pytest.fixture(scope="module")
def tables() -> dict[str, QuestionTable]:
    return tables_of(SAID)


def test_shares_are_of_those_who_answered_dont_know_included(tables: dict[str, QuestionTable]) -> None:
    column = tables["drink"].total

    assert (column.planned, column.answered, column.absences) == (5, 4, {"refused": 1})
    assert [(s.label, s.code, s.count, s.share) for s in column.shares] == [
        ("Tea", 1, 2, 0.5),
        ("Coffee", 2, 1, 0.25),
        ("No idea", None, 1, 0.25),
    ]
    assert column.figures is None


def test_options_of_a_multi_question_are_counted_each_on_its_own(tables: dict[str, QuestionTable]) -> None:
    assert [(s.label, s.count, s.share) for s in tables["places"].total.shares] == [
        ("Home", 3, 0.75),
        ("Work", 1, 0.25),
    ]


def test_a_rating_has_mean_deviation_and_top_2(tables: dict[str, QuestionTable]) -> None:
    figures = tables["liking"].total.figures

    assert figures is not None
    assert figures.n == 3
    assert figures.mean == pytest.approx(8 / 3)
    assert figures.sd == pytest.approx(statistics.stdev([1, 4, 3]))
    assert figures.top_2 is not None
    assert (figures.top_2.count, figures.top_2.share) == (2, 0.5)


def test_a_number_has_mean_median_and_range(tables: dict[str, QuestionTable]) -> None:
    figures = tables["price"].total.figures

    assert figures is not None
    assert (figures.n, figures.mean, figures.median, figures.lowest, figures.highest) == (4, 30, 25, 10, 60)
    assert figures.top_2 is None


def test_a_table_is_json_under_the_names_of_its_fields(tables: dict[str, QuestionTable]) -> None:
    content = orjson.loads(orjson.dumps(tables["drink"].as_json()))

    assert content["synthetic"] is True
    assert content["question"]["labels"] == ["Tea", "Coffee"]
    assert content["columns"][0]["absences"] == {"refused": 1}
    assert content["columns"][0]["shares"][0]["share"] == 0.5


def test_open_answers_are_shown_by_different_examples(tables: dict[str, QuestionTable]) -> None:
    assert tables["why"].total.examples == ("a", "b", "c")


def test_nobody_answering_is_no_zero_anywhere() -> None:
    tables = tables_of([None, None])

    drink, liking = tables["drink"].total, tables["liking"].total.figures
    assert drink.answered == 0
    assert [(s.share, s.interval) for s in drink.shares] == [(None, None)] * 3
    assert liking is not None
    assert (liking.n, liking.mean, liking.sd, liking.mean_interval) == (0, None, None, None)
    assert liking.top_2 is not None
    assert liking.top_2.share is None
    assert tables["why"].total.examples == ()


def test_arms_are_columns_that_sum_to_the_total() -> None:
    arms = [{"id": "red", "material": "R"}, {"id": "blue", "material": "B"}, {"id": "green", "material": "G"}]
    answered = [said for said in SAID if said is not None]
    table = tables_of(answered * 15, study=STUDY | {"arms": arms})["drink"]  # two blocks of ten people per arm

    assert [column.arm for column in table.columns] == [None, "blue", "green", "red"]
    for place in range(3):
        assert table.total.shares[place].count == sum(column.shares[place].count for column in table.columns[1:])
    assert [column.answered for column in table.columns] == [60, 20, 20, 20]


def test_replicates_do_not_make_intervals_narrower_than_the_people_do() -> None:
    answered = [said for said in SAID if said is not None]
    once, often = tables_of(answered)["drink"].total, tables_of(answered, replicates=5)["drink"].total

    assert often.answered == 5 * once.answered
    assert often.interval_base == once.interval_base == 4
    assert [s.interval for s in often.shares] == [s.interval for s in once.shares]


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_share_intervals_are_those_of_wilson(counts: tuple[int, int]) -> None:
    count, base = counts
    expected = binomtest(count, base).proportion_ci(0.95, method="wilson")

    interval = share_interval(count, base)

    assert interval is not None
    assert (interval.low, interval.high) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_intervals_of_nothing_are_nothing() -> None:
    assert share_interval(0, 0) is None
    assert mean_interval(3.0, None, 1) is None
    assert mean_interval(3.0, 1.0, 1) is None
