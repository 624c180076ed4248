"""Strata get the people that the file says, and weights that give the population back; impossible sizes are named."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.doubles.population_files import HEAD, mistakes_in, model_of
from troupe_batch.population.model import Model, SampleDesign

REGION = "  region: {type: categorical, source: s, values: {north: 0.02, south: 0.38, west: 0.6}}\n"
SEX = "  sex: {type: categorical, source: s, given: region, table: [{when: {}, values: {f: 0.5, m: 0.5}}, "
SEX += "{when: {region: north}, values: {f: 0.25, m: 0.75}}]}\n"
AGE = "  age: {type: numeric, integer: true, source: s, bins: {18-29: 0.2, 30-44: 0.3, 45-90: 0.5}}\n"


def strata(allocation: str, by: str = "[region]", more: str = "") -> str:
    return f"strata: {{by: {by}, allocation: {allocation}{more}}}\n"


def design_of(model: Model) -> SampleDesign:
    assert model.design is not None
    return model.design


@pytest.mark.parametrize(
    ("line", "sizes"),
    [
        (strata("proportional"), [20, 380, 600]),
        (strata("equal"), [333, 333, 334]),
        (strata("min_n", more=", min_n: 200"), [200, 310, 490]),
        (strata("min_n", more=", min_n: 10"), [20, 380, 600]),
        (strata("explicit", more=", sizes: {west: 300, south: 300, north: 400}"), [400, 300, 300]),
    ],
)
def test_each_allocation_gives_its_sizes_and_weights_that_undo_it(line: str, sizes: list[int]) -> None:
    model = model_of(REGION + SEX + line)

    design = design_of(model)
    assert design.sizes.tolist() == sizes
    assert design.categories == (("north",), ("south",), ("west",))
    assert design.weights == pytest.approx(np.array([0.02, 0.38, 0.6]) / (np.array(sizes) / 1000))
    assert np.average(design.weights, weights=design.sizes) == pytest.approx(1.0)
    assert model.population_marginals["region"] == pytest.approx([0.02, 0.38, 0.6])
    assert model.marginals["region"] == pytest.approx(np.array(sizes) / 1000)


def test_what_depends_on_a_stratum_is_drawn_with_its_people_and_weighted_back() -> None:
    model = model_of(REGION + SEX + strata("equal"))

    assert model.population_marginals["sex"][0] == pytest.approx(0.02 * 0.25 + 0.98 * 0.5)
    assert model.marginals["sex"][0] == pytest.approx(0.333 * 0.25 + 0.667 * 0.5)


def test_strata_cross_dimensions_and_derived_fields_and_come_first_in_the_cells() -> None:
    derive = "derive: {band: 'cut(age, [18, 45, 91])'}\n"

    model = model_of(AGE + REGION + SEX + derive + strata("equal", "[band, region]"))

    (component,) = model.components
    assert component.cells.names == ("band", "region", "age")
    design = design_of(model)
    assert len(design.sizes) == 6
    assert design.categories[1] == ("18-44", "south")
    assert design.population_shares == pytest.approx(np.outer([0.5, 0.5], [0.02, 0.38, 0.6]).ravel())
    weighted = component.cells.probs * np.repeat(design.weights, [2, 2, 2, 1, 1, 1])
    assert weighted == pytest.approx(component.population_probs)


def test_a_stratum_that_nobody_can_be_in_has_no_people() -> None:
    never = "constraints: [\"region != 'north' or sex == 'm'\"]\n"

    design = design_of(model_of(REGION + SEX + never + strata("equal", "[region, sex]")))

    assert ("north", "f") not in design.categories
    assert len(design.sizes) == 5


@settings(max_examples=200)
@given(
    shares=st.lists(st.integers(1, 1_000), min_size=1, max_size=8),
    size=st.integers(8, 5_000),
    allocation=st.sampled_from(["proportional", "equal", "min_n"]),
    least=st.integers(1, 50),
)
def test_sizes_always_sum_to_the_size_and_weights_to_the_population(
    shares: list[int], size: int, allocation: str, least: int
) -> None:
    values = ", ".join(f"r{i}: {share}" for i, share in enumerate(shares))
    region = f"  region: {{type: categorical, source: s, unit: count, values: {{{values}}}}}\n"
    least = min(least, size // len(shares))
    more = f", min_n: {least}" if allocation == "min_n" else ""

    design = design_of(model_of(region + strata(allocation, more=more), HEAD.replace("1000", str(size))))

    assert design.sizes.sum() == size
    assert design.sizes.min() >= (least if allocation == "min_n" else 1)
    assert design.weights * design.sizes / size == pytest.approx(np.array(shares) / sum(shares))
    if allocation == "equal":
        assert np.ptp(design.sizes) <= 1
    if allocation == "min_n":
        # Nobody is held up who would have had enough, and those above keep their proportions.
        above = design.sizes > least
        if not above.any():
            return
        expected = np.array(shares)[above] * (design.sizes[above].sum() / np.array(shares)[above].sum())
        assert np.abs(design.sizes[above] - expected).max(initial=0.0) <= 1


IMPOSSIBLE = {
    "too many for the size": (
        strata("min_n", more=", min_n: 400"),
        (
            "strata.by: 3 strata with at least 400 people each need 1,200, `size` is 1,000 (the smallest stratum, "
            "north, has 2 % of the population); lower `min_n`, raise `size`, or take fewer strata"
        ),
    ),
    "sizes that miss the total": (
        strata("explicit", more=", sizes: {north: 400, south: 300, west: 200}"),
        (
            "strata.sizes: the sizes sum to 900, 100 fewer than `size`, which is 1,000; correct one of them, or write "
            "`size: 900`"
        ),
    ),
    "a stratum without a size": (
        strata("explicit", more=", sizes: {north: 400, south: 600}"),
        "strata.sizes: no size for west; add a line `stratum: people` for each",
    ),
    "an unknown stratum": (
        strata("explicit", more=", sizes: {north: 400, south: 300, west: 200, nort: 100}"),
        "strata.sizes.nort: nobody in the population is in a stratum 'nort'; did you mean `north`?",
    ),
    "a stratum of nobody": (
        strata("explicit", more=", sizes: {north: 0, south: 500, west: 500}"),
        (
            "strata.sizes.north: north has 0 people, so nobody would stand for that part of the population; give it at "
            "least one person, or rule it out by a constraint"
        ),
    ),
    "no min_n": (strata("min_n"), "strata: the allocation `min_n` needs `min_n`; add it, such as `min_n: 200`"),
    "no sizes": (
        strata("explicit"),
        "strata: the allocation `explicit` needs `sizes`; add it, a line `stratum: people` for each stratum",
    ),
    "sizes that say nothing": (
        strata("equal", more=", sizes: {north: 400}"),
        ("strata.sizes: `sizes` says nothing for the allocation `equal`; remove it, or write `allocation: explicit`"),
    ),
    "an unknown dimension": (
        strata("equal", "[regio]"),
        "strata.by: there is no dimension 'regio'; did you mean `region`?",
    ),
    "a dimension twice": (strata("equal", "[region, region]"), "strata.by: a dimension stands twice; remove one"),
}


@pytest.mark.parametrize(("line", "message"), IMPOSSIBLE.values(), ids=IMPOSSIBLE.keys())
def test_impossible_strata_are_named(line: str, message: str) -> None:
    assert mistakes_in(REGION + SEX + line) == [f"town.yaml:7: {message}"]


def test_more_strata_than_people_are_named_with_the_smallest() -> None:
    (message,) = mistakes_in(REGION + SEX + strata("equal", "[region, sex]"), HEAD.replace("1000", "5"))

    assert (
        "6 strata with at least one person each need 6, `size` is 5 (the smallest stratum, north / f, has 0.5 %"
        in message
    )
