"""Where a dataset's answers come from, as the manifest states it."""

from __future__ import annotations

import hashlib

import orjson

from troupe_batch.planning.plan import Plan
from troupe_batch.population import worth_of_records
from troupe_batch.results.endpoint_notes import EndpointNote
from troupe_batch.results.ledger import RunTotals
from troupe_batch.results.manifest import Provenance


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
        further_models=() if plan.acting is None else plan.acting.further_models,
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
