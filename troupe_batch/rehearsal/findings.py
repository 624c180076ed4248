"""What is read out of what people did: typed findings, made up for a reply schema named `extraction`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from troupe_batch.rehearsal.act_specs import Extractions
from troupe_batch.rehearsal.instances import resolve
from troupe_batch.rehearsal.judgements import judgement_parts
from troupe_batch.rehearsal.prompt import Prompt
from troupe_batch.rehearsal.reply_plan import PropertyMaker, Refused, ReplyPart, field_maker
from troupe_batch.seeded import DrawStream, weighted_index
from troupe_batch.truths.truth import QuestionTruth

EXTRACTION = "extraction"
FINDINGS = "findings"


@dataclass(frozen=True)
class FindingsReader:
    """Who reads what happened: the behaviour of each field, and the weight of each number of findings."""

    fields: Mapping[str, QuestionTruth] = field(default_factory=dict)
    counts: Mapping[int, float] = field(default_factory=lambda: _counts(Extractions()))

    @classmethod
    def of(cls, extractions: Extractions | None) -> FindingsReader:
        """As the respondent file says; without a word in it, findings vary and mean nothing."""
        return cls(extractions.fields, _counts(extractions)) if extractions else cls()


def extraction_parts(schema: dict[str, Any], reader: FindingsReader) -> Mapping[str, ReplyPart]:
    """Makers of the fields, be they the whole reply or those of each finding in a list."""
    node = schema.get("properties", {}).get(FINDINGS, {})
    items = node.get("items", {})
    items = resolve(schema, items["$ref"]) if "$ref" in items else items
    if node.get("type") != "array" or items.get("type") != "object":
        return judgement_parts(schema, reader.fields)
    return {FINDINGS: ReplyPart(_listing(node, items, schema, reader))}


def _listing(
    node: dict[str, Any], items: dict[str, Any], root: dict[str, Any], reader: FindingsReader
) -> PropertyMaker:
    fewest, most = int(node.get("minItems", 0)), int(node.get("maxItems", max(reader.counts)))
    counts, weights = list(reader.counts), list(reader.counts.values())
    makers = []
    for name, child in items.get("properties", {}).items():
        truth = reader.fields.get(name)
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


def _counts(extractions: Extractions) -> Mapping[int, float]:
    return {int(count): weight for count, weight in extractions.findings.count.items()}
