"""What goes into a strict schema: limits on labels, and no keyword that the endpoint does not know."""

from __future__ import annotations

from typing import Any

from troupe_batch.llm.schemas import CHECKED_HERE, excess_of, without_keywords


def group(properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def test_validation_keywords_go_wherever_they_stand() -> None:
    number = {"type": "number", "minimum": 0, "maximum": 9}
    texts = {
        "type": "array",
        "items": {"type": "string", "pattern": "^a", "format": "date"},
        "minItems": 2,
        "maxItems": 2,
    }
    schema = {**group({"n": {"anyOf": [number, {"type": "null"}]}, "t": texts}), "$defs": {"d": group({"m": number})}}

    stripped = without_keywords(schema, CHECKED_HERE)

    plain = {"type": "number"}
    expected = group({"n": {"anyOf": [plain, {"type": "null"}]}, "t": {"type": "array", "items": {"type": "string"}}})
    assert stripped == {**expected, "$defs": {"d": group({"m": plain})}}
    assert number["minimum"] == 0


def test_properties_and_labels_of_these_names_stay() -> None:
    schema = group({"format": {"type": "string", "enum": ["pattern", "minimum"]}, "maximum": group({"pattern": {}})})

    assert without_keywords(schema, CHECKED_HERE) == schema


def test_labels_fit_into_one_call_by_number_and_by_length() -> None:
    assert excess_of(["x"] * 1_000) is None
    assert excess_of(["x"] * 1_001) == "1001 options, and one call takes at most 1,000"
    assert excess_of(["x" * 400] * 300) is None
    assert excess_of(["x" * 401] * 300, "labels") == (
        "labels of 120,300 characters together, and one call takes at most 120,000"
    )
