"""What an extraction asks for: what its file may say, the schema that goes out, and which values are read."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from troupe_batch.rehearsal.strict_schema import check_strict
from troupe_batch.simulation.extraction import (
    CategoryField,
    ExtractionSpec,
    FieldSpec,
    IntegerField,
    NumberField,
    TextField,
    UnreadableFinding,
    YesNoField,
    example_of,
    fields_from,
    findings_schema,
    read_findings,
)

FIELDS: tuple[FieldSpec, ...] = (
    TextField(id="idea", text="The idea in one sentence"),
    NumberField(id="price", text="Its price in euros", minimum=0, maximum=50.5),
    IntegerField(id="people", text="How many people it needs", minimum=1),
    YesNoField(id="is_new", text="Whether nobody had it before"),
    CategoryField(id="taken", text="How it was taken", labels=("gladly", "not at all")),
)
GOOD: dict[str, Any] = {"idea": "A lid", "price": 2.5, "people": 3, "is_new": True, "taken": "gladly"}


def spec(**changes: Any) -> dict[str, Any]:
    field = {"id": "idea", "type": "text", "text": "The idea"}
    return {"id": "ideas", "from": "world", "objective": "The ideas.", "fields": [field], **changes}


def test_a_spec_reads_as_it_stands_in_a_job_file() -> None:
    read = ExtractionSpec.model_validate(spec(many=True))

    assert (read.id, read.source, read.many, read.is_per_person) == ("ideas", "world", True, False)
    assert read.fields == (TextField(id="idea", text="The idea"),)


def test_findings_are_of_each_person_and_single_unless_the_spec_says_otherwise() -> None:
    plain = spec()
    del plain["from"]

    read = ExtractionSpec.model_validate(plain)

    assert (read.source, read.is_per_person, read.many) == ("person", True, False)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"fields": []}, "at least 1 item"),
        ({"objective": "  "}, "at least 1 character"),
        ({"from": "crowd"}, "'person' or 'world'"),
        ({"colour": "red"}, "Extra inputs"),
        ({"fields": [{"id": "a__b", "type": "text", "text": "t"}]}, "match pattern"),
        ({"fields": [{"id": "a", "type": "date", "text": "t"}]}, "does not match any of the expected tags"),
        ({"fields": [{"id": "a", "type": "category", "text": "t", "labels": ["x"]}]}, "at least 2 items"),
        ({"fields": [{"id": "a", "type": "category", "text": "t", "labels": ["x", "X"]}]}, "stands twice"),
        ({"fields": [{"id": "a", "type": "category", "text": "t", "labels": [True, "x"]}]}, "read as a truth value"),
        ({"fields": [{"id": "a", "type": "number", "text": "t", "minimum": 3, "maximum": 2}]}, "must not be less"),
        ({"fields": [{"id": "a", "type": "integer", "text": "t", "minimum": 0.2, "maximum": 0.8}]}, "no whole number"),
        ({"fields": [{"id": i, "type": "text", "text": "t"} for i in ("idea", "Idea")]}, "stands twice"),
    ],
)
def test_a_spec_that_cannot_work_is_refused_in_words(changes: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        ExtractionSpec.model_validate(spec(**changes))


def test_the_labels_of_all_categories_fit_into_one_request() -> None:
    labels = [f"label {number}" for number in range(200)]
    fields = [{"id": f"f{i}", "type": "category", "text": "t", "labels": labels} for i in range(6)]

    with pytest.raises(ValidationError, match="1200 labels"):
        ExtractionSpec.model_validate(spec(fields=fields))


@pytest.mark.parametrize("many", [False, True])
def test_the_schema_is_strict_and_lets_every_field_be_null(many: bool) -> None:
    schema = findings_schema(FIELDS, many=many)
    nothing = dict.fromkeys(GOOD)

    check_strict(dict(schema.schema))

    assert schema.name == "extraction"
    for reply in (GOOD, nothing):
        assert schema.problem({"findings": [reply]} if many else reply) is None
    wrong = {**GOOD, "taken": "so-so"}
    assert schema.problem({"findings": [wrong]} if many else wrong) is not None


def test_equal_fields_share_one_schema_object() -> None:
    again = tuple(field.model_copy() for field in FIELDS)

    assert findings_schema(FIELDS, many=True) is findings_schema(again, many=True)
    assert findings_schema(FIELDS, many=True) is not findings_schema(FIELDS, many=False)


def test_good_values_are_read_with_their_types() -> None:
    rows = read_findings({**GOOD, "people": 3.0, "idea": " A lid "}, FIELDS, many=False)

    assert rows == (GOOD,)
    assert isinstance(rows[0]["people"], int)


def test_null_stays_none() -> None:
    [row] = read_findings({**dict.fromkeys(GOOD), "is_new": False}, FIELDS, many=False)

    assert row == {"idea": None, "price": None, "people": None, "is_new": False, "taken": None}


def test_a_finding_without_any_value_is_no_finding() -> None:
    nothing = dict.fromkeys(GOOD)

    assert read_findings(nothing, FIELDS, many=False) == ()
    assert read_findings({"findings": []}, FIELDS, many=True) == ()
    assert read_findings({"findings": [nothing, GOOD]}, FIELDS, many=True) == (GOOD,)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("idea", ""),
        ("idea", "  "),
        ("idea", 3),
        ("idea", "\ud800"),
        ("price", -0.01),
        ("price", 50.6),
        ("price", float("nan")),
        ("price", True),
        ("price", 10**400),
        ("people", 0),
        ("people", 2.5),
        ("is_new", "yes"),
        ("is_new", 1),
        ("taken", "Gladly"),
        ("taken", ["gladly"]),
    ],
)
def test_a_value_that_does_not_fit_makes_the_reply_unreadable(field: str, value: object) -> None:
    bad = {**GOOD, field: value}

    with pytest.raises(UnreadableFinding, match=f"finding 2: {field}"):
        read_findings({"findings": [GOOD, bad]}, FIELDS, many=True)
    check = findings_schema(FIELDS, many=False).check
    assert check is not None
    assert field in str(check(bad))


@pytest.mark.parametrize("reply", [None, [], "idea", {"idea": "A lid"}, {"findings": GOOD}])
def test_a_reply_of_another_shape_is_unreadable(reply: object) -> None:
    for many in (False, True):
        with pytest.raises(UnreadableFinding):
            read_findings(reply, FIELDS, many=many)


def test_an_example_reply_fits_its_own_schema() -> None:
    tight = (IntegerField(id="n", text="t", maximum=-2.5), NumberField(id="x", text="t", minimum=0.25, maximum=0.75))
    for fields in (FIELDS, tight):
        for many in (False, True):
            example = example_of(fields, many=many)

            assert findings_schema(fields, many=many).problem(example) is None
            assert read_findings(example, fields, many=many)


def test_names_alone_are_text_fields() -> None:
    assert fields_from(["ad_id"]) == (TextField(id="ad_id", text="ad id"),)
    assert fields_from({"why": "The reason"}) == (TextField(id="why", text="The reason"),)
    assert fields_from([FIELDS[1], "why"]) == (FIELDS[1], TextField(id="why", text="why"))
    with pytest.raises(ValueError, match="stands twice"):
        fields_from(["why", "Why"])
