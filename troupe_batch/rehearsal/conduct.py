"""Conduct: all that made-up respondents do, by the name of the reply schema: answers, acts, findings and judgements."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from troupe_batch.rehearsal.act_specs import Acts, Extractions
from troupe_batch.rehearsal.acts import ACT, act_parts
from troupe_batch.rehearsal.instances import resolve, resolved
from troupe_batch.rehearsal.prompt import Prompt
from troupe_batch.rehearsal.reply_plan import (
    PropertyMaker,
    Refused,
    ReplyPart,
    ReplyPlan,
    field_maker,
    no_parts,
    plain_maker,
)
from troupe_batch.rehearsal.respondents import Respondents
from troupe_batch.seeded import DrawStream, weighted_index
from troupe_batch.truths.strings import MARK
from troupe_batch.truths.truth import QuestionTruth

_EXTRACTION = "extraction"
_FINDINGS = "findings"
_ASSIGNED = "assigned"
_VALUE = "value"
_CONTRADICTIONS = "contradictions"
_FOUND = {"quote", "fact", "why", "is_possible"}
_WORDS_OR_NONE = {"type": ["string", "null"]}


@dataclass(frozen=True)
class Conduct:
    """Conduct of respondents: how they answer, act, are read and judged; by default as a server without a file."""

    questions: Mapping[str, QuestionTruth] = field(default_factory=dict)
    acts: Acts = field(default_factory=Acts)
    extractions: Extractions = field(default_factory=Extractions)
    judgements: Mapping[str, Mapping[str, QuestionTruth]] = field(default_factory=dict)

    @classmethod
    def of(cls, respondents: Respondents | None) -> Conduct:
        """What the file says; without a word in it, acts are ordinary, and findings vary and mean nothing."""
        if respondents is None:
            return cls()
        return cls(
            respondents.questions,
            respondents.acts or Acts(),
            respondents.extractions or Extractions(),
            respondents.judgements or {},
        )

    def plan(self, name: str, schema: dict[str, Any], *, is_strict: bool) -> ReplyPlan:
        """How replies to the schema of this name are made; SchemaRejected where there are none."""
        if name == ACT:
            acting = partial(act_parts, acts=self.acts, questions=self.questions)
            return ReplyPlan(schema, self.questions, is_strict=is_strict, parts=acting)
        if name == _EXTRACTION:
            return ReplyPlan(
                schema, {}, is_strict=is_strict, parts=partial(_extraction_parts, extractions=self.extractions)
            )
        if name == _CONTRADICTIONS:
            found = partial(_contradiction_parts, truths=self.judgements.get(name, {}))
            return ReplyPlan(schema, {}, is_strict=is_strict, parts=found)
        if name in self.judgements:
            judged = partial(_judgement_parts, truths=self.judgements[name])
            return ReplyPlan(schema, {}, is_strict=is_strict, parts=judged)
        parts = _assigned_parts if name == _ASSIGNED else no_parts
        return ReplyPlan(schema, self.questions, is_strict=is_strict, parts=parts)


def _extraction_parts(schema: dict[str, Any], extractions: Extractions) -> Mapping[str, ReplyPart]:
    """Makers of the fields, be they the whole reply or those of each finding in a list."""
    node = schema.get("properties", {}).get(_FINDINGS, {})
    items = resolved(schema, node.get("items", {}))
    if node.get("type") != "array" or items.get("type") != "object":
        return _judgement_parts(schema, extractions.fields)
    return {_FINDINGS: ReplyPart(_listing(node, items, schema, extractions))}


def _listing(
    node: dict[str, Any], items: dict[str, Any], root: dict[str, Any], extractions: Extractions
) -> PropertyMaker:
    weight_of = extractions.findings.count
    counts, weights = [int(count) for count in weight_of], list(weight_of.values())
    fewest, most = int(node.get("minItems", 0)), int(node.get("maxItems", max(counts)))
    makers = []
    for name, child in items.get("properties", {}).items():
        truth = extractions.fields.get(name)
        target = resolve(root, child["$ref"]) if truth and "$ref" in child else child
        rate = truth.refusal_rate if truth else 0.0
        makers.append((name, field_maker(name, target, root, truth), rate))

    def finding(prompt: Prompt, draws: DrawStream) -> dict[str, Any]:
        found = {}
        for name, make, refusal_rate in makers:
            if draws.uniform() < refusal_rate:
                raise Refused
            # Later fields of the finding may speak of it.
            found[name] = prompt.said[name] = make(prompt, draws)
        return found

    def listed(prompt: Prompt, draws: DrawStream) -> list[dict[str, Any]]:
        count = counts[weighted_index(weights, draws.uniform())]
        return [finding(prompt, draws) for _ in range(max(fewest, min(count, most)))]

    return listed


def _judgement_parts(schema: dict[str, Any], truths: Mapping[str, QuestionTruth]) -> Mapping[str, ReplyPart]:
    """Makers of the properties of which a truth is told here.

    A choice may also be yes or no, or null where it says don't know. A property that is a verdict, an object with a
    `value`, gets the behaviour in its value.
    """
    parts = {}
    for name, written in schema.get("properties", {}).items():
        if (truth := truths.get(name)) is not None:
            node = resolved(schema, written)
            make = _verdict(name, node, schema, truth) if _VALUE in node.get("properties", {}) else None
            parts[name] = ReplyPart(make or field_maker(name, node, schema, truth), truth.refusal_rate)
    return parts


def _assigned_parts(schema: dict[str, Any]) -> Mapping[str, ReplyPart]:
    """Makers of properties that refer to one list of categories: seldom null, as if each stood there written out."""
    nodes = schema.get("properties", {})
    referring = {name: resolve(schema, node["$ref"]) for name, node in nodes.items() if "$ref" in node}
    return {name: ReplyPart(plain_maker(node, schema)) for name, node in referring.items()}


def _contradiction_parts(schema: dict[str, Any], truths: Mapping[str, QuestionTruth]) -> Mapping[str, ReplyPart]:
    """The maker of what a judge of prose finds: nothing, or the words that a file quotes against the fact of a name."""
    node = schema.get("properties", {}).get(_CONTRADICTIONS, {})
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

    return {_CONTRADICTIONS: ReplyPart(make)}


def _verdict(name: str, node: dict[str, Any], root: dict[str, Any], truth: QuestionTruth) -> PropertyMaker:
    properties = node["properties"]
    makers = {
        key: field_maker(name, child, root, truth) if key == _VALUE else plain_maker(child, root)
        for key, child in properties.items()
    }

    def make(prompt: Prompt, draws: DrawStream) -> dict[str, Any]:
        return {key: maker(prompt, draws) for key, maker in makers.items()}

    return make
