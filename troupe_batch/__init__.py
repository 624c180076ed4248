"""Large populations of simulated people, run through surveys, interviews and focus groups, delivered as Parquet."""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.1.0"

# Loaded when first used: `import troupe_batch` reads no file and imports neither pandas nor Celery.
_EXPORTS = {
    "Result": "troupe_batch.api",
    "connect": "troupe_batch.api",
    "disconnect": "troupe_batch.api",
    "freeze": "troupe_batch.api",
    "run": "troupe_batch.api",
    "run_sync": "troupe_batch.api",
    "JobSpec": "troupe_batch.planning",
    "ModelSpec": "troupe_batch.planning",
    "BudgetSpec": "troupe_batch.planning",
    "PopulationSpec": "troupe_batch.population",
    "TinyPersonFactory": "troupe_batch.factory",
    "TinyPerson": "troupe_batch.simulation",
    "TinyWorld": "troupe_batch.simulation",
    "TinySocialNetwork": "troupe_batch.simulation",
    "Persona": "troupe_batch.persona",
    "SurveySpec": "troupe_batch.studies",
    "InterviewSpec": "troupe_batch.studies",
    "WorldSpec": "troupe_batch.studies",
    "PythonSpec": "troupe_batch.studies",
    "Arm": "troupe_batch.studies",
    "SingleChoice": "troupe_batch.studies",
    "MultiChoice": "troupe_batch.studies",
    "Rating": "troupe_batch.studies",
    "Numeric": "troupe_batch.studies",
    "OpenText": "troupe_batch.studies",
    "Dataset": "troupe_batch.results",
    "TroupeError": "troupe_batch.errors",
}

_MODULES = {"control": "troupe_batch.simulation.record.control"}

__all__ = ["__version__", *sorted([*_EXPORTS, *_MODULES])]  # noqa: PLE0604 (all of them are strings)


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        value: Any = importlib.import_module(_MODULES[name])
    elif name in _EXPORTS:
        value = getattr(importlib.import_module(_EXPORTS[name]), name)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
