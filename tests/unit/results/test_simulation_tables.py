"""The tables of studies in which people act, built from what units left behind."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from tests.doubles.designs import contents_of
from tests.doubles.pairs import IDEAS, MOOD, NOON, ROLE, PairStudy, pair_run
from troupe_batch.errors import SpecError
from troupe_batch.llm.chat import CallRecord
from troupe_batch.persona import Persona
from troupe_batch.results.contents import Contents, Planned
from troupe_batch.results.run import Run
from troupe_batch.results.schema import make_schemas
from troupe_batch.results.shard_rows import ShardRows
from troupe_batch.results.tables import TABLES
from troupe_batch.results.tables.events import EventsTable
from troupe_batch.results.tables.extractions import ExtractionsTable
from troupe_batch.simulation.person.person import TinyPerson
from troupe_batch.simulation.record.events import Event, EventKind, EventStatus
from troupe_batch.studies.study import (
    Answer,
    AnswerStatus,
    ExtractionInfo,
    FieldInfo,
    FieldType,
    Finding,
    FindingStatus,
    Unit,
    UnitOutcome,
)

CONTENTS = contents_of((MOOD,), (IDEAS, ROLE), has_events=True, seat_names=("host", None))
SCHEMAS = make_schemas(CONTENTS, {}, is_rehearsal=True)
NOTHING = UnitOutcome((), ())


def tables(*outcomes: UnitOutcome, contents: Contents = CONTENTS) -> dict[str, pa.Table]:
    rows = ShardRows()
    for index, outcome in enumerate(outcomes):
        seats = range(10 * index, 10 * index + contents.design.seats)
        answers = outcome.answers or tuple(
            Answer("mood", "single", AnswerStatus.NOT_RUN, "x") for _ in seats for _ in contents.design.questions
        )
        people = [TinyPerson.cast(n, Persona({}), {}) for n in seats]
        rows.add(Unit(index, f"w{index}", index, 0, "a"), people, dataclasses.replace(outcome, answers=answers))
    return make_schemas(contents, {}, is_rehearsal=True).build(rows, "run")


def told(*events: Event) -> UnitOutcome:
    return UnitOutcome((), (), events)


def found(*findings: Finding) -> UnitOutcome:
    return UnitOutcome((), (), (), findings)


def test_events_stand_in_order_and_are_numbered_anew_for_each_unit() -> None:
    hello, bye = (Event(EventKind.ACTION, "TALK", text) for text in ("Hello.", "Bye."))

    events = tables(told(hello, bye), NOTHING, told(bye))["events"]

    columns = ("unit_id", "unit_index", "order", "content", "arm", "is_rehearsal")
    assert [tuple(row[name] for name in columns) for row in events.to_pylist()] == [
        ("w0", 0, 0, "Hello.", "a", True),
        ("w0", 0, 1, "Bye.", "a", True),
        ("w2", 2, 0, "Bye.", "a", True),
    ]


def test_an_event_keeps_all_of_its_parts() -> None:
    event = Event(
        EventKind.ACTION,
        "WRITE_DOCUMENT",
        "Once upon a time",
        "p1",
        "Ann",
        "p2",
        "Bob",
        {"title": "Sopa fría"},
        EventStatus.UNDELIVERED,
        "Bob has left",
        3,
        NOON,
        7.0,
        2,
        "4b1d",
    )

    [row] = tables(told(event))["events"].to_pylist()

    assert {name: row[name] for name in SCHEMAS.of("events").names[6:-1]} == {
        "step": 3,
        "simulated_time": NOON,
        "kind": "action",
        "type": "WRITE_DOCUMENT",
        "status": "undelivered",
        "reason": "Bob has left",
        "actor_id": "p1",
        "actor": "Ann",
        "target_id": "p2",
        "target": "Bob",
        "content": "Once upon a time",
        "details": '{"title":"Sopa fría"}',
        "quality": 7.0,
        "attempts": 2,
        "call_key": "4b1d",
    }


def test_an_event_that_says_little_is_mostly_null() -> None:
    [row] = tables(told(Event(EventKind.CHANGE, "LOCATION")))["events"].to_pylist()

    assert [name for name, value in row.items() if value is None] == [
        "step",
        "simulated_time",
        "reason",
        "actor_id",
        "actor",
        "target_id",
        "target",
        "content",
        "details",
        "quality",
        "attempts",
        "call_key",
    ]


def test_simulated_time_is_the_clock_on_the_wall_whatever_its_zone() -> None:
    zoned = Event(EventKind.CHANGE, "TIME", simulated_time=datetime(2025, 1, 6, 9, 30, tzinfo=UTC))

    events = tables(told(zoned, Event(EventKind.CHANGE, "TIME", simulated_time=NOON)))["events"]

    assert events.schema.field("simulated_time").type == pa.timestamp("us")
    assert [time.isoformat() for time in events["simulated_time"].to_pylist()] == [
        "2025-01-06T09:30:00",
        "2025-03-04T12:00:00",
    ]


def test_half_a_character_costs_no_shard() -> None:
    broken = Event(EventKind.ACTION, "TALK", "What \ud83d?", details={"title": "\udc00", "fluency": {"score": 7}})
    idea = Finding("ideas", FindingStatus.FOUND, None, 0, values={"idea": "\ud800 soup"})

    both = dataclasses.replace(told(broken), findings=(idea,))

    written = tables(both)
    assert written["events"]["content"].to_pylist() == ["What ??"]
    assert written["events"]["details"].to_pylist() == ['{"title":"?","fluency":{"score":7}}']
    assert written["extractions"]["idea"].to_pylist() == ["? soup"]


def test_findings_have_typed_columns_and_absences_none_of_them() -> None:
    values: dict[str, str | float | bool | None] = {"idea": "Cold", "reason": "Heat", "cost": 2, "votes": 3}
    values |= {"is_new": False, "kind": "Soup"}
    idea = Finding("ideas", FindingStatus.FOUND, None, 0, values=values, call_key="k")
    missing = Finding("role", FindingStatus.UNREADABLE, 1, reason="no JSON")

    extractions = tables(found(idea, missing))["extractions"]

    first, second = extractions.to_pylist()
    assert first | {"idea": "Cold", "field_reason": "Heat", "cost": 2.0, "votes": 3} == first
    assert (first["is_new"], first["kind"], first["reason"], first["call_key"]) == (False, "Soup", None, "k")
    assert (first["person_id"], first["person_index"], first["seat"], first["number"]) == (None, None, None, 0)
    assert (second["person_id"], second["person_index"], second["seat"], second["number"]) == ("p000001", 1, 1, None)
    assert (second["status"], second["reason"]) == ("unreadable", "no JSON")
    fields = ("idea", "field_reason", "cost", "votes", "is_new", "kind")
    assert [second[name] for name in fields] == [None] * 6
    assert [str(extractions.schema.field(name).type) for name in fields] == [
        "string",
        "string",
        "double",
        "int64",
        "bool",
        "dictionary<values=string, indices=int32, ordered=0>",
    ]
    # Both extractions have a `kind`: the labels are those of both, the same in every shard.
    assert extractions["kind"].chunk(0).dictionary.to_pylist() == ["Soup", "Bread", "Cake"]
    assert extractions.schema.field("kind").metadata == {
        b"description": b"What it is",
        b"field_type": b"category",
        b"extractions": b"ideas, role",
    }


def test_a_finding_about_a_person_names_the_one_in_the_seat() -> None:
    rows = [Finding("role", FindingStatus.FOUND, seat, 0, values={"kind": "Cake"}) for seat in (0, 1)]

    extractions = tables(found(*rows), found(*rows))["extractions"]

    assert extractions["person_index"].to_pylist() == [0, 1, 10, 11]
    assert extractions["seat"].to_pylist() == [0, 1, 0, 1]


def test_one_field_of_two_types_is_refused() -> None:
    texts = ExtractionInfo("quotes", is_per_person=True, is_many=True, fields=(FieldInfo("cost", FieldType.TEXT, "x"),))

    with pytest.raises(SpecError, match="the field cost is number in the extraction ideas and text in quotes"):
        make_schemas(contents_of((), (IDEAS, texts)), {}, is_rehearsal=False)


def test_two_fields_that_need_one_column_are_refused() -> None:
    twins = tuple(FieldInfo(name, FieldType.TEXT, "x") for name in ("reason", "field_reason"))
    extraction = ExtractionInfo("x", is_per_person=False, is_many=False, fields=twins)

    with pytest.raises(SpecError, match="need the same column: field_reason"):
        make_schemas(contents_of((), (extraction,)), {}, is_rehearsal=False)


@pytest.mark.parametrize(
    ("contents", "left_out"),
    [
        (CONTENTS, set()),
        (contents_of((MOOD,)), {"events", "extractions"}),
        (contents_of((), (ROLE,), has_events=True), {"answers"}),
        (contents_of((), (), has_events=True), {"answers", "extractions"}),
    ],
)
def test_a_run_has_the_tables_that_its_study_fills(contents: Contents, left_out: set[str]) -> None:
    built = tables(NOTHING, contents=contents)

    assert set(built) == {table.name for table in TABLES} - left_out
    for table, rows in built.items():
        schema = make_schemas(contents, {}, is_rehearsal=True).of(table)
        assert rows.schema.equals(schema, check_metadata=True)
        assert schema.metadata[b"synthetic"] == b"true"
        assert schema.metadata[b"troupe_batch.schema"] == f"troupe_batch/{table}/1".encode()
        rows.validate(full=True)


def test_people_in_worlds_have_rows_of_their_own_with_their_seat() -> None:
    built = tables(NOTHING, NOTHING)

    for table in ("answers", "responses"):
        columns = ("unit_id", "person_id", "person_index", "seat")
        assert [tuple(row[name] for name in columns) for row in built[table].to_pylist()] == [
            ("w0", "p000000", 0, 0),
            ("w0", "p000001", 1, 1),
            ("w1", "p000010", 10, 0),
            ("w1", "p000011", 11, 1),
        ]


def test_seats_bear_their_names_where_the_job_has_some() -> None:
    roles = found(*[Finding("role", FindingStatus.NONE_FOUND, seat) for seat in (None, 0, 1)])
    nameless = contents_of((MOOD,), (IDEAS, ROLE), seat_names=(None, None), has_events=True)

    named, unnamed = tables(roles, NOTHING), tables(roles, NOTHING, contents=nameless)

    assert named["extractions"]["seat_name"].to_pylist() == [None, "host", None]
    for table in ("answers", "responses"):
        assert named[table]["seat_name"].to_pylist() == ["host", None] * 2
        assert unnamed[table]["seat_name"].to_pylist() == [None] * 4
        place = named[table].schema.get_field_index("seat")
        assert named[table].schema.names[place + 1] == "seat_name"
        unnamed[table].validate(full=True)


def test_calls_in_worlds_say_whose_they_are_and_others_are_of_the_person_of_the_unit() -> None:
    calls = tuple(CallRecord("act", "k", "s", "ok", None, None, whose) for whose in ("p000001", None))
    alone = contents_of((MOOD,), has_events=True)

    worlds, one = (tables(UnitOutcome((), calls), contents=contents) for contents in (CONTENTS, alone))

    assert worlds["llm_calls"]["person_id"].to_pylist() == ["p000001", None]
    assert one["llm_calls"]["person_id"].to_pylist() == ["p000000"] * 2


def test_a_field_named_for_a_seat_gets_another_column() -> None:
    fields = tuple(FieldInfo(name, FieldType.TEXT, "x") for name in ("seat", "seat_name"))
    extraction = ExtractionInfo("x", is_per_person=True, is_many=False, fields=fields)
    taken = contents_of((), (extraction,), seat_names=(None, None))

    assert make_schemas(taken, {}, is_rehearsal=False).of("extractions").names[-2:] == [
        "field_seat",
        "field_seat_name",
    ]


def test_where_units_are_single_people_there_is_no_seat() -> None:
    alone = make_schemas(contents_of((MOOD,), (ROLE,), has_events=True), {}, is_rehearsal=False)

    assert not any({"seat", "seat_name"} & set(alone.of(table).names) for table in alone.names)
    assert not alone.of("llm_calls").field("person_id").nullable
    assert SCHEMAS.of("llm_calls").field("person_id").nullable


def test_what_there_is_is_counted() -> None:
    failed = Event(EventKind.FAILURE, "ACT", status=EventStatus.FAILED)
    tool = Event(EventKind.FAILURE, "CONSULT", status=EventStatus.FAILED)
    people = np.arange(2)
    findings = (Finding("ideas", FindingStatus.NONE_FOUND), Finding("role", FindingStatus.FOUND, 0, 0))
    built = tables(UnitOutcome((), (), (failed, tool), findings))
    planned = Planned(CONTENTS, range(1), 1, people.reshape(1, 2), people, np.ones(1, np.bool_), str)

    found, happened = ExtractionsTable().recount(planned), EventsTable().recount(planned)
    found.count(built["extractions"])
    happened.count(built["events"])

    assert found.tallies == {"ideas": {"none_found": 1}, "role": {"found": 1}}
    assert happened.tallies == {"all": {"events": 2, "failed_acts": 1}}


def run_of(**changes: Any) -> Run:
    return pair_run(study=PairStudy(**changes), people=12)


def test_a_run_knows_what_its_units_leave() -> None:
    left = run_of().contents
    stated = ("questions", "extractions", "seat_names")

    assert [getattr(left.design, name) for name in stated] == [getattr(CONTENTS.design, name) for name in stated]
    assert left.has_events
    assert not left.may_be_quiet
    assert run_of(extractions=()).schemas.names == ("people", "answers", "responses", "events", "llm_calls")
