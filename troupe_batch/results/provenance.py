"""Provenance of a dataset, as its manifest states it, and what processes noted of their endpoint on the way to it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from troupe_batch.declared import as_declared
from troupe_batch.planning.plan import Plan
from troupe_batch.population.records import worth_of_records
from troupe_batch.results.ledger import RunTotals
from troupe_batch.results.manifest import Provenance
from troupe_batch.results.store import RunStore

_FOLDER = "endpoint"


@dataclass(frozen=True, slots=True)
class EndpointNote:
    """Note of one process: `left_out` by model the fields and keywords of JSON Schema that were refused.

    `abilities` are the lines of a probe, empty for who made none.
    """

    left_out: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    abilities: list[str] = field(default_factory=list)


async def keep_note(store: RunStore, left_out: Mapping[str, Any], abilities: Sequence[str] = ()) -> None:
    """Keeps what was found out; the same twice is kept once."""
    if left_out or abilities:
        content = orjson.dumps({"left_out": left_out, "abilities": list(abilities)}, option=orjson.OPT_SORT_KEYS)
        await store.objects.put(f"{_FOLDER}/{hashlib.sha256(content).hexdigest()[:16]}.json", content)


async def notes_of(store: RunStore) -> EndpointNote:
    """What all processes together found out; a note that cannot be read is passed over, as no figure rests on it."""
    left_out: dict[str, dict[str, list[str]]] = {}
    abilities: dict[str, None] = {}
    for path in sorted([stored.path async for stored in store.objects.list(_FOLDER)]):
        try:
            note = as_declared(EndpointNote, orjson.loads(await store.objects.get(path) or b""))
        except ValueError:
            continue
        abilities |= dict.fromkeys(note.abilities)
        for model, parts in note.left_out.items():
            known = left_out.setdefault(model, {})
            for part, names in parts.items():
                known[part] = sorted({*known.get(part, ()), *names})
    return EndpointNote(left_out, list(abilities))


def provenance_of(plan: Plan, totals: RunTotals, note: EndpointNote) -> Provenance:
    """What made the answers of the run, as far as its marks and the notes on its endpoint tell."""
    return Provenance(
        title=plan.job.title or plan.job.id,
        people=plan.seated,
        units=plan.units,
        shards=plan.shards,
        replicates=plan.job.replicates,
        seeds={"job": plan.job.seed, "population": plan.population.seed},
        digests={
            "plan": plan.digest,
            "population": plan.population.digest,
            "instrument": _digest(plan.job.study.model_dump(mode="json")),
        },
        prompt_digests=dict(plan.prompt_digests),
        endpoint=plan.endpoint.identity,
        model=plan.endpoint.model,
        parameters=plan.parameters.as_json(),
        draws=str(plan.job.draws),
        cases=plan.cases,
        kind=plan.job.study.kind,
        seats=plan.study.design.seats,
        people_without_seat=plan.people - plan.seated,
        composition=plan.composition,
        further_models=plan.further_models,
        models_reported=tuple(sorted(totals.models)),
        code_versions=tuple(sorted(totals.code_versions)),
        started_at=totals.started_at,
        ended_at=totals.ended_at,
        panel=None if plan.panel is None else plan.panel.as_json(),
        wave=None if plan.wave is None else plan.wave.as_json(),
        records=worth_of_records(plan.population),
        prices=None if plan.prices is None else plan.prices.as_json(),
        schema_mode=str(plan.endpoint.schema_mode),
        left_out=note.left_out,
        abilities=tuple(note.abilities),
    )


def _digest(value: object) -> str:
    return hashlib.sha256(orjson.dumps(value, option=orjson.OPT_SORT_KEYS)).hexdigest()
