"""Judgements and other replies of known schemas: a property, or the value of a verdict, behaves as a file says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from troupe_batch.rehearsal.instances import resolve
from troupe_batch.rehearsal.prompt import Prompt
from troupe_batch.rehearsal.reply_plan import PropertyMaker, ReplyPart, field_maker, plain_maker
from troupe_batch.seeded import DrawStream
from troupe_batch.truths.strings import MARK
from troupe_batch.truths.truth import QuestionTruth

ASSIGNED = "assigned"
CONTRADICTIONS = "contradictions"
VALUE = "value"
_FOUND = {"quote", "fact", "why", "is_possible"}
_WORDS_OR_NONE = {"type": ["string", "null"]}


def judgement_parts(schema: dict[str, Any], truths: Mapping[str, QuestionTruth]) -> Mapping[str, ReplyPart]:
    """Makers of the properties of which a truth is told here.

    A choice may also be yes or no, or null where it says don't know. A property that is a verdict, an object with a
    `value`, gets the behaviour in its value.
    """
    parts = {}
    for name, written in schema.get("properties", {}).items():
        if (truth := truths.get(name)) is not None:
            node = resolve(schema, written["$ref"]) if "$ref" in written else written
            make = _verdict(name, node, schema, truth) if VALUE in node.get("properties", {}) else None
            parts[name] = ReplyPart(make or field_maker(name, node, schema, truth), truth.refusal_rate)
    return parts


def assigned_parts(schema: dict[str, Any]) -> Mapping[str, ReplyPart]:
    """Makers of properties that refer to one list of categories: seldom null, as if each stood there written out."""
    nodes = schema.get("properties", {})
    referring = {name: resolve(schema, node["$ref"]) for name, node in nodes.items() if "$ref" in node}
    return {name: ReplyPart(plain_maker(node, schema)) for name, node in referring.items()}


def contradiction_parts(schema: dict[str, Any], truths: Mapping[str, QuestionTruth]) -> Mapping[str, ReplyPart]:
    """The maker of what a judge of prose finds: nothing, or the words that a file quotes against the fact of a name."""
    node = schema.get("properties", {}).get(CONTRADICTIONS, {})
    if set(node.get("items", {}).get("properties", {})) != _FOUND:
        return {}
    makers = {fact: field_maker(fact, _WORDS_OR_NONE, schema, truth) for fact, truth in truths.items()}

    def make(prompt: Prompt, draws: DrawStream) -> list[dict[str, Any]]:
        quotes = {fact: maker(prompt, draws) for fact, maker in makers.items()}
        return [
            {"quote": quote.removeprefix(MARK), "fact": fact, "why": f"{MARK}a file says so", "is_possible": False}
            for fact, quote in quotes.items()
            if quote is not None
        ]

    return {CONTRADICTIONS: ReplyPart(make)}


def _verdict(name: str, node: dict[str, Any], root: dict[str, Any], truth: QuestionTruth) -> PropertyMaker:
    properties = node["properties"]
    makers = {
        key: field_maker(name, child, root, truth) if key == VALUE else plain_maker(child, root)
        for key, child in properties.items()
    }

    def make(prompt: Prompt, draws: DrawStream) -> dict[str, Any]:
        return {key: maker(prompt, draws) for key, maker in makers.items()}

    return make
