"""Prose that a model wrote about the people of a run: about how many, how often it was mended, how alike it is."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from troupe_batch.analysis.duplicates import Duplicates, PersonText, near_duplicates
from troupe_batch.factory.enrichment import CHECK_PURPOSE, PURPOSE, REPAIR_PURPOSE
from troupe_batch.factory.full_persona import full_schema, texts_in
from troupe_batch.llm.chat import ReplyStatus
from troupe_batch.population.spec import EnrichLevel
from troupe_batch.results.dataset import Dataset

MOST_TEXTS = {EnrichLevel.BIO: 20_000, EnrichLevel.FULL: 5_000}
"""How many people's texts are compared with each other; of more, as many are taken, evenly spread."""

_MOST_EXAMPLES = 3
_FACT = re.compile(r"the fact is (\w+): ")
# Shorter ones are labels, which many people share as they share facts.
_FEWEST_WORDS = 4


@dataclass(frozen=True, slots=True)
class ProseCounts:
    """Counts of what became of the people whom a model was asked to write about.

    `written`, `left_out` and `missing` add up to `people`; `repaired` are among the written. Who was left out is their
    facts alone, as the text contradicted them twice; who is missing (refused, unreadable, failed) gave no answers.
    `unchecked` are among the written: nobody could say whether the text contradicts the facts.
    `contradicted` counts people by the fact that a text contradicted at first. Tokens are those of the calls for it.
    """

    level: str
    people: int
    written: int
    repaired: int
    left_out: int
    missing: int
    unchecked: int
    left_out_ids: tuple[str, ...]
    contradicted: Mapping[str, int]
    prompt_tokens: int
    cached_tokens: int
    texts: int
    duplicates: Duplicates

    @property
    def cached_share(self) -> float | None:
        """Share of the prompt tokens that the endpoint served from its cache; None where it did not count."""
        return self.cached_tokens / self.prompt_tokens if self.prompt_tokens else None

    def as_json(self) -> dict[str, Any]:
        """The figures as JSON values."""
        shares = {"share": self.duplicates.share, "are_many": self.duplicates.are_many}
        return {**asdict(self), "cached_share": self.cached_share, "duplicates": {**asdict(self.duplicates), **shares}}


def prose_of(dataset: Dataset) -> ProseCounts | None:
    """The prose of a run; None where no model was asked to write about anybody."""
    level = _written_level(dataset)
    if level is EnrichLevel.NONE:
        return None
    calls = _prose_calls(dataset)
    if calls is None:
        return None
    firsts, repairs = (_by_person(calls, purpose) for purpose in (PURPOSE, REPAIR_PURPOSE))
    if not firsts:
        return None
    has_text = {person for person, (status, _) in firsts.items() if status == ReplyStatus.OK}
    contradicted = {person: reason for person, (_, reason) in firsts.items() if person in has_text and reason}
    mended = {person for person, (status, reason) in repairs.items() if status == ReplyStatus.OK and not reason}
    # A check without a judgement is the last call about a person: nothing is mended without a finding.
    unchecked = _by_person(calls.filter(pc.not_equal(calls["status"], ReplyStatus.OK)), CHECK_PURPOSE)
    left_out = sorted(contradicted.keys() - mended)
    facts = Counter(fact for reason in contradicted.values() for fact in set(_FACT.findall(reason)))
    texts = sum(file.rows for file in dataset.manifest.files_of("people"))
    return ProseCounts(
        level=level,
        people=len(firsts),
        written=len(has_text) - len(left_out),
        repaired=len(mended),
        left_out=len(left_out),
        missing=len(firsts) - len(has_text),
        unchecked=len(unchecked),
        left_out_ids=tuple(left_out[:_MOST_EXAMPLES]),
        contradicted=dict(facts.most_common()),
        prompt_tokens=pc.sum(calls["prompt_tokens"]).as_py() or 0,
        cached_tokens=pc.sum(calls["cached_tokens"]).as_py() or 0,
        texts=texts,
        duplicates=near_duplicates(_person_texts(dataset, level, texts)),
    )


def text_of(persona: Mapping[str, Any], level: EnrichLevel) -> str:
    """All that a model wrote into the persona, as one text; empty where it wrote nothing."""
    if level is EnrichLevel.BIO:
        return str(persona.get("bio") or "")
    parts = (persona[key] for key in full_schema(frozenset()).schema["properties"] if key in persona)
    return "\n".join(leaf for part in parts for leaf in texts_in(part) if len(leaf.split()) >= _FEWEST_WORDS)


def _written_level(dataset: Dataset) -> EnrichLevel:
    """What the plan had a model write: the templates that it used tell."""
    used = set(dataset.manifest.provenance.prompt_digests)
    written = (level for level in EnrichLevel if level is not EnrichLevel.NONE)
    return next((level for level in written if f"factory/{level}.md" in used), EnrichLevel.NONE)


def _prose_calls(dataset: Dataset) -> pa.Table | None:
    """The calls that wrote about people; None where the run has no calls at all."""
    columns = ["purpose", "person_id", "status", "reason", "prompt_tokens", "cached_tokens"]
    purposes = pa.array([PURPOSE, CHECK_PURPOSE, REPAIR_PURPOSE])
    batches = [
        batch.filter(pc.is_in(batch["purpose"], value_set=purposes)) for batch in dataset.batches("llm_calls", columns)
    ]
    return pa.Table.from_batches(batches) if batches else None


def _by_person(calls: pa.Table, purpose: str) -> dict[str, tuple[str, str | None]]:
    """How the call for each person ended, and what was wrong; a shard holds all units of a person, so there is one."""
    rows = calls.filter(pc.equal(calls["purpose"], purpose))
    people, *ended = (rows[name].to_pylist() for name in ("person_id", "status", "reason"))
    return dict(zip(people, zip(*ended, strict=True), strict=True))


def _person_texts(dataset: Dataset, level: EnrichLevel, people: int) -> Iterator[PersonText]:
    """The texts of at most as many people as MOST_TEXTS says."""
    most = MOST_TEXTS[level]
    taken = {place * people // most for place in range(most)} if people > most else range(people)
    row = 0
    for batch in dataset.batches("people", ["person_id", "name", "persona"]):
        columns = (column.to_pylist() for column in batch.columns)
        for person_id, name, persona in zip(*columns, strict=True):
            if row in taken and (text := text_of(orjson.loads(persona), level)):
                yield PersonText(person_id, text, name)
            row += 1
