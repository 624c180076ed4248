"""Outline of a stored plan: under which id its run goes and how large it is, known without compiling what it asks."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Annotated

import orjson
from pydantic import Field

from troupe_batch.declared import as_declared
from troupe_batch.errors import ResultsDamaged
from troupe_batch.llm.chat import Endpoint

PLAN_SCHEMA = "troupe_batch/plan/1"
JOB_ID_PATTERN = re.compile(r"[A-Za-z0-9]([._-]?[A-Za-z0-9])*")
_MOST_PEOPLE = 1_000_000_000


@dataclass(frozen=True, slots=True)
class _Repeated:
    replicates: Annotated[int, Field(ge=1)]


@dataclass(frozen=True, slots=True)
class PlanOutline:
    """Outline of a stored plan: what is reckoned with."""

    job: _Repeated
    endpoint: Endpoint
    people: Annotated[int, Field(ge=0, le=_MOST_PEOPLE)]
    units_per_shard: Annotated[int, Field(ge=1)]
    prompt_digests: dict[str, str]
    cap_usd: Annotated[float, Field(ge=0)] | None
    code_version: str
    cases: Annotated[int, Field(ge=0, le=_MOST_PEOPLE)]
    drawing: int | None = None

    @property
    def units(self) -> int:
        """How many units there are: cases times replicates."""
        return self.cases * self.job.replicates

    @property
    def shards(self) -> int:
        """How many shards there are."""
        return math.ceil(self.units / self.units_per_shard)

    @classmethod
    def from_json(cls, text: str | bytes) -> PlanOutline:
        """The outline of the plan that `Plan.to_json` wrote; ResultsDamaged where the text is none."""
        try:
            body = orjson.loads(text)
            if (schema := body["schema"]) == PLAN_SCHEMA:
                # Plans of surveys that were made before there were worlds do not say that each person is a case.
                return as_declared(cls, {"cases": body["people"], **body}, is_part=True)
        except (KeyError, TypeError, ValueError) as error:
            raise ResultsDamaged(f"the stored plan cannot be read: {error}") from error
        raise ResultsDamaged(f"the stored plan has the format {schema!r}; this code reads {PLAN_SCHEMA}")
