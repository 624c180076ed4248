"""Whatever strict schema comes, the made-up value is valid against it, in the eyes of two validators."""

from __future__ import annotations

from typing import Any

import jsonschema
import jsonschema_rs
import orjson
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from troupe_batch.rehearsal.instances import compile_instances
from troupe_batch.rehearsal.prompt import Prompt
from troupe_batch.rehearsal.reply_plan import ReplyPlan
from troupe_batch.seeded import DrawStream
from troupe_batch.truths.truth import SchemaRejected

NAMES = st.sampled_from(["a", "b", "dont_know", "None of these", "x.y", "né"])
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(-5, 5), st.sampled_from(["a", "b", ""]), st.just(0.5))


@st.composite
def _bounded_numbers(draw: st.DrawFn) -> dict[str, Any]:
    low = draw(st.integers(-20, 20) | st.floats(-20, 20).map(lambda x: round(x, 3)))
    node: dict[str, Any] = {"type": draw(st.sampled_from(["integer", "number"]))}
    node[draw(st.sampled_from(["minimum", "exclusiveMinimum"]))] = low
    if draw(st.booleans()):
        node[draw(st.sampled_from(["maximum", "exclusiveMaximum"]))] = low + draw(st.integers(2, 30))
    return node


@st.composite
def _arrays(draw: st.DrawFn, items: st.SearchStrategy[dict[str, Any]]) -> dict[str, Any]:
    fewest = draw(st.integers(0, 3))
    node: dict[str, Any] = {"type": "array", "items": draw(items)}
    if draw(st.booleans()):
        node["minItems"] = fewest
    if draw(st.booleans()):
        node["maxItems"] = fewest + draw(st.integers(0, 2))
    return node


def _objects(values: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    return st.dictionaries(NAMES, values, max_size=4).map(_object)


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


LEAVES = st.one_of(
    st.sampled_from(["string", "number", "integer", "boolean", "null"]).map(lambda kind: {"type": kind}),
    st.lists(st.sampled_from(["string", "integer", "null", "boolean"]), min_size=1, max_size=3, unique=True).map(
        lambda kinds: {"type": kinds}
    ),
    st.lists(SCALARS, min_size=1, max_size=4).map(lambda values: {"enum": values}),
    SCALARS.map(lambda value: {"const": value}),
    st.sampled_from(["date", "time", "date-time", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"]).map(
        lambda name: {"type": "string", "format": name}
    ),
    st.builds(
        lambda low, more: {"type": "string", "minLength": low, "maxLength": low + more},
        st.integers(0, 90),
        st.integers(0, 9),
    ),
    st.sampled_from([2, 5, 0.5, 0.1]).map(
        lambda step: {"type": "number", "multipleOf": step, "minimum": -3, "maximum": 7}
    ),
    _bounded_numbers(),
    st.sampled_from([{"$ref": "#/$defs/person"}, {"$ref": "#/$defs/choice"}, {"$ref": "#/$defs/tree"}]),
)
NODES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        _objects(inner),
        _arrays(inner),
        st.lists(inner, min_size=1, max_size=3).map(lambda branches: {"anyOf": branches}),
    ),
    max_leaves=8,
)
DEFINITIONS = {
    "choice": {"type": "string", "enum": ["yes", "no"]},
    "person": _object({"age": {"type": "integer", "minimum": 0, "maximum": 120}, "answer": {"$ref": "#/$defs/choice"}}),
    "tree": _object(
        {
            "children": {"type": "array", "items": {"$ref": "#/$defs/tree"}},
            "next": {"anyOf": [{"$ref": "#/$defs/tree"}, {"type": "null"}]},
            "whole": {"anyOf": [{"$ref": "#/$defs/tree"}, {"$ref": "#/$defs/choice"}]},
        }
    ),
}  # fmt: skip


@settings(max_examples=300)
@given(st.dictionaries(NAMES, NODES, max_size=4), st.integers(0, 2**64 - 1))
@example({"a": {"$ref": "#/$defs/tree"}}, 3)
@example({"a": {"anyOf": [{"type": "integer", "minimum": 0, "maximum": 5}, {"type": "null"}]}}, 0)
def test_made_up_replies_are_valid_for_any_strict_schema(properties: dict[str, Any], key: int) -> None:
    schema = _object(properties) | {"$defs": DEFINITIONS}

    value = ReplyPlan(schema, {}, is_strict=True).reply(Prompt([]), key)

    on_the_wire = orjson.loads(orjson.dumps(value))
    jsonschema.validate(on_the_wire, schema, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER)
    jsonschema_rs.validate(schema, on_the_wire)


@pytest.mark.parametrize(
    "node",
    [
        {"type": "object", "properties": {"next": {"$ref": "#"}}, "required": ["next"], "additionalProperties": False},
        {"type": "integer", "minimum": 3, "maximum": 2},
        {"type": "integer", "exclusiveMinimum": 3, "exclusiveMaximum": 4},
        {"type": "number", "multipleOf": 10, "minimum": 1, "maximum": 9},
        {"type": "array", "items": {"type": "null"}, "minItems": 3, "maxItems": 2},
        {"type": "string", "pattern": "^(xyzzy){7}$"},
        {"type": "string", "format": "postcode"},
        {"type": "string", "enum": [1, 2]},
        {"$ref": "#/$defs/nowhere"},
        {"$ref": "https://example.org/schema"},
    ],
)  # fmt: skip
def test_a_schema_without_a_value_is_rejected_and_never_answered_wrongly(node: dict[str, Any]) -> None:
    with pytest.raises(SchemaRejected):
        compile_instances(node)


def test_a_recursive_schema_ends_and_varies() -> None:
    schema = _object({"tree": {"$ref": "#/$defs/tree"}}) | {"$defs": DEFINITIONS}
    make = compile_instances(schema)

    sizes = {len(orjson.dumps(make(DrawStream(key)))) for key in range(50)}

    assert len(sizes) > 10
    assert max(sizes) < 2**20


def test_a_common_pattern_is_matched() -> None:
    make = compile_instances({"type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}$"})

    assert make(DrawStream(1)) == "2024-05-17"
