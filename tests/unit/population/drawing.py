"""Populations to draw from in tests."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from troupe_batch.population import FactTable, Population, PopulationSpec
from troupe_batch.population.margins import ControlCell, Margin

Floats = npt.NDArray[np.float64]


def population(dimensions: dict[str, Any], size: int, **fields: Any) -> Population:
    data = {"schema": "troupe_batch/population/1", "id": "test", "size": size, "dimensions": dimensions, **fields}
    return Population(PopulationSpec.model_validate({"names": {"provider": "none"}, **data}))


def categorical(*shares: float, **fields: Any) -> dict[str, Any]:
    values = {f"c{i}": share for i, share in enumerate(shares)}
    return {"type": "categorical", "source": "s", "unit": "count", "values": values, **fields}


def open_categories(count: int) -> dict[str, Any]:
    """A dimension whose shares controls say."""
    return {"type": "categorical", "source": "s", "categories": [f"c{i}" for i in range(count)]}


def control(table: Floats, *dims: str) -> dict[str, Any]:
    rows = [
        {
            "when": {name: f"c{code}" for name, code in zip(dims, index, strict=False)},
            "values": {f"c{i}": float(share) for i, share in enumerate(table[index])},
        }
        for index in np.ndindex(*table.shape[:-1])
    ]
    return {"dims": list(dims), "unit": "count", "source": "s", "table": rows}


def codes(facts: FactTable, *names: str) -> npt.NDArray[np.int64]:
    """The numbers in the labels c0, c1 ..., a column per name."""
    return np.array([[int(label[1:]) for label in facts[name]] for name in names], dtype=np.int64).T


def worst_miss(people: Population, of: int | None = None) -> float:
    """The largest difference, in people, of any margin or cell of a control from its target."""
    n = people.size if of is None else of
    rows: list[Margin | ControlCell] = [*people.margins(of), *people.control_cells(of)]
    return max(abs(row.realised_count - row.target * n) for row in rows)


def worst_error(people: Population, stretch: range) -> float:
    """The largest difference of any share among these people from its target, over margins and cells of controls."""
    rows: list[Margin | ControlCell] = [*people.margins(stretch), *people.control_cells(stretch)]
    return max(abs(row.realised_share - row.target) for row in rows)


def equal(left: FactTable, right: FactTable) -> bool:
    return list(left) == list(right) and all(np.array_equal(left[key], right[key]) for key in left)
