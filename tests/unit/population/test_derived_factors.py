"""Derived fields that categories decide work like dimensions; where they do not, the bin and the edge are named."""

from __future__ import annotations

import json

import numpy as np
import pytest

from tests.doubles.population_files import HEAD, mistakes_in, model_of
from troupe_batch.population.margins import Level

AGE = "  age: {type: numeric, integer: true, source: s, bins: {18-29: 0.3, 30-39: 0.2, 40-90: 0.5}}\n"
SEX = "  sex: {type: categorical, source: s, values: {f: 0.52, m: 0.48}}\n"
HEIGHT = "  height: {type: numeric, source: s, dist: uniform, params: {low: 150, high: 200}}\n"
BAND = "derive: {age_band: 'cut(age, [18, 30, 91])'}\n"
COUNT = "controls: [{dims: [age_band], source: s, table: {18-29: 0.3, 30-90: 0.7}}]\n"


def test_a_derived_field_that_bins_decide_is_a_factor_of_what_it_reads() -> None:
    model = model_of(AGE + SEX + BAND)

    factor = model.factors[-1]
    assert (factor.name, factor.labels, factor.parents) == ("age_band", ("18-29", "30-90"), ("age",))
    assert factor.probs.tolist() == [[1, 0], [0, 1], [0, 1]]
    assert model.marginals["age_band"] == pytest.approx([0.3, 0.7])
    assert model.components == ()


def test_a_derived_field_of_two_dimensions_and_of_another_derived_field() -> None:
    derive = "derive:\n  age_band: cut(age, [18, 30, 91])\n"
    derive += "  group: \"'young man' if sex == 'm' and age_band == '18-29' else 'other'\"\n"

    model = model_of(AGE + SEX + derive)

    factor = model.factors[-1]
    assert factor.parents == ("age", "sex")
    assert model.marginals["group"] == pytest.approx([0.3 * 0.48, 1 - 0.3 * 0.48])


def test_a_derived_field_can_be_a_parent() -> None:
    car = "  car: {type: categorical, source: s, given: age_band, "
    car += "table: {18-29: {none: 1, some: 0}, 30-90: {none: 0.5, some: 0.5}}}\n"

    model = model_of(AGE + car + BAND)

    assert model.marginals["car"] == pytest.approx([0.65, 0.35])
    assert [factor.name for factor in model.factors] == ["age", "car", "age_band"]


def test_a_dimension_below_its_own_derived_field_is_a_circle() -> None:
    car = "  car: {type: categorical, source: s, given: kind, table: {a: {none: 1}, b: {none: 1}}}\n"
    derive = "derive: {kind: \"'a' if car == 'none' else 'b'\"}\n"

    assert mistakes_in(car + derive) == [
        (
            "town.yaml:5: dimensions.car.given: the parents form a circle: car → kind → car; take one of these "
            "dimensions out of another's `given`"
        )
    ]


USES = {
    "in a control": (COUNT, "town.yaml:7: controls[0].dims"),
    "in strata": ("strata: {by: [age_band], allocation: equal}\n", "town.yaml:7: strata.by"),
}


@pytest.mark.parametrize(("use", "place"), USES.values(), ids=USES.keys())
def test_a_bin_that_crosses_an_edge_is_named_where_the_field_is_used(use: str, place: str) -> None:
    text = AGE + BAND.replace("30", "35") + use

    assert mistakes_in(text) == [f"{place}: the bin 30-39 of age crosses the edge 35 of age_band; split it at 35"]


def test_a_bin_that_crosses_an_edge_is_named_where_a_table_depends_on_the_field() -> None:
    car = "  car: {type: categorical, source: s, given: age_band, table: {18-34: {none: 1}, 35-90: {none: 1}}}\n"

    assert mistakes_in(AGE + car + BAND.replace("30", "35")) == [
        "town.yaml:6: dimensions.car.given: the bin 30-39 of age crosses the edge 35 of age_band; split it at 35"
    ]


def test_the_edge_that_a_bin_crosses_is_named_not_one_where_it_begins_or_ends() -> None:
    text = AGE + "derive: {age_band: 'cut(age, [18, 30, 35, 40, 91])'}\n" + COUNT

    assert mistakes_in(text) == [
        "town.yaml:7: controls[0].dims: the bin 30-39 of age crosses the edge 35 of age_band; split it at 35"
    ]


def test_a_bin_that_crosses_an_edge_two_fields_away_is_named() -> None:
    derive = "derive:\n  age_band: cut(age, [18, 35, 91])\n  young: \"'yes' if age_band == '18-34' else 'no'\"\n"

    assert mistakes_in(AGE + derive + "strata: {by: [young], allocation: equal}\n") == [
        "town.yaml:9: strata.by: the bin 30-39 of age crosses the edge 35 of young; split it at 35"
    ]


def test_an_undecided_field_that_nothing_counts_is_no_mistake_and_no_factor() -> None:
    model = model_of(AGE + SEX + BAND.replace("30", "35"))

    assert [factor.name for factor in model.factors] == ["age", "sex"]


NOT_COUNTED = {
    "beyond its edges": (
        "derive: {age_band: 'cut(100 / (age - 20), [-9999, 0, 9999])'}\n",
        "age_band may have no value for age=18-29; let it have one for everybody",
    ),
    "a truth": (
        "derive: {age_band: age >= 30}\n",
        (
            "age_band is true or false, so nothing can depend on it or count it; write categories, such as `'yes' if … "
            "else 'no'`"
        ),
    ),
    "a number": (
        "derive: {age_band: 2022 - age}\n",
        "age_band is a number, so nothing can depend on it or count it; write it with `cut`",
    ),
    "of a free number": (
        "derive: {age_band: 'cut(height, [100, 170, 220])'}\n",
        "age_band reads height, which has no categories, so nothing can depend on it or count it; give height `bins`",
    ),
}


@pytest.mark.parametrize(("derive", "message"), NOT_COUNTED.values(), ids=NOT_COUNTED.keys())
def test_a_field_that_cannot_be_counted_says_why(derive: str, message: str) -> None:
    assert mistakes_in(AGE + HEIGHT + derive + COUNT) == [f"town.yaml:8: controls[0].dims: {message}"]


def test_bins_that_are_no_whole_numbers_decide_up_to_their_end() -> None:
    rooms = "  size: {type: numeric, source: s, decimals: 1, bins: {0-10: 0.5, 10-20: 0.5}}\n"

    model = model_of(rooms + "derive: {kind: 'cut(size, [0, 10, 20])'}\n")

    assert model.factors[-1].probs.tolist() == [[1, 0], [0, 1]]


CONTROL = (
    "controls: [{dims: [sex, age_band], source: s, "
    "table: {f: {18-29: 0.1, 30-90: 0.4}, m: {18-29: 0.3, 30-90: 0.2}}}]\n"
)


def of_records(more: str, ages: list[int], incomes: list[float]) -> str:
    columns = {"AGE": ages, "SEX": ["1", "2"] * (len(ages) // 2), "INC": incomes, "W": [1.0] * len(ages)}
    return (
        HEAD.replace("dimensions:\n", "")
        + f"seed_data: {{source: s, weight: W, columns: {json.dumps(columns)}}}\n"
        + "dimensions:\n"
        + "  age: {type: record, column: AGE, numeric: true, integer: true}\n"
        + "  sex: {type: record, column: SEX, labels: {'1': f, '2': m}}\n"
        + "  income: {type: record, column: INC, numeric: true}\n"
        + more
    )


def test_records_decide_derived_fields_and_constraints_by_their_very_numbers_and_are_raked() -> None:
    ages, incomes = [19, 20, 44, 45, 60, 61, 18, 80], [9.0, 5.0, 90.0, 40.0, 20.0, 30.0, 95.0, 10.0]
    never = 'constraints: ["not (age < 20 and income > 50)"]\n'

    model = model_of(of_records(BAND + CONTROL + never, ages, incomes), head="")

    (component,) = model.components
    assert component.cells.names == ("sex", "age_band")
    assert component.cells.records is not None
    found = dict(zip(component.cells.records.tolist(), component.cells.probs.tolist(), strict=True))
    # Record 6 is 18 years old with an income of 95; the others share the cells of the control.
    assert found == pytest.approx({0: 0.1, 1: 0.3, 2: 0.2, 4: 0.2, 3: 0.2 / 3, 5: 0.2 / 3, 7: 0.2 / 3})
    assert model.open_constraints == ()
    assert model.marginals["age_band"] == pytest.approx([0.4, 0.6])


def test_records_that_a_constraint_drops_are_told_with_their_weight() -> None:
    ages, incomes = [19, 20, 44, 45, 60, 61, 18, 80], [9.0, 5.0, 90.0, 40.0, 20.0, 30.0, 95.0, 10.0]
    rules = 'constraints: ["not (age < 20 and income > 50)", "sex == \'f\' or income != 5 and income != 40"]\n'

    model = model_of(of_records(rules, ages, incomes), head="")

    findings = [finding for finding in model.findings if finding.place != "seed_data"]
    assert [(finding.level, finding.place, finding.problem) for finding in findings] == [
        (
            Level.NOTE,
            "constraints[0]",
            "`not (age < 20 and income > 50)` drops 1 of 8 records, which have 12.5 % of the weight",
        ),
        (
            Level.NOTE,
            "constraints[1]",
            "`sex == 'f' or income != 5 and income != 40` drops 2 of 8 records, which have 25 % of the weight",
        ),
    ]


def test_a_constraint_that_leaves_every_record_something_drops_none() -> None:
    home = (
        "  home: {type: categorical, source: s, given: sex, categories: [flat, house], "
        "table: [{when: {}, values: {flat: 0.5, house: 0.5}}]}\n"
    )
    rule = "constraints: [\"age < 60 or home == 'house'\"]\n"

    model = model_of(of_records(home + rule, [19, 61, 30, 62], [1.0] * 4), head="")

    assert len(model.components[0].cells.probs) == 6
    assert not [finding for finding in model.findings if finding.place == "constraints[0]"]


def test_records_alone_are_a_component_with_their_weights() -> None:
    model = model_of(of_records("", [19, 40, 45, 61], [1.0] * 4), head="")

    (component,) = model.components
    assert component.cells.records is not None
    assert component.cells.records.tolist() == [0, 2, 1, 3]
    assert component.cells.probs.tolist() == [0.25] * 4


def test_a_constraint_over_a_record_and_a_free_number_stays_open_for_the_records_that_need_it() -> None:
    more = "  height: {type: numeric, source: s, dist: uniform, params: {low: 150, high: 200}}\n"

    some = model_of(of_records(more + "constraints: ['age < 60 or height < 190']\n", [19, 61], [1.0] * 2), head="")
    none = model_of(of_records(more + "constraints: ['age < 99 or height < 190']\n", [19, 61], [1.0] * 2), head="")

    assert some.open_constraints == ("age < 60 or height < 190",)
    assert none.open_constraints == ()
    assert [finding.place for finding in none.findings if finding.place != "seed_data"] == ["constraints[0]"]


def test_records_without_a_value_for_a_field_are_counted_where_it_is_used() -> None:
    derive = "derive: {age_band: \"cut(income / (age - 17), [0, 1, 9], ['low', 'high'])\"}\n"
    control = "controls: [{dims: [age_band], source: s, table: {low: 0.4, high: 0.6}}]\n"

    (message,) = mistakes_in(of_records(derive + control, [17, 20, 30, 40], [1.0] * 4), head="")

    assert message.endswith("controls[0].dims: 1 of 4 records have no age_band; let it have a value for everybody")


def test_a_cell_that_no_record_has_is_named() -> None:

    (message,) = mistakes_in(of_records(BAND + CONTROL, [19, 40, 45, 61], [1.0] * 4), head="")

    assert message.endswith(
        "sex=m, age_band=18-29 is 30 %, but no combination may have it: no record has it; write 0 for it, or take "
        "records that have it"
    )


def test_constraints_that_leave_no_record_are_named() -> None:
    text = of_records('constraints: ["age < 50 or income > 3", "age > 50"]\n', [19, 40, 60, 61], [1.0] * 4)

    (message,) = mistakes_in(text, head="")

    assert message.endswith(
        "constraints[1]: together with `age < 50 or income > 3` (constraints[0]) `age > 50` (constraints[1]) leaves no "
        "combination of age and income; relax one of them"
    )


def test_dimensions_beside_records_join_them_where_a_constraint_ties_them() -> None:
    more = "  party: {type: categorical, source: s, values: {a: 0.5, b: 0.5}}\n"
    more += "constraints: [\"party == 'a' or age > 30\"]\n"

    model = model_of(of_records(more, [19, 40, 45, 61], [1.0] * 4), head="")

    (component,) = model.components
    assert component.cells.names == ("sex", "party")
    assert component.cells.records is not None
    young = component.cells.records == 0
    assert component.cells.codes[young, 1].tolist() == [0]
    assert len(component.cells.probs) == 7
    assert model.marginals["party"] == pytest.approx([0.5, 0.5])
    assert np.bincount(component.cells.records, component.cells.probs).min() > 0
