from __future__ import annotations

from typing import Any

import pytest

from troupe_batch.rehearsal.strict_schema import check_schema, check_strict
from troupe_batch.truths.truth import SchemaRejected


def _object(**properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _nested(levels: int) -> dict[str, Any]:
    return _object(a=_nested(levels - 1)) if levels > 1 else _object(a={"type": "string"})


@pytest.mark.parametrize(
    ("schema", "complaint"),
    [
        ({"type": "string"}, "root"),
        ({**_object(), "additionalProperties": True}, "additionalProperties"),
        ({**_object(a={"type": "string"}), "required": []}, "Missing or extra: 'a'"),
        (_object(a={"oneOf": [{"type": "string"}]}), "'oneOf' is not permitted"),
        (_object(a={"type": "array", "items": {"type": "object"}}), r"\(/properties/a/items\)"),
        (_nested(11), "deeper than 10"),
        (_object(**{f"p{n}": {"type": "null"} for n in range(5_001)}), "5001 object properties"),
        (_object(a={"enum": list(range(1_001))}), "1001 enum values"),
        (_object(a={"enum": ["x" * 120_001]}), "characters"),
    ],
)
def test_what_the_api_refuses_is_refused_here_with_the_place(schema: dict[str, Any], complaint: str) -> None:
    with pytest.raises(SchemaRejected, match=complaint):
        check_strict(schema)


@pytest.mark.parametrize("schema", [_nested(10), _object(a={"anyOf": [{"type": "string"}, {"type": "null"}]})])
def test_what_the_api_takes_is_taken(schema: dict[str, Any]) -> None:
    check_strict(schema)


@pytest.mark.parametrize("schema", [{"type": "text"}, {"anyOf": []}, {"properties": []}, {"minItems": "3"}])
def test_what_is_no_schema_is_refused(schema: dict[str, Any]) -> None:
    with pytest.raises(SchemaRejected):
        check_schema(schema)
