"""Derived fields, and what expressions know of bins."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from troupe_batch.errors import SpecError
from troupe_batch.population import Population, PopulationSpec
from troupe_batch.population.curves import read_bins
from troupe_batch.population.derived import bin_ends
from troupe_batch.population.dimensions import NumericDimension

AGE = {"type": "numeric", "integer": True, "source": "s", "bins": {"18-34": 0.3, "35-64": 0.5, "65-90": 0.2}}
SEX = {"type": "categorical", "source": "s", "values": {"f": 0.5, "m": 0.5}}
INCOME = {"type": "numeric", "source": "s", "dist": "lognormal", "params": {"mu": 10, "sigma": 0.5}}


def population(size: int = 200, **fields: Any) -> Population:
    data = {"schema": "troupe_batch/population/1", "id": "test", "size": size}
    dimensions = {"age": AGE, "sex": SEX, "income": INCOME}
    return Population(PopulationSpec.model_validate(data | {"dimensions": dimensions} | fields))


def refusal(**fields: Any) -> str:
    with pytest.raises(SpecError) as caught:
        population(**fields)
    return str(caught.value)


def test_derived_facts_are_what_python_makes_of_the_others() -> None:
    facts = population(
        derive={
            "band": "cut(age, [18, 35, 65, 91])",
            "old_woman": "band == '65-90' and sex == 'f'",
            "thousands": "round(income / 1000)",
            "weekly": "income / 52",
            "who": "sex if age < 65 else 'retired'",
        }
    ).facts(0, 200)

    rows = [dict(zip(facts, row, strict=True)) for row in zip(*(c.tolist() for c in facts.values()), strict=True)]
    for row in rows:
        band = "18-34" if row["age"] < 35 else "35-64" if row["age"] < 65 else "65-90"
        assert row["band"] == band
        assert row["old_woman"] is (band == "65-90" and row["sex"] == "f")
        assert row["thousands"] == round(row["income"] / 1000)
        assert row["weekly"] == row["income"] / 52
        assert row["who"] == (row["sex"] if row["age"] < 65 else "retired")
    assert list(facts) == ["age", "sex", "income", "band", "old_woman", "thousands", "weekly", "who"]


def test_derived_fields_may_stand_in_any_order_and_be_hidden() -> None:
    facts = population(
        derive={"third": "second * 2", "second": {"value": "age + 1", "hidden": True}},
    ).facts(0, 50)

    assert list(facts) == ["age", "sex", "income", "third"]
    assert np.array_equal(facts["third"], (facts["age"] + 1) * 2)


MISTAKES = {
    "derive.a: a reads itself": {"derive": {"a": "a + 1"}},
    "derive.a: the derived fields read each other in a circle: a \u2192 b \u2192 a; let one": {
        "derive": {"a": "b + 1", "b": "a + 1", "c": "a"}
    },
    "derive.a: there is no fact `agee` here; did you mean `age`?": {"derive": {"a": "agee + 1", "b": "a + 1"}},
    "derive.a: `sex` has no category 'w'; known here: f, m": {"derive": {"a": "sex == 'w'"}},
    "derive.a: `age` is free text": {
        "dimensions": {"sex": SEX, "age": {"type": "text_pool", "source": "s", "values": [{"text": "x"}]}},
        "derive": {"a": "age == 'x'"},
    },
    "derive.a: `cut(age, [18, 65])`: age can be 90, the last edge 65 is exclusive; let the last edge be above 90": {
        "derive": {"a": "cut(age, [18, 65])"}
    },
    "derive.a: `=` in `age = 3` is not understood; write ==": {"derive": {"a": "age = 3"}},
}


@pytest.mark.parametrize(("message", "fields"), MISTAKES.items(), ids=MISTAKES)
def test_a_derived_field_that_cannot_be_worked_out_is_named_once(message: str, fields: dict[str, Any]) -> None:
    said = refusal(**fields)

    assert message in said
    assert len(said.splitlines()) == 1


@settings(max_examples=300)
@given(
    low=st.integers(-40, 40).map(lambda n: n / 8),
    width=st.integers(1, 40).map(lambda n: n / 8),
    decimals=st.integers(0, 3),
    u=st.floats(0, 1),
)
def test_the_ends_of_a_bin_are_rounded_numbers_inside_of_it(low: float, width: float, decimals: int, u: float) -> None:
    high = low + width
    bins = read_bins([f"{low} to {high}"], integer=False)
    dimension = NumericDimension(type="numeric", source=("s",), bins={"0-1": 1.0}, decimals=decimals)

    (first,), (last,) = (end.tolist() for end in bin_ends(bins, dimension))

    assert low <= first <= last < high
    inside = float(np.round(low + u * width, decimals))
    if low <= inside < high:
        assert first <= inside <= last


def test_no_number_is_rounded_out_of_its_bin() -> None:
    share = {"type": "numeric", "source": "s", "decimals": 0, "bins": {"0-10": 0.5, "10-20": 0.5}}

    facts = population(
        2_000,
        dimensions={"share": share},
        derive={"band": "cut(share, [0, 10, 20])"},
        controls=[{"dims": ["band"], "source": "s", "table": {"0 to under 10": 0.5, "10 to under 20": 0.5}}],
    ).facts(0, 2_000)

    alone = population(2_000, dimensions={"share": share}).facts(0, 2_000)
    assert np.count_nonzero(alone["share"] >= 10) == 1_000
    assert set(np.unique(facts["share"])) == set(range(20))
    assert np.array_equal(facts["band"] == "10 to under 20", facts["share"] >= 10)
    assert np.count_nonzero(facts["band"] == "10 to under 20") == 1_000
