"""Small panels of a population that needs nothing but itself."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from troupe_batch.planning.panels import PanelInfo
from troupe_batch.population import Population, PopulationSpec
from troupe_batch.settings import load_settings
from troupe_batch.use_cases.panels import FreezeOptions, freeze_people

POPULATION: Mapping[str, Any] = {
    "schema": "troupe_batch/population/1",
    "id": "forty",
    "size": 40,
    "dimensions": {
        "age": {"type": "numeric", "integer": True, "bins": {"18-39": 0.4, "40-90": 0.6}, "source": "invented"},
        "region": {"type": "categorical", "values": {"North": 0.5, "South": 0.5}, "source": "invented"},
        "height": {
            "type": "numeric",
            "dist": "normal",
            "params": {"mean": 170, "sd": 9},
            "truncate": [140, 210],
            "decimals": 1,
            "source": "invented",
        },
    },
}


def population(**changes: Any) -> PopulationSpec:
    return PopulationSpec.model_validate({**POPULATION, **changes})


def frozen(to: Path, number: int | None = None, **changes: Any) -> PanelInfo:
    """A panel of facts only, at `to`."""
    drawn = Population(population(**changes))
    settings = load_settings(environment={})
    return asyncio.run(freeze_people(settings, drawn, to, FreezeOptions(number))).info
