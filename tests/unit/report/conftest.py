"""A small population with everything that a report shows."""

from __future__ import annotations

from typing import Any

import pytest

from troupe_batch.population import Population, PopulationSpec

SPEC: dict[str, Any] = {
    "schema": "troupe_batch/population/1",
    "id": "riverside",
    "title": "Grown-ups of <Riverside>",
    "size": 2_000,
    "seed": 11,
    "locale": "en_GB",
    "universe": {"description": "residents of 18 to 89", "as_of": "2024", "excludes": ["barracks"]},
    "sources": [
        {"id": "register", "citation": "Register, table 3", "url": "https://example.org/3", "year": 2024},
        {"id": "orphan", "citation": "nobody reads this"},
    ],
    "dimensions": {
        "age": {
            "type": "numeric",
            "integer": True,
            "bins": {"18-34": 0.3, "35-64": 0.5, "65-89": 0.2},
            "source": "register",
        },
        "sex": {"type": "categorical", "values": {"female": 0.515, "male": 0.485}, "source": "register"},
        "district": {
            "type": "categorical",
            "unit": "percent",
            "on_sum": "renormalize",
            "values": {"old town": 41, "harbour": 33, "hills & woods": 20, "island": 5},
            "source": "register",
        },
        "work": {
            "type": "categorical",
            "given": ["age"],
            "table": {
                "18-34": {"working": 0.8, "retired": 0, "neither": 0.2},
                "35-64": {"working": 0.79, "retired": 0.06, "neither": 0.15},
                "65-89": {"working": 0.09, "retired": 0.9, "neither": 0.01},
            },
            "source": "register",
        },
        "income": {
            "type": "numeric",
            "dist": "lognormal",
            "params": {"mu": 10.2, "sigma": 0.6},
            "source": "assumption: as in the next town",
        },
        "pet": {
            "type": "categorical",
            "values": {"none": 0.9897, "cat": 0.01, "parrot": 0.0003},
            "source": "assumption: counted from a window",
        },
    },
    "controls": [
        {
            "dims": ["sex", "age"],
            "source": "register",
            "table": {
                "female": {"18-34": 0.146, "35-64": 0.255, "65-89": 0.114},
                "male": {"18-34": 0.154, "35-64": 0.245, "65-89": 0.086},
            },
        }
    ],
    "constraints": ["not (work == 'retired' and sex == 'male' and district == 'island')"],
}


@pytest.fixture(scope="session")
def riverside() -> Population:
    """2,000 people with a joint control and a constraint that categories decide."""
    return Population(PopulationSpec.model_validate(SPEC))


@pytest.fixture(scope="session")
def oversampled() -> Population:
    """The same people, as many of each district."""
    return Population(PopulationSpec.model_validate(SPEC | {"strata": {"by": ["district"], "allocation": "equal"}}))
