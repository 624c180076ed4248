"""Rows of conditional tables: the most specific one speaks, and only what two speak for alike is a mistake."""

from __future__ import annotations

import pytest

from tests.doubles.population_files import HEAD, mistakes_in, model_of
from troupe_batch.population.spec import PopulationSpec
from troupe_batch.spec_files import read_spec_text

PARENTS = (
    "  sex: {type: categorical, source: s, values: {f: 0.5, m: 0.5}}\n"
    "  work: {type: categorical, source: s, values: {clerk: 0.5, pilot: 0.5}}\n"
)
WOMEN = "{when: {sex: f}, values: {a: 1, b: 0}}"
PILOTS = "{when: {work: pilot}, values: {a: 0, b: 1}}"
WOMEN_WHO_FLY = "{when: {sex: f, work: pilot}, values: {a: 0.3, b: 0.7}}"
OTHERS = "{when: {}, values: {a: 0.5, b: 0.5}}"


def rows(*some: str) -> str:
    return PARENTS + f"  x: {{type: categorical, source: s, given: [sex, work], table: [{', '.join(some)}]}}\n"


def test_a_more_specific_row_decides_where_two_others_overlap() -> None:
    model = model_of(rows(WOMEN, WOMEN_WHO_FLY, PILOTS, OTHERS))

    (found,) = [factor.probs for factor in model.factors if factor.name == "x"]
    assert found[..., 0].tolist() == [[1, 0.3], [0.5, 0]]


def test_two_rows_that_overlap_undecided_are_a_mistake() -> None:
    assert mistakes_in(rows(WOMEN, PILOTS, OTHERS)) == [
        "town.yaml:7: dimensions.x.table[1]: two rows speak for work=pilot; remove one, or make one more specific"
    ]


def digest_of(text: str) -> str:
    return read_spec_text("town.yaml", HEAD + text).parse(PopulationSpec).digest


@pytest.mark.parametrize(("dist", "same"), [("dist: normal, ", True), ("", False)])
def test_the_order_of_named_parameters_is_no_part_of_a_population_and_that_of_bins_is(dist: str, same: bool) -> None:
    def text(one: str, other: str) -> str:
        row = f"{{{one}, {other}}}"
        return PARENTS + f"  x: {{type: numeric, {dist}source: s, given: sex, table: {{f: {row}, m: {row}}}}}\n"

    names = ("mean: 0.5", "sd: 0.5") if dist else ("1-2: 0.5", "3-4: 0.5")

    assert (digest_of(text(*names)) == digest_of(text(*reversed(names)))) is same
