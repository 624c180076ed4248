"""Oversampled strata: counts to the person, design weights, weighted margins and what the design costs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.population.drawing import categorical, codes, control, equal, open_categories, population
from troupe_batch.population import Population
from troupe_batch.population.drawing.blocks import BLOCK
from troupe_batch.population.drawing.repair import OptionSets, Quota, repaired
from troupe_batch.population.drawing.targets import _WEIGHT_OF_STRATA
from troupe_batch.population.margins import ControlCell, Margin


def town(size: int, **fields: Any) -> Population:
    table = np.array([[50.0, 30.0], [8.0, 7.0], [1.0, 4.0]])
    dimensions = {
        "sex": open_categories(2),
        "region": open_categories(3),
        "income": categorical(5, 3, 2),
        "work": {
            "type": "categorical",
            "source": "s",
            "given": ["region"],
            "table": {"c0": {"x": 0.8, "y": 0.2}, "c1": {"x": 0.5, "y": 0.5}, "c2": {"x": 0.1, "y": 0.9}},
        },
    }
    strata = {"by": ["region"], "allocation": "equal"}
    return population(dimensions, size, **{"controls": [control(table, "region", "sex")], "strata": strata, **fields})


@settings(max_examples=60)
@given(
    size=st.integers(9, 400),
    seed=st.integers(0, 9),
    allocation=st.sampled_from(["equal", "proportional"]),
    method=st.sampled_from(["auto", "cube", "systematic"]),
    by=st.sampled_from([["region"], ["sex", "region"], ["region", "income"]]),
)
def test_strata_have_the_people_that_were_allotted_and_weights_sum_to_all(
    size: int, seed: int, allocation: str, method: str, by: list[str]
) -> None:
    size *= 3
    people = town(size, seed=seed, strata={"by": by, "allocation": allocation}, sampling={"method": method})
    facts = people.facts(0, size)
    effect = people.design_effect()

    found = {" / ".join(s.categories): s.people for s in effect.strata}
    labels, counts = np.unique(facts["stratum"].astype(str), return_counts=True)
    assert dict(zip(labels.tolist(), counts.tolist(), strict=True)) == {k: n for k, n in found.items() if n}
    assert sum(found.values()) == size
    if allocation == "equal":
        assert max(found.values()) - min(found.values()) <= 1
    assert np.isclose(facts["weight"].sum(), size)
    for stratum in effect.strata:
        # METHODS 1.3: the share of the population over the share of the people.
        assert np.isclose(stratum.weight, stratum.population_share * size / stratum.people)
    names = people.spec.strata.by if people.spec.strata else ()
    joined = [" / ".join(parts) for parts in zip(*(facts[name].tolist() for name in names), strict=True)]
    assert joined == facts["stratum"].tolist()


@pytest.mark.parametrize("method", ["auto", "systematic"])
def test_weighted_margins_are_those_of_the_population(method: str) -> None:
    people = town(3_000, sampling={"method": method})

    margins = {(m.dimension, m.category): m for m in people.margins()}
    assert margins["region", "c2"].realised_count == 1_000
    assert margins["region", "c2"].target == pytest.approx(1 / 3)
    assert margins["region", "c2"].weighted_target == pytest.approx(0.05)
    assert margins["sex", "c0"].weighted_target == pytest.approx(0.59)
    assert margins["work", "x"].weighted_target == pytest.approx(0.8 * 0.8 + 0.15 * 0.5 + 0.05 * 0.1)
    rows: list[Margin | ControlCell] = [*margins.values(), *people.control_cells()]
    for row in rows:
        assert abs(row.realised_share - row.target) <= row.allowed
        assert row.weighted_share is not None
        # A person of the largest stratum weighs 2.4.
        assert row.weighted_share == pytest.approx(row.weighted_target, abs=2 * 2.4 / 3_000)


@pytest.mark.parametrize("method", ["auto", "systematic"])
def test_each_stratum_is_a_quota_sample_of_its_own(method: str) -> None:
    by_sex = np.array([[50.0, 30.0], [8.0, 7.0], [1.0, 4.0]])
    by_taste = np.array([[20.0, 30.0, 9.0], [10.0, 11.0, 20.0]])
    dimensions = {"region": open_categories(3), "sex": open_categories(2), "taste": open_categories(3)}
    controls = [control(by_sex, "region", "sex"), control(by_taste, "sex", "taste")]
    strata = {"by": ["region"], "allocation": "equal"}

    people = population(dimensions, 3_000, controls=controls, strata=strata, sampling={"method": method})

    # Nothing says how taste goes with region, so it does by sex alone.
    expected = by_sex @ (by_taste / by_taste.sum(axis=1, keepdims=True))
    expected *= 1_000 / expected.sum(axis=1, keepdims=True)
    region, taste = codes(people.facts(0, 3_000), "region", "taste").T
    assert np.abs(np.bincount(region * 3 + taste, minlength=9).reshape(3, 3) - expected).max() < 1.001


def test_the_design_effect_is_kishs() -> None:
    people = town(300)
    weights = people.facts(0, 300)["weight"]

    effect = people.design_effect()

    assert effect.deff == pytest.approx(300 * (weights**2).sum() / weights.sum() ** 2)
    # Thirds of the people for 80, 15 and 5 percent.
    assert effect.deff == pytest.approx(3 * (0.8**2 + 0.15**2 + 0.05**2))
    assert effect.effective_n == pytest.approx(300 / effect.deff)
    chosen = weights[[0, 1, 2, 3, 5]]
    of_some = people.design_effect([0, 1, 2, 3, 5])
    assert of_some.deff == pytest.approx(5 * (chosen**2).sum() / chosen.sum() ** 2)
    assert sum(stratum.people for stratum in of_some.strata) == of_some.people == 5
    assert population({"a": categorical(1, 1)}, 50).design_effect().effective_n == 50


def test_weighted_shares_of_some_people_are_shares_of_their_weights() -> None:
    people = town(900)
    facts = people.facts(0, 101)

    for margin in people.margins(101):
        members = facts[margin.dimension] == margin.category
        expected = facts["weight"][members].sum() / facts["weight"].sum()
        assert margin.weighted_share == pytest.approx(expected)
    for cell in people.control_cells(101):
        members = (facts["region"] == cell.categories[0]) & (facts["sex"] == cell.categories[1])
        assert cell.weighted_share == pytest.approx(facts["weight"][members].sum() / facts["weight"].sum())


def test_numbers_lie_in_their_bins_as_in_the_population_however_strata_tilt_the_bins() -> None:
    bins = {"0 to 10": 0.7, "10 to 20": 0.2, "20 to 40": 0.1}
    income = {"type": "numeric", "source": "s", "decimals": 2, "bins": bins}
    strata: dict[str, Any] = {"strata": {"by": ["income"], "allocation": "equal"}}
    means = []
    for fields in ({}, strata):
        drawn = population({"income": income}, 60_000, **fields).facts(0, 60_000)["income"]
        means.append([drawn[(low <= drawn) & (drawn < high)].mean() for low, high in ((0, 10), (10, 20), (20, 40))])

    # The curve through the tilted shares would have means off by 0.3 and more.
    assert np.allclose(means[0], means[1], atol=0.1)


@pytest.mark.parametrize("seed", range(8))
def test_strata_hold_where_other_quotas_contradict_them(seed: int) -> None:
    model_quota = Quota(np.array([0, 1]), np.array([9, 1]), np.array([9, 1]), _WEIGHT_OF_STRATA)
    others = [Quota(np.array([0, 1]), np.array([0, 10]), np.array([0, 10]), weight) for weight in (4, 4, 4, 1, 1)]

    found = repaired(
        np.arange(10) % 2, OptionSets(np.zeros(2, dtype=np.int64), np.zeros(2)), [model_quota, *others], seed
    )

    assert np.bincount(found, minlength=2).tolist() == [9, 1]


def test_strata_are_balanced_in_every_stretch_and_exact_over_blocks() -> None:
    size = BLOCK + 70_001
    people = town(
        size, strata={"by": ["region"], "allocation": "explicit", "sizes": {"c0": size - 60_001, "c1": 1, "c2": 60_000}}
    )
    by_region = {m.category: m for m in people.margins() if m.dimension == "region"}

    assert [by_region[c].realised_count for c in ("c0", "c1", "c2")] == [size - 60_001, 1, 60_000]
    for start in (0, 50_000, BLOCK, BLOCK + 60_000):
        part = {m.category: m for m in people.margins(range(start, start + 1_000)) if m.dimension == "region"}
        assert abs(part["c2"].realised_share - 60_000 / size) < 0.004


def test_weight_and_stratum_stand_at_the_end_for_any_stretch() -> None:
    people = town(90)
    whole = people.facts(0, 90)

    assert list(whole)[-2:] == ["weight", "stratum"]
    assert equal(people.facts(41, 42), {name: column[41:42] for name, column in whole.items()})
    assert "weight" not in population({"a": categorical(1, 1)}, 5).facts(0, 5)
