"""Checks a schema against the strict subset of the OpenAI API, as the real endpoint would before it answers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jsonschema_rs

from troupe_batch.truths.truth import SchemaRejected

MAX_NESTING = 10
MAX_PROPERTIES = 5_000
MAX_ENUM_VALUES = 1_000
MAX_NAME_CHARACTERS = 120_000

_NOT_SUPPORTED = (
    "allOf", "oneOf", "not", "if", "then", "else", "dependentRequired", "dependentSchemas", "patternProperties",
    "unevaluatedProperties", "propertyNames", "minProperties", "maxProperties", "prefixItems", "contains",
    "uniqueItems",
)  # fmt: skip


def check_schema(schema: dict[str, Any]) -> None:
    """SchemaRejected where this is no JSON Schema at all, or uses true and false as schemas."""
    try:
        jsonschema_rs.meta.validate(schema)
    except jsonschema_rs.ReferencingError as error:
        raise SchemaRejected(str(error)) from error
    except jsonschema_rs.ValidationError as error:
        place = "/".join(map(str, error.instance_path))
        raise SchemaRejected(f"In context=({place}), {error.message}") from error
    for _ in _nodes(schema, "", 1):
        pass  # each one that is no object is rejected on the way


def check_strict(schema: dict[str, Any]) -> None:
    """SchemaRejected where the strict mode of the API would refuse the schema."""
    if schema.get("type") != "object":
        raise SchemaRejected("the root of a strict schema must be of type object and no anyOf")
    properties = enum_values = characters = 0
    for place, node, depth in _nodes(schema, "", 1):
        _check_node(place, node)
        if depth > MAX_NESTING:
            raise SchemaRejected(f"In context=({place}), nested deeper than {MAX_NESTING} levels")
        names = list(node.get("properties", ())) + [v for v in node.get("enum", ()) if isinstance(v, str)]
        properties += len(node.get("properties", ()))
        enum_values += len(node.get("enum", ()))
        characters += sum(map(len, names))
    for count, limit, what in (
        (properties, MAX_PROPERTIES, "object properties"),
        (enum_values, MAX_ENUM_VALUES, "enum values"),
        (characters, MAX_NAME_CHARACTERS, "characters in property names and enum values"),
    ):
        if count > limit:
            raise SchemaRejected(f"the schema has {count} {what} in all; the limit is {limit}")


def _check_node(place: str, node: dict[str, Any]) -> None:
    for keyword in _NOT_SUPPORTED:
        if keyword in node:
            raise SchemaRejected(f"In context=({place}), '{keyword}' is not permitted")
    kind = node.get("type")
    is_object = kind == "object" or (isinstance(kind, list) and "object" in kind)
    if not is_object:
        return
    if node.get("additionalProperties") is not False:
        raise SchemaRejected(f"In context=({place}), 'additionalProperties' is required to be supplied and to be false")
    missing = set(node.get("properties", ())) ^ set(node.get("required", ()))
    if missing:
        raise SchemaRejected(
            f"In context=({place}), 'required' is required to be supplied and to be an array including every key in "
            f"properties. Missing or extra: '{min(missing)}'"
        )


def _nodes(node: Any, place: str, depth: int) -> Iterator[tuple[str, dict[str, Any], int]]:
    """Every schema within the schema, with its place and how many objects and arrays stand around it."""
    if not isinstance(node, dict):
        raise SchemaRejected(f"In context=({place}), a schema must be a JSON object")
    yield place, node, depth
    for keyword in ("properties", "$defs", "definitions"):
        deeper = depth + 1 if keyword == "properties" else 1
        for name, child in _mapping(node, keyword, place).items():
            yield from _nodes(child, f"{place}/{keyword}/{name}", deeper if _is_nested(child) else depth)
    if "items" in node:
        yield from _nodes(node["items"], f"{place}/items", depth + 1 if _is_nested(node["items"]) else depth)
    for number, child in enumerate(node.get("anyOf", ())):
        yield from _nodes(child, f"{place}/anyOf/{number}", depth)


def _mapping(node: dict[str, Any], keyword: str, place: str) -> dict[str, Any]:
    value = node.get(keyword, {})
    if not isinstance(value, dict):
        raise SchemaRejected(f"In context=({place}), '{keyword}' must be a JSON object")
    return value


def _is_nested(node: Any) -> bool:
    return isinstance(node, dict) and ("properties" in node or "items" in node)
