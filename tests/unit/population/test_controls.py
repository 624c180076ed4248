"""Controls are met by the fitted distribution, and whatever makes them impossible is named with its cell and cure."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from tests.doubles.population_files import mistakes_in, model_of
from troupe_batch.population.model import Component, Model

AGE = "  age: {type: numeric, integer: true, source: s, bins: {18-34: 0.4, 35-90: 0.6}}\n"
SEX = "  sex:\n    type: categorical\n    source: s\n    values: {f: 0.52, m: 0.48}\n"
WORK = "  work: {type: categorical, source: s, values: {clerk: 0.5, pilot: 0.1, none: 0.4}}\n"
BY_SEX = "{f: {18-34: 20, 35-90: 32}, m: {18-34: 20, 35-90: 28}}"


def control(table: str, dims: str = "[sex, age]", more: str = "unit: percent") -> str:
    return f"controls:\n  - dims: {dims}\n    source: s\n    {more}\n    table: {table}\n"


def shares(component: Component, *names: str) -> Mapping[tuple[int, ...], float]:
    found: dict[tuple[int, ...], float] = {}
    columns = [component.cells.codes[:, component.cells.names.index(name)].tolist() for name in names]
    for codes, p in zip(zip(*columns, strict=True), component.cells.probs.tolist(), strict=True):
        found[codes] = found.get(codes, 0.0) + p
    return found


def only_component(model: Model) -> Component:
    (component,) = model.components
    return component


def test_a_joint_margin_and_the_stated_shares_are_met() -> None:
    model = model_of(AGE + SEX + WORK + control(BY_SEX))

    component = only_component(model)
    assert component.cells.names == ("age", "sex")
    assert shares(component, "sex", "age") == pytest.approx({(0, 0): 0.2, (0, 1): 0.32, (1, 0): 0.2, (1, 1): 0.28})
    assert component.controls[0].categories == (("f", "18-34"), ("f", "35-90"), ("m", "18-34"), ("m", "35-90"))
    assert np.bincount(component.controls[0].groups, component.cells.probs) == pytest.approx(
        component.controls[0].target
    )
    assert model.findings == ()


def test_dimensions_that_nothing_ties_stay_as_they_were() -> None:
    model = model_of(AGE + SEX + WORK + control(BY_SEX))

    work = next(factor for factor in model.factors if factor.name == "work")
    assert work.probs.tolist() == [0.5, 0.1, 0.4]
    assert all(factor.parents == () for factor in model.factors)


def test_a_table_below_a_controlled_dimension_keeps_its_rows_and_follows_its_margin() -> None:
    below = (
        "  mood: {type: categorical, source: s, given: [sex, age], table: [{when: {}, values: {good: 0.5, bad: 0.5}}, "
    )
    below += "{when: {sex: f, age: 18-34}, values: {good: 0.9, bad: 0.1}}]}\n"

    model = model_of(AGE + SEX + below + control(BY_SEX))

    mood = next(factor for factor in model.factors if factor.name == "mood")
    assert mood.parents == ("sex", "age")
    assert model.marginals["mood"] == pytest.approx([0.2 * 0.9 + 0.8 * 0.5, 0.2 * 0.1 + 0.8 * 0.5])


def test_categories_alone_get_their_shares_from_a_control() -> None:
    lines = "  work: {type: categorical, source: s, categories: [clerk, pilot]}\n"

    model = model_of(
        SEX + lines + control("{f: {clerk: 0.4, pilot: 0.12}, m: {clerk: 0.2, pilot: 0.28}}", "[sex, work]", "")
    )

    assert model.marginals["work"] == pytest.approx([0.6, 0.4])


def test_categories_alone_without_a_control_have_no_shares() -> None:
    lines = "  work: {type: categorical, source: s, categories: [clerk, pilot]}\n"

    assert mistakes_in(SEX + lines) == [
        (
            "town.yaml:9: dimensions.work: nothing says the shares of work; write `values`, or a control with work "
            "among its `dims`"
        )
    ]


def test_the_order_of_controls_does_not_change_the_distribution() -> None:
    first = "  - {dims: [sex, age], source: s, unit: percent, table: " + BY_SEX + "}\n"
    second = (
        "  - {dims: [work, sex], source: s, unit: percent, "
        "table: {clerk: {f: 30, m: 20}, pilot: {f: 2, m: 8}, none: {f: 20, m: 20}}}\n"
    )

    one = only_component(model_of(AGE + SEX + WORK + "controls:\n" + first + second))
    other = only_component(model_of(AGE + SEX + WORK + "controls:\n" + second + first))

    np.testing.assert_allclose(one.cells.probs, other.cells.probs, rtol=1e-7)


def test_a_control_of_three_dimensions_is_written_in_rows() -> None:
    rows = [
        f"      - {{when: {{sex: {sex}, age: {age}}}, values: {{clerk: {c}, pilot: {p}, none: {n}}}}}\n"
        for sex, age, c, p, n in [
            ("f", "18-34", 10, 2, 8), ("f", "35-90", 16, 2, 14), ("m", "18-34", 10, 3, 7), ("m", "35-90", 14, 3, 11),
        ]
    ]  # fmt: skip

    model = model_of(AGE + SEX + WORK + control("\n" + "".join(rows).rstrip(), "[sex, age, work]"))

    assert shares(only_component(model), "sex", "age", "work")[1, 0, 1] == pytest.approx(0.03)


WRONG_TOTALS = {
    "rounded percents": (
        control(BY_SEX.replace("32", "31")),
        (
            "town.yaml:14: controls[0].table: the cells sum to 99, not 100 (those of sex=f to 51, where "
            "dimensions.sex.values says 52); if that is the source's rounding, write `on_sum: renormalize`; else "
            "correct them"
        ),
    ),
    "a slip": (
        control(BY_SEX.replace("28", "82")),
        (
            "town.yaml:14: controls[0].table: the cells sum to 154, not 100 (those of sex=m to 102, where "
            "dimensions.sex.values says 48); correct them, or write `unit: count` if they are counts"
        ),
    ),
    "percents read as shares": (
        control(BY_SEX, more="unit: share"),
        (
            "town.yaml:14: controls[0].table: the cells sum to 100, not 1 (those of age=35-90 to 60, where "
            "dimensions.age.bins says 0.6); these look like percents: write `unit: percent`"
        ),
    ),
    "shares within the other dimension": (
        control("{f: {18-34: 0.4, 35-90: 0.6}, m: {18-34: 0.42, 35-90: 0.58}}", more="unit: share"),
        (
            "town.yaml:14: controls[0].table: the cells sum to 2, not 1; those of each category of sex sum to 1, so "
            "they are shares within it: multiply them by the shares of sex, or write them as the table of a "
            "dimension with `given: [sex]`"
        ),
    ),
    "nobody at all": (
        control("{f: {18-34: 0, 35-90: 0}, m: {18-34: 0, 35-90: 0}}"),
        "town.yaml:14: controls[0].table: the cells sum to 0; let at least one be above 0, and none absurdly large",
    ),
}


@pytest.mark.parametrize(("text", "message"), WRONG_TOTALS.values(), ids=WRONG_TOTALS.keys())
def test_a_wrong_total_of_a_control_says_which_cells_are_off(text: str, message: str) -> None:
    assert mistakes_in(AGE + SEX + text) == [message]


def test_a_wrong_total_of_a_dimension_and_of_a_row_of_its_table_are_named_together() -> None:
    table = "  car:\n    type: categorical\n    source: s\n    given: sex\n    table:\n      f: {yes: 0.5}\n"
    table = table.replace("{yes: 0.5}", '{"yes": 0.5, "no": 0.4}') + '      m: {"yes": 0.7, "no": 0.3}\n'

    assert mistakes_in(SEX.replace("0.48", "0.47") + table) == [
        (
            "town.yaml:8: dimensions.sex.values: the numbers sum to 0.99, not 1; if that is the source's rounding, "
            "write `on_sum: renormalize`; else correct them"
        ),
        (
            "town.yaml:13: dimensions.car.table[0]: row sex=f: the numbers sum to 0.9, not 1; correct them, write "
            "`unit: count` if they are counts, or `on_sum: residual:<category>` for a remainder"
        ),
    ]


MISWRITTEN = {
    "a missing combination": (
        control("{f: {18-34: 20, 35-90: 32}}"),
        (
            "town.yaml:14: controls[0].table: no cell for sex=m, age=18-34; sex=m, age=35-90; add a number for each; "
            "write 0 for a cell that cannot occur"
        ),
    ),
    "a missing cell": (
        control("{f: {18-34: 20, 35-90: 32}, m: {18-34: 48}}"),
        (
            "town.yaml:14: controls[0].table: no cell for sex=m, age=35-90; add a number for each; write 0 for a "
            "cell that cannot occur"
        ),
    ),
    "an unknown category": (
        control(BY_SEX.replace("m:", "male:")),
        "town.yaml:14: controls[0].table[1]: sex has no category 'male'; known here: f, m",
    ),
    "an unknown category of the last dimension": (
        control(BY_SEX.replace("35-90: 28", "35-99: 28")),
        "town.yaml:14: controls[0].table[1]: age has no category '35-99'; did you mean `35-90`?",
    ),
    "an unknown dimension": (
        control(BY_SEX, "[sexe, age]"),
        "town.yaml:11: controls[0].dims: there is no dimension 'sexe'; did you mean `sex`?",
    ),
    "a dimension twice": (
        control("{f: {f: 52, m: 0}, m: {f: 0, m: 48}}", "[sex, sex]"),
        "town.yaml:11: controls[0].dims: a dimension stands twice; remove one",
    ),
    "a negative cell": (
        control(BY_SEX.replace("32", "-32")),
        "town.yaml:14: controls[0].table[0]: sex=f, age=35-90 is -32, which is negative; shares are 0 or more",
    ),
    "a star": (
        control("[{when: {sex: '*'}, values: {18-34: 40, 35-90: 60}}]"),
        (
            "town.yaml:14: controls[0].table[0]: sex has no category '*'; a control has a number for every cell: "
            "write a row for each category of sex"
        ),
    ),
    "a cell twice": (
        control(
            "[{when: {sex: f}, values: {18-34: 20, 35-90: 32}}, {when: {sex: m}, values: {18-34: 20, 35-90: 28}}, "
            "{when: {age: 18-34}, values: {m: 20}}]"
        ),
        "town.yaml:14: controls[0].table[2]: the cell sex=m, age=18-34 stands twice; remove one",
    ),
    "a row that leaves two dimensions": (
        control("[{when: {}, values: {f: 52, m: 48}}]"),
        (
            "town.yaml:14: controls[0].table[0]: `when` has nothing, which leaves 2 dimensions for `values`; give a "
            "category for each of sex"
        ),
    ),
    "a row over another dimension": (
        control("[{when: {region: x}, values: {f: 52, m: 48}}]"),
        "town.yaml:14: controls[0].table[0]: 'region' is not in `dims`; known here: age, sex",
    ),
}


@pytest.mark.parametrize(("text", "message"), MISWRITTEN.values(), ids=MISWRITTEN.keys())
def test_a_mistake_in_the_table_of_a_control_is_named(text: str, message: str) -> None:
    assert mistakes_in(AGE + SEX + text) == [message]


def test_a_missing_combination_of_parents_is_named_with_its_cure() -> None:
    table = (
        "  car: {type: categorical, source: s, given: [sex, age], table: [{when: {sex: f, age: 18-34}, values: {a: 1}}"
    )
    table += ", {when: {sex: m}, values: {a: 1}}]}\n"

    assert mistakes_in(AGE + SEX + table) == [
        (
            "town.yaml:10: dimensions.car.table: no row for sex=f, age=35-90; add a row for each, or one with `*` "
            "for all others"
        )
    ]


def test_a_number_without_bins_cannot_be_counted() -> None:
    height = "  height: {type: numeric, source: s, dist: uniform, params: {low: 150, high: 200}}\n"

    assert mistakes_in(SEX + height + control("{f: {a: 1}}", "[sex, height]")) == [
        (
            "town.yaml:11: controls[0].dims: height is a distribution without categories, so nothing can depend on it; "
            "give height `bins`"
        )
    ]


def test_a_control_and_stated_shares_that_disagree_are_named_with_both_numbers() -> None:
    assert mistakes_in(AGE + SEX + control("{f: {18-34: 20, 35-90: 36}, m: {18-34: 20, 35-90: 24}}")) == [
        (
            "town.yaml:14: controls[0].table: sex=f comes to 56 % here, but dimensions.sex.values says 52 %; let "
            "both say the same; a small difference is evened out up to `sampling.tolerance_pp`, now 0.5"
        )
    ]


def test_two_controls_whose_shared_margins_disagree_are_named_with_both_numbers() -> None:
    lines = "  kids: {type: categorical, source: s, categories: [none, some]}\n"
    text = (
        "controls:\n"
        "  - {dims: [sex, kids], source: s, unit: percent, table: {f: {none: 30, some: 22}, m: {none: 30, some: 18}}}\n"
        "  - {dims: [age, kids], source: s, unit: percent, table: {18-34: {none: 30, some: 10}, 35-90: {none: 36, "
        "some: 24}}}\n"
    )

    assert mistakes_in(AGE + SEX + lines + text) == [
        (
            "town.yaml:13: controls[1].table: kids=none comes to 66 % here, but controls[0].table says 60 %; let "
            "both say the same; a small difference is evened out up to `sampling.tolerance_pp`, now 0.5"
        )
    ]


def test_small_differences_are_rescaled_to_what_stands_first_and_told() -> None:
    model = model_of(AGE + SEX + control("{f: {18-34: 20.2, 35-90: 32}, m: {18-34: 20, 35-90: 27.8}}"))

    assert model.marginals["sex"] == pytest.approx([0.52, 0.48])
    assert model.marginals["age"] == pytest.approx([0.4, 0.6])
    assert sorted(finding.problem for finding in model.findings) == [
        "age=18-34 comes to 40.2 % here, but dimensions.age.bins says 40 %; rescaled to that",
        "sex=f comes to 52.2 % here, but dimensions.sex.values says 52 %; rescaled to that",
    ]


def test_the_tolerance_is_the_file_s() -> None:
    text = AGE + SEX + control("{f: {18-34: 20.2, 35-90: 32}, m: {18-34: 20, 35-90: 27.8}}")

    assert len(mistakes_in(text + "sampling: {tolerance_pp: 0.1}\n")) == 2


@pytest.mark.parametrize(("percent", "mistakes"), [(20.45, 0), (20.55, 2), (20.9, 2)])
def test_margins_may_differ_by_half_a_point_and_no_more(percent: float, mistakes: int) -> None:
    table = f"{{f: {{18-34: {percent}, 35-90: 32}}, m: {{18-34: 20, 35-90: {48 - percent}}}}}"
    text = AGE + SEX + control(table)

    if mistakes:
        assert len(mistakes_in(text)) == mistakes
    else:
        assert len(model_of(text).findings) == 2


def test_nobody_in_a_control_where_a_stated_share_wants_somebody_is_a_mistake_however_few() -> None:
    work = "  work: {type: categorical, source: s, unit: percent, values: {clerk: 99.8, pilot: 0.2}}\n"
    text = control("{f: {clerk: 52, pilot: 0}, m: {clerk: 48, pilot: 0}}", "[sex, work]")

    assert mistakes_in(SEX + work + text) == [
        (
            "town.yaml:14: controls[0].table: all cells of work=pilot are 0, but dimensions.work.values says 0.2 %; "
            "let both say the same"
        )
    ]


def test_zeros_that_keep_a_control_from_being_rescaled_are_named() -> None:
    text = (
        AGE
        + SEX
        + WORK
        + control("{clerk: {f: 52, m: 0}, pilot: {f: 0, m: 9.7}, none: {f: 0, m: 38.3}}", "[work, sex]")
    )

    (message,) = mistakes_in(text + "sampling: {tolerance_pp: 5}\n")

    assert message == (
        "town.yaml:15: controls[0].table: its zeros leave sex=f at 50 % where dimensions.sex.values says 52 %, when "
        "rescaled to all that stands before it; let all of them say the same"
    )


def test_a_derived_field_is_compared_with_the_bins_that_decide_it() -> None:
    text = "derive: {old: \"'yes' if age >= 35 else 'no'\"}\n" + control("{'no': 45, 'yes': 55}", "[old]")

    assert mistakes_in(AGE + SEX + text) == [
        (
            "town.yaml:15: controls[0].table: old=yes comes to 55 % here, but dimensions.age.bins says 60 %; let both "
            "say the same; a small difference is evened out up to `sampling.tolerance_pp`, now 0.5"
        )
    ]


def test_a_cell_that_a_constraint_makes_impossible_is_named_with_the_constraint() -> None:
    text = control(BY_SEX) + "constraints: [\"age >= 35 or sex == 'f'\"]\n"

    assert mistakes_in(AGE + SEX + text) == [
        (
            "town.yaml:14: controls[0].table: sex=m, age=18-34 is 20 %, but no combination may have it: "
            "`age >= 35 or sex == 'f'` (constraints[0]) rules it out; write 0 for it, or relax it"
        )
    ]


def test_one_constraint_that_suffices_is_named_rather_than_two_that_do_together() -> None:
    kids = "  kids: {type: categorical, source: s, given: sex, table: [{when: {}, values: {none: 0.5, some: 0.5}}]}\n"
    text = control(BY_SEX) + (
        "constraints:\n"
        "  - \"age >= 35 or sex == 'f'\"\n"
        "  - \"kids == 'none' or age >= 35 or sex == 'f'\"\n"
        "  - \"kids != 'none' or age >= 35 or sex == 'f'\"\n"
    )

    (message,) = mistakes_in(AGE + SEX + kids + text)

    assert "`age >= 35 or sex == 'f'` (constraints[0]) rules it out; write 0 for it, or relax it" in message


def test_a_cell_that_only_two_constraints_together_make_impossible_is_named_with_both() -> None:
    # Of a table, so that it has no stated shares of its own.
    kids = "  kids: {type: categorical, source: s, given: sex, table: [{when: {}, values: {none: 0.5, some: 0.5}}]}\n"
    text = control(BY_SEX) + (
        "constraints:\n"
        "  - \"kids == 'none' or age >= 35 or sex == 'f'\"\n"
        '  - "age < 91"\n'
        "  - \"kids != 'none' or sex == 'f'\"\n"
    )

    assert mistakes_in(AGE + SEX + kids + text) == [
        (
            "town.yaml:15: controls[0].table: sex=m, age=18-34 is 20 %, but no combination may have it: "
            "`kids == 'none' or age >= 35 or sex == 'f'` (constraints[0]) and `kids != 'none' or sex == 'f'` "
            "(constraints[2]) rule it out; write 0 for it, or relax one of them"
        )
    ]


def test_a_cell_that_a_zero_of_a_table_makes_impossible_is_named_with_the_table() -> None:
    car = "  car: {type: categorical, source: s, given: sex, table: {f: {none: 0.5, some: 0.5}, m: {none: 1}}}\n"
    text = control("{f: {none: 30, some: 22}, m: {none: 40, some: 8}}", "[sex, car]")

    assert mistakes_in(SEX + car + text) == [
        (
            "town.yaml:14: controls[0].table: sex=m, car=some is 8 %, but no combination may have it: the shares of "
            "car leave nobody for it; write 0 for it, or give it a share in car"
        )
    ]


def test_a_cell_that_the_zero_of_another_control_makes_impossible_is_named_with_that_control() -> None:
    lines = "  kids: {type: categorical, source: s, categories: [none, some]}\n"
    text = (
        "controls:\n"
        "  - {dims: [sex, kids], source: s, unit: percent, table: {f: {none: 30, some: 22}, m: {none: 48, some: 0}}}\n"
        "  - dims: [sex, age, kids]\n    source: s\n    unit: percent\n    table:\n"
        "      - {when: {sex: f, age: 18-34}, values: {none: 20, some: 0}}\n"
        "      - {when: {sex: f, age: 35-90}, values: {none: 10, some: 22}}\n"
        "      - {when: {sex: m, age: 18-34}, values: {none: 19.9, some: 0.1}}\n"
        "      - {when: {sex: m, age: 35-90}, values: {none: 28, some: 0}}\n"
    )

    # Within the tolerance, so the later control is rescaled to the 0 of the first.
    model = model_of(AGE + SEX + lines + text)

    assert (1, 1) not in shares(only_component(model), "sex", "kids")
    assert [finding.place for finding in model.findings] == ["controls[1].table"]


def test_a_stated_share_and_a_constraint_that_leaves_too_few_for_it_are_named() -> None:
    text = "constraints: [\"work != 'pilot' or education == 'college'\"]\n"
    education = "  education: {type: categorical, source: s, values: {school: 0.93, college: 0.07}}\n"

    assert mistakes_in(WORK + education + text) == [
        (
            "town.yaml:5: dimensions.work.values: work=pilot is 10 %, but may only occur with education=college, to "
            "which dimensions.education.values gives 7 %; lower it, raise those, or relax what keeps it from the others"
        )
    ]


def test_a_share_that_just_fits_is_met_and_told() -> None:
    text = "constraints: [\"work != 'pilot' or education == 'college'\"]\n"
    education = "  education: {type: categorical, source: s, values: {school: 0.9, college: 0.1}}\n"

    model = model_of(WORK + education + text)

    found = shares(only_component(model), "work", "education")
    assert found == pytest.approx({(0, 0): 0.5, (1, 1): 0.1, (2, 0): 0.4})
    assert [finding.problem for finding in model.findings] == [
        "the targets leave nobody for 2 combinations that nothing forbids, such as work=clerk, education=college"
    ]


def test_margins_that_contradict_each_other_three_ways_are_named_with_the_worst_cell() -> None:
    # Each pair of these tables agrees where they meet, and no joint table has all three.
    dims = "".join(f"  {n}: {{type: categorical, source: s, values: {{u: 0.5, v: 0.5}}}}\n" for n in "abc")
    same, other = "{u: {u: 0.5, v: 0}, v: {u: 0, v: 0.5}}", "{u: {u: 0.1, v: 0.4}, v: {u: 0.4, v: 0.1}}"
    text = "controls:\n" + "".join(
        f"  - {{dims: [{pair}], source: s, table: {table}}}\n"
        for pair, table in [("a, b", same), ("b, c", same), ("a, c", other)]
    )

    (message,) = mistakes_in(dims + text)

    assert message == (
        "town.yaml:11: controls[2].table: a=u, c=v is 40 %, but no combination may have it (nor 1 more of its cells): "
        "the zeros of controls[0].table and the zeros of controls[1].table rule it out; write 0 for it, or relax one "
        "of them"
    )
