"""A large population for benchmarks, and what drawing it takes, as a process of its own: `python ... SIZE` prints JSON.

Ten dimensions: five in a chain of five two-way controls with age (33,600 cells), three that depend on others, and a
distribution.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from troupe_batch.population import Population, PopulationSpec

Floats = npt.NDArray[np.float64]
AGES = [f"{age}-{age + 9}" for age in range(20, 90, 10)]


def large_population(size: int) -> dict[str, Any]:
    """The population file."""
    rng = np.random.default_rng(0)
    sizes = {"sex": 2, "region": 10, "education": 6, "origin": 8, "household": 5}
    shares = {name: _shares(rng, k) for name, k in sizes.items()} | {"age": dict(zip(AGES, _some(rng, 7), strict=True))}
    numeric = {"type": "numeric", "source": "s", "unit": "count"}
    dimensions: dict[str, Any] = {
        "sex": _categorical(values=shares["sex"]),
        "age": {**numeric, "integer": True, "bins": shares["age"]},
        **{name: _categorical(values=shares[name]) for name in ("region", "education", "origin", "household")},
        "work": _child(rng, 9, education=6, sex=2),
        "income": _child(rng, 12, work=9, education=6),
        "car": _child(rng, 3, income=12),
        "height": {"type": "numeric", "source": "s", "dist": "normal", "params": {"mean": 170, "sd": 9}},
    }
    chain = ("sex", "age", "region", "education", "origin", "household")
    controls = [_control(rng, left, right, shares) for left, right in pairwise(chain)]
    head = {
        "schema": "troupe_batch/population/1",
        "id": "large",
        "size": size,
        "seed": 1,
        "names": {"provider": "none"},
    }
    return {**head, "dimensions": dimensions, "controls": controls}


def _some(rng: np.random.Generator, count: int) -> list[float]:
    return [float(share) for share in rng.dirichlet(np.ones(count) * 3)]


def _shares(rng: np.random.Generator, count: int) -> dict[str, float]:
    return {f"c{i}": share for i, share in enumerate(_some(rng, count))}


def _categorical(**fields: Any) -> dict[str, Any]:
    return {"type": "categorical", "source": "s", "unit": "count", **fields}


def _child(rng: np.random.Generator, count: int, **parents: int) -> dict[str, Any]:
    rows = [
        {"when": {name: f"c{i}" for name, i in zip(parents, at, strict=True)}, "values": _shares(rng, count)}
        for at in np.ndindex(*parents.values())
    ]
    return _categorical(given=list(parents), table=rows)


def _control(rng: np.random.Generator, left: str, right: str, shares: dict[str, dict[str, float]]) -> dict[str, Any]:
    """A correlated table with the margins of both dimensions (raked)."""
    rows, columns = (np.array(list(shares[name].values())) for name in (left, right))
    table: Floats = np.outer(rows, columns) * rng.gamma(3, 1 / 3, (len(rows), len(columns)))
    for _ in range(500):
        table *= (rows / table.sum(axis=1))[:, None]
        table *= columns / table.sum(axis=0)
    named = {
        label: dict(zip(shares[right], (float(v) for v in values), strict=True))
        for label, values in zip(shares[left], table, strict=True)
    }
    return {"dims": [left, right], "unit": "count", "source": "s", "table": named}


def _measured(size: int) -> dict[str, float]:
    spec = PopulationSpec.model_validate(large_population(size))
    began = time.perf_counter()
    people = Population(spec)
    compiled = time.perf_counter()
    people.facts(size // 2, size // 2 + 1)
    cold = time.perf_counter()
    facts = people.facts(0, size)
    drawn = time.perf_counter()
    alone = [_timed(people, person) for person in range(size - 500, size)]
    allowed = max(abs(margin.realised_share - margin.target) - margin.allowed for margin in people.margins())
    return {
        "people": len(facts["sex"]),
        "compile_s": compiled - began,
        "first_person_s": cold - compiled,
        "draw_s": drawn - cold,
        "one_person_ms": 1000 * float(np.median(alone)),
        "prefix_pp": max(100 * abs(m.realised_share - m.target) for m in people.margins(1_000)),
        "beyond_allowed": allowed,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def _timed(people: Population, person: int) -> float:
    began = time.perf_counter()
    people.facts(person, person + 1)
    return time.perf_counter() - began


if __name__ == "__main__":
    sys.stdout.write(json.dumps(_measured(int(sys.argv[1]))))
