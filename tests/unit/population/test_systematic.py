"""Quotas for large tables: margins, impossible cells, carried remainders."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from troupe_batch.population.drawing.lattice import lattice_uniforms
from troupe_batch.population.factors import Factor
from troupe_batch.population.joint.apportionment import dealt, rounded_quotas

SIZES = st.lists(st.integers(1, 9), min_size=1, max_size=6)


@settings(max_examples=300)
@given(sizes=SIZES, seed=st.integers(0, 9), data=st.data())
def test_rows_sum_to_their_sizes_and_impossible_categories_stay_empty(
    sizes: list[int], seed: int, data: st.DataObject
) -> None:
    rows = [data.draw(st.lists(st.sampled_from([0, 0, 1, 3]), min_size=3, max_size=3).filter(any)) for _ in sizes]
    probs = np.array([np.array(row) / sum(row) for row in rows])

    quotas = rounded_quotas(np.array(sizes), probs, seed)

    assert quotas.sum(axis=1).tolist() == sizes
    assert np.all(quotas >= 0)
    assert np.all(quotas[probs == 0] == 0)


def test_remainders_are_carried_so_that_columns_hold() -> None:
    probs = np.tile(np.array([0.5, 0.3, 0.2]), (400, 1))
    sizes = np.full(400, 3)

    for seed in range(20):
        columns = rounded_quotas(sizes, probs, seed).sum(axis=0)

        assert np.all(np.abs(columns - np.array([600, 360, 240])) < 2)


def test_a_dimension_follows_its_parents_exactly() -> None:
    job = Factor("job", ("nun", "monk", "clerk"), ("sex",), np.array([[0.5, 0.0, 0.5], [0.0, 0.5, 0.5]]))
    sex = np.arange(1000) % 2

    codes = dealt(sex, None, lattice_uniforms(0, 5, np.arange(1000)), job, key=1)

    table = np.zeros((3, 2), dtype=int)
    np.add.at(table, (codes, sex), 1)
    assert table.tolist() == [[250, 0], [0, 250], [250, 250]]
