from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.doubles.designs import contents_of
from tests.doubles.runs import new_run
from troupe_batch.errors import SpecError
from troupe_batch.llm.chat import CacheState, CallRecord, ChatReply, ReplyStatus, Usage
from troupe_batch.persona import Persona
from troupe_batch.results.columns import categorical, text_lists
from troupe_batch.results.contents import Planned
from troupe_batch.results.facts import fact_types
from troupe_batch.results.ledger import CallTotals
from troupe_batch.results.schema import make_schemas, with_column_lists
from troupe_batch.results.shard_parts import checked
from troupe_batch.results.shard_rows import ShardRows
from troupe_batch.results.tables.answers import AnswersTable
from troupe_batch.simulation.person.person import TinyPerson
from troupe_batch.studies.study import Answer, AnswerStatus, QuestionInfo, Unit, UnitOutcome
from troupe_batch.studies.values import ValueKind

DRINK = QuestionInfo("drink", "single", ValueKind.LABEL, "Which?", ("Tea", "Coffee"), (1, 2), dont_know="No idea")
PLACES = QuestionInfo("places", "multi", ValueKind.LABELS, "Where?", ("Home", "Work"), (10, 20), dont_know="No idea")
LIKING = QuestionInfo("liking", "rating", ValueKind.CODE, "How much?", ("Low", "High"), (-1, 1))
WIDE = QuestionInfo("wide", "rating", ValueKind.CODE, "How much?", ("Low", "High"), (0, 1000), dont_know="No idea")
PRICE = QuestionInfo("price", "numeric", ValueKind.NUMBER, "How many?", unit="EUR", dont_know="No idea")
WHY = QuestionInfo("why", "open", ValueKind.TEXT, "Why?")
QUESTIONS = (DRINK, PLACES, LIKING, WIDE, PRICE, WHY)
CONTENTS = contents_of(QUESTIONS)
SCHEMAS = make_schemas(CONTENTS, {"age": pa.int64()}, is_rehearsal=False)


def _answers(**changes: dict[str, object]) -> list[Answer]:
    """One answer per question: not run, unless `changes` says what it is."""
    return [
        Answer(q.id, q.type, **({"status": AnswerStatus.NOT_RUN, "reason": "x"} | changes.get(q.id, {})))  # type: ignore[arg-type] # fields by name
        for q in QUESTIONS
    ]


def _person(index: int) -> TinyPerson:
    return TinyPerson.cast(index, Persona({}), {})


def _tables(*units: list[Answer]) -> dict[str, pa.Table]:
    rows = ShardRows()
    for index, answers in enumerate(units):
        rows.add(Unit(index, f"u{index}", index, 0, None), [_person(index)], UnitOutcome(tuple(answers), ()))
    return SCHEMAS.build(rows, "run")


def test_each_type_of_answer_fills_its_columns() -> None:
    said = AnswerStatus.ANSWERED
    responses = _tables(
        _answers(
            drink={"status": said, "code": 2, "label": "Coffee", "is_dont_know": False},
            places={"status": said, "selected": ("Work",), "is_dont_know": False},
            liking={"status": said, "code": -1, "label": "Low"},
            wide={"status": said, "code": 1000, "label": "High", "is_dont_know": False},
            price={"status": said, "number": 2.5, "is_dont_know": False},
            why={"status": said, "text": "Because."},
        )
    )["responses"]

    row = responses.to_pylist()[0]
    assert {name: value for name, value in row.items() if name.partition("__")[0] in {q.id for q in QUESTIONS}} == {
        "drink": "Coffee",
        "drink__dont_know": False,
        "drink__status": "answered",
        "places__10": False,
        "places__20": True,
        "places__dont_know": False,
        "places__status": "answered",
        "liking": -1,
        "liking__status": "answered",
        "wide": 1000,
        "wide__dont_know": False,
        "wide__status": "answered",
        "price": 2.5,
        "price__dont_know": False,
        "price__status": "answered",
        "why": "Because.",
        "why__status": "answered",
    }
    assert (responses.schema.field("liking").type, responses.schema.field("wide").type) == (pa.int8(), pa.int16())


def test_nothing_selected_is_an_answer_and_nothing_asked_is_not() -> None:
    nothing = {"status": AnswerStatus.ANSWERED, "selected": (), "is_dont_know": False}
    tables = _tables(_answers(places=nothing), _answers())

    assert tables["responses"]["places__10"].to_pylist() == [False, None]
    assert tables["answers"]["selected"].to_pylist()[1::6] == [[], None]


def test_dont_know_is_an_answer_without_a_code() -> None:
    unsure = {"status": AnswerStatus.ANSWERED, "label": "No idea", "is_dont_know": True}
    responses = _tables(_answers(drink=unsure, wide=unsure))["responses"].to_pylist()[0]

    assert (responses["drink"], responses["drink__dont_know"], responses["drink__status"]) == (None, True, "answered")
    assert (responses["wide"], responses["wide__dont_know"], responses["wide__status"]) == (None, True, "answered")


def test_tables_have_exactly_their_schemas() -> None:
    tables = _tables(_answers())

    assert list(tables) == ["people", "answers", "responses", "llm_calls"]
    for table in tables:
        assert tables[table].schema.equals(SCHEMAS.of(table), check_metadata=True)
        tables[table].validate(full=True)


def test_questions_keep_their_wording_in_the_file() -> None:
    field = SCHEMAS.of("responses").field("places__20")

    assert field.metadata[b"description"] == b"Where? [Work]"
    assert field.metadata[b"question_type"] == b"multi"


def test_two_questions_that_need_one_column_are_refused() -> None:
    twins = (DRINK, QuestionInfo("drink__status", "open", ValueKind.TEXT, "?"))

    with pytest.raises(SpecError, match="need the same column: drink__status"):
        make_schemas(contents_of(twins), {}, is_rehearsal=False)


def test_a_fact_that_bears_the_name_of_a_fixed_column_gets_another() -> None:
    schemas = make_schemas(CONTENTS, {"name": pa.string(), "age": pa.int64()}, is_rehearsal=False)

    assert schemas.of("people").names[-2:] == ["fact_name", "age"]


@pytest.mark.parametrize(
    "answers",
    [
        _answers()[:-1],
        _answers()[::-1],
        [*_answers(), _answers()[0]],
        _answers(drink={"code": 1}),
        _answers(why={"text": ""}),
        _answers(places={"selected": ()}),
        _answers(price={"status": AnswerStatus.REFUSED, "number": 0.0}),
    ],
)
def test_answers_that_leave_a_hole_or_fill_an_absence_are_refused(answers: list[Answer]) -> None:
    with pytest.raises(ValueError, match="the study"):
        checked(UnitOutcome(tuple(answers), ()), CONTENTS)


def test_answers_that_fit_are_passed_on() -> None:
    outcome = UnitOutcome(tuple(_answers()), ())

    assert checked(outcome, CONTENTS) is outcome


def test_statuses_are_counted_by_question() -> None:
    said: dict[str, object] = {"status": AnswerStatus.ANSWERED, "text": "x"}
    people = np.arange(3)
    planned = Planned(CONTENTS, range(3), 1, people.reshape(3, 1), people, np.ones(3, np.bool_), str)
    recount = AnswersTable().recount(planned)

    recount.count(_tables(*[_answers(why=said if n else {}) for n in range(3)])["answers"])

    counts = recount.tallies
    assert counts["why"] == {"answered": 2, "not_run": 1}
    assert counts["drink"] == {"not_run": 3}


def test_a_stranger_in_a_categorical_column_is_an_error() -> None:
    with pytest.raises(ValueError, match="'c' is no value of the column x"):
        categorical(["a", None, "c"], ["a", "b"], "x")


@given(st.lists(st.none() | st.lists(st.sampled_from(["a", "b", ""]), max_size=3), max_size=6))
def test_lists_of_texts_keep_their_content(values: list[list[str] | None]) -> None:
    array = text_lists(values)

    array.validate(full=True)
    assert array.type == pa.list_(pa.string())
    assert array.to_pylist() == values


def test_calls_know_which_questions_they_answered() -> None:
    rows = ShardRows()
    answers = _answers(drink={"call_key": "k1"}, places={"call_key": "k1"}, why={"call_key": "k2"})
    calls = [CallRecord("survey", key, "s", "ok", None, ChatReply(ReplyStatus.OK)) for key in ("k1", "k2", "k3")]
    rows.add(Unit(0, "u0", 0, 0), [_person(0)], UnitOutcome(tuple(answers), tuple(calls)))
    failed = CallRecord("survey", "k4", "s", "failed", "no", None)
    rows.add(Unit(1, "u1", 1, 0), [_person(1)], UnitOutcome(tuple(_answers()), (failed,)))

    table = SCHEMAS.build(rows, "run")["llm_calls"]

    assert table["question_ids"].to_pylist() == [["drink", "places"], ["why"], [], []]
    assert table["unit_id"].to_pylist() == ["u0", "u0", "u0", "u1"]
    assert table["cache"].to_pylist() == ["off", "off", "off", None]
    assert table["prompt_tokens"].to_pylist() == [None] * 4


def test_totals_count_what_was_sent_and_what_the_cache_saved() -> None:
    usage = Usage(100, 40, 10, 5)
    replies = [
        ChatReply(ReplyStatus.OK, usage=usage, cost_usd=0.5, cache=CacheState.MISS),
        ChatReply(ReplyStatus.OK, usage=usage, cost_usd=0.0, cache=CacheState.HIT),
        ChatReply(ReplyStatus.OK, usage=usage, cost_usd=0.0, cache=CacheState.JOINED),
        ChatReply(ReplyStatus.REFUSED, usage=None, cost_usd=None),
        None,
    ]
    totals = CallTotals()

    for reply in replies:
        totals.count(CallRecord("survey", "k", "s", "ok", None, reply))

    assert totals == CallTotals(
        calls=5,
        sent=2,
        hits=1,
        joined=1,
        failed=1,
        prompt_tokens=100,
        cached_tokens=40,
        completion_tokens=10,
        reasoning_tokens=5,
        reused_tokens=220,
        cost_usd=0.5,
        unpriced=1,
    )


def test_facts_are_typed_by_their_dimensions() -> None:
    run = new_run()

    assert fact_types(run.plan.population, run.factory) == {"age": pa.int64(), "region": pa.string()}
    assert run.schemas.of("people").field("age").type == pa.int64()


def test_the_page_on_datasets_lists_the_columns_as_they_are(request: pytest.FixtureRequest) -> None:
    page = (request.config.rootpath / "docs" / "datasets.md").read_text(encoding="utf-8")

    # Where this fails: python -m troupe_batch.results.schema docs/datasets.md
    assert with_column_lists(page) == page
    for name in ("distribution_labels", "question_ids", "persona", "replicate"):
        assert f"| `{name}` |" in page
