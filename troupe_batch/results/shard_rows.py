"""Rows of one shard: what its units left behind, the columns that tables share, and the tables made of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from troupe_batch.llm.chat import CallRecord
from troupe_batch.persona.persona import Scalar
from troupe_batch.results.columns import WEIGHT, categorical, stretched
from troupe_batch.simulation.person.person import TinyPerson
from troupe_batch.simulation.record.events import Event
from troupe_batch.studies.study import Answer, Finding, Unit, UnitOutcome


@dataclass(slots=True)
class ShardRows:
    """Rows that the units of one shard left behind, in unit order.

    `answers` holds one per unit, seat and question; `person_ids`, `person_indices` and `facts` one per unit and seat.
    `people` are those whose first unit is in the shard, so that each person of the run stands in exactly one.
    """

    units: list[Unit] = field(default_factory=list)
    person_ids: list[str] = field(default_factory=list)
    person_indices: list[int] = field(default_factory=list)
    facts: list[Mapping[str, Scalar]] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    calls: list[CallRecord] = field(default_factory=list)
    call_units: list[int] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    events_of_units: list[int] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    findings_of_units: list[int] = field(default_factory=list)
    people: list[TinyPerson] = field(default_factory=list)

    def add(self, unit: Unit, people: Sequence[TinyPerson], outcome: UnitOutcome) -> None:
        """Add the outcome of one unit, the next in order, with its people seat by seat."""
        self.call_units.extend([len(self.units)] * len(outcome.calls))
        self.calls.extend(outcome.calls)
        self.answers.extend(outcome.answers)
        self.events.extend(outcome.events)
        self.events_of_units.append(len(outcome.events))
        self.findings.extend(outcome.findings)
        self.findings_of_units.append(len(outcome.findings))
        self.person_ids.extend([person.person_id for person in people])
        self.person_indices.extend([person.index for person in people])
        self.facts.extend([person.facts for person in people])
        self.units.append(unit)


@dataclass(frozen=True)
class UnitColumns:
    """Columns that tell of units: `units` has a row per unit, `seated` one per unit and seat."""

    units: Mapping[str, pa.Array]
    seated: Mapping[str, pa.Array]

    @classmethod
    def of(cls, rows: ShardRows, seat_names: Sequence[str | None], weight_fact: str | None) -> UnitColumns:
        """Those of a shard; `seat_names` holds a name or None for each seat."""
        columns = {
            "unit_id": pa.array([u.unit_id for u in rows.units], pa.string()),
            "unit_index": pa.array([u.index for u in rows.units], pa.int64()),
            "arm": pa.array([u.arm for u in rows.units], pa.string()),
            "replicate": pa.array([u.replicate for u in rows.units], pa.int32()),
        }
        seated, seats = dict(columns), len(seat_names)
        if seats > 1:
            places = np.tile(np.arange(seats, dtype=np.int16), len(rows.units))
            known = list(dict.fromkeys(name for name in seat_names if name is not None))
            seated = {name: stretched(array, seats) for name, array in columns.items()}
            seated["seat"] = pa.array(places)
            seated["seat_name"] = categorical(seat_names, known, "seat_name").take(pa.array(places))
        seated["person_id"] = pa.array(rows.person_ids, pa.string())
        seated["person_index"] = pa.array(rows.person_indices, pa.int64())
        seated[WEIGHT.name] = weights_of(rows.facts, weight_fact)
        return cls(columns, seated)


def weights_of(facts: Sequence[Mapping[str, Scalar]], weight_fact: str | None) -> pa.Array:
    """The design weight of whoever has these facts; 1 where no fact is one, as no strata are oversampled."""
    if weight_fact is None:
        return pa.array(np.ones(len(facts)))
    return pa.array([one[weight_fact] for one in facts], pa.float64())
