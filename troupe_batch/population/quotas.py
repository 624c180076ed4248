"""Which person falls into which cell: integer quotas, filled in the order of the lattice."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from troupe_batch.population.cube import balanced_rounding
from troupe_batch.population.factors import Factor, Places
from troupe_batch.population.joint import ancestry, cell_count, joint_table
from troupe_batch.population.lattice import lattice_uniforms
from troupe_batch.population.matching import ordered_cells, wanted_codes
from troupe_batch.population.spec import PopulationSpec
from troupe_batch.population.systematic import systematic_codes
from troupe_batch.seeded import stream

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int16]

CUBE_CELLS = 20_000
# With fewer people per cell the cube can do no more for a cell than give it somebody or nobody, and the order suffers.
PEOPLE_PER_CELL = 4
# Up to here the joint table is written down to count its possible cells; families of dependent dimensions must fit.
LISTED_CELLS = 2_000_000


def check_method(spec: PopulationSpec, factors: Sequence[Factor], places: Places) -> None:
    """SpecError where the dimensions are too many or too fine for the way of sampling that the file asks for."""
    for factor in factors:
        if (cells := cell_count(ancestry(factor, factors))) > LISTED_CELLS:
            place = ("dimensions", factor.name, "given")
            problem = f"it and all it depends on have {cells:,} combinations"
            places.add(place, problem, f"merge categories, or cut a parent, to get below {LISTED_CELLS:,}")
    if spec.sampling.method == "cube" and cell_count(factors) > LISTED_CELLS:
        problem = f"the cube method cannot list {cell_count(factors):,} cells"
        places.add(("sampling", "method"), problem, "use `auto`")
    places.raise_if_any()


def make_codes(spec: PopulationSpec, factors: Sequence[Factor]) -> Codes:
    """Category codes of all people in their order, shape (size, dimensions).

    `auto` takes the cube method up to 20,000 possible cells with at least four people each on average, and goes
    dimension by dimension beyond; margins are met within one person or so either way.
    """
    size = spec.count
    if not factors:
        return np.zeros((size, 0), dtype=np.int16)
    indices = np.arange(size, dtype=np.int64)
    points = [lattice_uniforms(i, stream(spec.seed, "lattice", i), indices) for i in range(len(factors))]
    if spec.sampling.method != "systematic" and cell_count(factors) <= LISTED_CELLS:
        table = joint_table(factors)
        possible = int(np.count_nonzero(table))
        few = possible <= min(CUBE_CELLS, size // PEOPLE_PER_CELL)
        if few or spec.sampling.method == "cube":
            return _cube_codes(spec, factors, table, points)
    return systematic_codes(factors, points, spec.seed)


def _cube_codes(spec: PopulationSpec, factors: Sequence[Factor], table: Floats, points: Sequence[Floats]) -> Codes:
    cells = np.argwhere(table > 0)
    expected = table[tuple(cells.T)] * spec.count
    counts = balanced_rounding(expected, list(cells.T), stream(spec.seed, "cube"))
    cell = ordered_cells(cells, counts, wanted_codes(factors, points), stream(spec.seed, "matching"))
    return cells.astype(np.int16)[cell]
