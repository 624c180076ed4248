"""Expressions: what they yield, what they settle about cells, and that no wrong one gets through."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from troupe_batch.expressions.expression import Bound, Expression
from troupe_batch.expressions.kinds import BadExpression, Domain, Kind

KINDS = {
    "age": Kind("number", integer=True, low=18, high=90),
    "income": Kind("number", low=0, high=1e6),
    "sex": Kind("category", ("female", "male")),
    "education": Kind("category", ("none", "school", "bachelor", "advanced")),
    "degree": Kind("category", ("bachelor", "doctor")),
    "working": Kind("truth"),
    "story": Kind("text"),
    "wage": Kind("number", low=0, high=100, optional=True),
}
COLUMNS: dict[str, np.ndarray[Any, Any]] = {
    "age": np.array([18, 40, 90]),
    "income": np.array([0.0, 50_000.0, 1e6]),
    "sex": np.array(["female", "male", None], dtype=object),
    "education": np.array([0, 2, 3], dtype=np.int16),
    "degree": np.array(["bachelor", "bachelor", "doctor"], dtype=object),
    "working": np.array([True, False, True]),
    "wage": np.array([12.5, None, 100], dtype=object),
}


def bound(text: str) -> Bound:
    return Expression.parse(text).bind(KINDS)


def refusal(text: str) -> str:
    with pytest.raises(BadExpression) as caught:
        bound(text)
    return f"{caught.value}; {caught.value.cure}"


VALUES: dict[str, list[object]] = {
    "age + 2 * 3 - 1": [23, 45, 95],
    "income / 1000": [0.0, 50.0, 1000.0],
    "age // 7": [2, 5, 12],
    "-age % 7": [3, 2, 1],
    "min(age, 40) + max(1, 2, age - 60)": [20, 42, 70],
    "round(income / 7, -2)": [0, 7100, 142900],
    "floor(-age / 4)": [-5, -10, -23],
    "abs(40 - age)": [22, 0, 50],
    "18 <= age < 41": [True, True, False],
    "age != 40 and not age > 80": [True, False, False],
    "working or age == 40": [True, True, True],
    "working == (age < 20)": [True, True, False],
    "education < 'bachelor'": [True, False, False],
    "'bachelor' <= education": [False, True, True],
    "'school' < education < 'advanced'": [False, True, False],
    "sex == 'female'": [True, False, False],
    "education == degree": [False, True, False],
    "education != degree": [True, False, True],
    "education in ['none', 'advanced']": [True, False, True],
    "age not in (18, 90)": [False, True, False],
    "'young' if age < 30 else education": ["young", "bachelor", "advanced"],
    "age if working else 0": [18, 0, 90],
    "cut(age, [18, 35, 55, 91])": ["18-34", "35-54", "55-90"],
    "cut(age, [18, 19, 91])": ["18", "19-90", "19-90"],
    "cut(income, [0, 0.5, 1000001])": ["0 to under 0.5", "0.5 to under 1000001", "0.5 to under 1000001"],
    "cut(age, [18, 65, 91], ['under 65', '65+'])": ["under 65", "under 65", "65+"],
    "cut(age, [0, 65, 91], labels=['under 65', '65+']) == '65+'": [False, False, True],
}


@pytest.mark.parametrize(("text", "expected"), VALUES.items(), ids=VALUES)
def test_an_expression_yields_what_it_says(text: str, expected: list[object]) -> None:
    assert bound(text).values(COLUMNS).tolist() == expected


ABSENT: dict[str, list[object]] = {
    "wage * 2": [25.0, None, 200.0],
    "wage < 50": [True, False, False],
    "wage != 12.5": [False, False, True],
    "wage not in [12.5]": [False, False, True],
    "sex != 'female'": [False, True, False],
    "sex not in ['female']": [False, True, False],
    "age / (age - 40)": [18 / -22, None, 90 / 50],
    "age % (age - 40)": [-4.0, None, 40.0],
    "cut(age, [18, 50, 91]) if age < 80 else sex": ["18-49", "18-49", None],
    "cut(income, [0, 60000, 100000]) if True else 'x'": ["0 to under 60000", "0 to under 60000", None],
}


@pytest.mark.parametrize(("text", "expected"), ABSENT.items(), ids=ABSENT)
def test_what_reckons_with_an_absent_fact_is_absent_and_compares_as_false(text: str, expected: list[object]) -> None:
    values = bound(text).values(COLUMNS)

    assert values.tolist() == expected


def test_the_type_of_a_column_follows_from_the_expression_not_from_the_rows() -> None:
    full = {name: column[:1] for name, column in COLUMNS.items()}

    assert bound("age * 2").values(full).dtype == np.int64
    assert bound("age / 2").values(full).dtype == np.float64
    assert bound("wage * 2").values(full).dtype == object
    assert bound("age / (age - 40)").values(full).dtype == object


def test_labels_and_codes_of_a_column_are_read_alike() -> None:
    coded = {**COLUMNS, "sex": np.array([0, 1, -1], dtype=np.int16)}

    for text in ("sex == 'female'", "sex != 'male'", "'x' if age > 80 else sex"):
        assert bound(text).values(coded).tolist() == bound(text).values(COLUMNS).tolist()
    assert bound("'x' if age < 20 else sex").codes(COLUMNS).tolist() == [0, 2, -1]


REFUSED = {
    "": "the expression is empty",
    "sex = 'female'": "`=` in `sex = 'female'` is not understood; write ==",
    "working & age > 3": "`&` in `working & age > 3` is not understood; write and",
    "working || age > 3": "`||` in `working || age > 3` is not understood; write or",
    "age <> 3": "write !=",
    "!working": "write not",
    "age ** 2": "`**` in `age ** 2`",
    "age is 3": "write ==",
    "age > 3 AND working": "write and",
    "sex == \u201cfemale\u201d": "straight quotes",
    "sex == female": "`female` is a category of sex, not a fact; put the label in quotes: 'female'",
    "sex in [female]": "put the label in quotes: 'female'",
    "sex == 'femal'": "`sex` has no category 'femal'; did you mean `female`?",
    "sex in ['man']": "`sex` has no category 'man'",
    "agee > 3": "there is no fact `agee` here; did you mean `age`?",
    "true": "there is no fact `true` here; write True",
    "story == 'x'": "`story` is free text",
    "education > 3": "`education` is a category and `3` is a number; compare education with a label in quotes",
    "age == '40'": "`age` is a number and `'40'` is a category; write a number, without quotes",
    "sex < education": "no common order",
    "working < True": "true and false have no order",
    "'a' == 'a'": "compares two labels",
    "sex + 1": "`sex` is a category where a number belongs; reckon with numbers only",
    "not age": "`age` is a number where true or false belongs; compare it with something, such as `age > 0`",
    "sex and working": "such as `sex == 'female'`",
    "age if working else 'x'": "`age` is a number and `'x'` is a category",
    "age.real": "`age.real` looks into a fact; write the name of a fact alone",
    "sex[0] == 'f'": "`sex[0]` looks into a fact",
    "cutt(age, [1, 2])": "there is no function `cutt`; did you mean `cut`?",
    "__import__('os')": "there is no function `__import__`; known here: abs, cut, floor, max, mentions, min, round",
    "(lambda: 1)()": "`lambda: 1` is not in the grammar",
    "[x for x in age]": "is not in the grammar",
    "f'{age}'": "is not in the grammar",
    "income > 10,000": "`income > 10,000` has a comma; write numbers such as 10000 without a comma",
    "age in 5": "a list belongs after `in`",
    "age in [[5]]": "cannot stand in a list",
    "1 < age in [5]": "chains `in`",
    "age in [5] == True": "chains `in`",
    "age == None": "`None` is no number or label",
    "1e400 > age": "`1e400` is too large",
    "sex == 'fe\\x6dale'": "`\\` cannot stand in an expression",
    "round(age, 0.5)": "`0.5` is no number of digits",
    "max(age)": "wrong number of arguments; write it like max(a, b)",
    "min(age, key=3)": "is not understood; write ==",
    "cut(age, [18, 91, 30])": "the edges are no rising numbers",
    "cut(age, [18])": "the edges are no rising numbers",
    "cut(age, [18, income])": "the edges are no rising numbers",
    "cut(age, [18, 40, 91], ['a'])": "3 edges make 2 bands, and the labels do not fit; write 2 different labels",
    "cut(age, [18, 40, 91], ['a', 'a'])": "the labels do not fit",
    "cut(age, [18, 40, 90])": "age can be 90, the last edge 90 is exclusive; let the last edge be above 90",
    "cut(age, [20, 40, 91])": "age can be 18, below the first edge; let the first edge be 18 or less",
    "age / 0": "`age / 0` divides by 0",
    "age > 3 and": "cannot be read",
    "sex == not working": "`not` is a word of the grammar; quote labels",
    "[age]": "`[age]` is a list where a value belongs",
    "(" * 300 + "1" + ")" * 300: "check quotes, brackets and operators",
    "-" * 1500 + "1": "nested too deeply",
    "+".join(["1"] * 500): "too many parts",
    "1 " * 1100: "the expression has 2,200 characters",
    "age > \x00": "cannot be read",
}


@pytest.mark.parametrize(("text", "expected"), REFUSED.items(), ids=[key[:30] for key in REFUSED])
def test_a_refusal_quotes_the_part_at_fault_and_says_the_cure(text: str, expected: str) -> None:
    assert expected in refusal(text)


def test_a_condition_must_be_true_or_false() -> None:
    with pytest.raises(BadExpression, match="`age` is a number, a condition is true or false"):
        Expression.parse("age").bind_condition(KINDS)


def test_a_cut_within_a_choice_may_leave_out_what_the_choice_rules_out() -> None:
    field = bound("cut(age, [30, 60, 91]) if age >= 30 else 'young'")

    assert field.values(COLUMNS).tolist() == ["young", "30-59", "60-90"]


def test_a_bin_within_one_band_settles_it_and_one_across_an_edge_does_not() -> None:
    bins = Domain(low=np.array([18.0, 30, 40]), high=np.array([29.0, 39, 90]))

    possible = bound("cut(age, [18, 30, 35, 91])").possible({"age": bins})

    assert possible.codes is not None
    assert possible.codes.tolist() == [0, -1, 2]
    assert not possible.can_be_absent.any()


def test_splits_name_where_the_bins_of_a_number_should_end() -> None:
    assert bound("cut(age, [18, 35, 55, 91])").splits() == {"age": (35.0, 55.0)}
    assert bound("age <= 34 or 65 <= age or age == 50").splits() == {"age": (35.0, 50.0, 51.0, 65.0)}
    assert bound("income > 5.5").splits() == {"income": (5.5,)}
    assert bound("sex == 'female'").splits() == {}


def test_what_no_cell_names_can_be_anything_of_its_kind() -> None:
    possible = bound("age >= 18 and income >= 0").possible({})
    open_ = bound("age >= 19").possible({"sex": Domain(codes=np.array([0, 1]))})

    assert possible.can_be_false is not None
    assert open_.can_be_true is not None
    assert open_.can_be_false is not None
    assert possible.can_be_false.tolist() == [False]
    assert (open_.can_be_true.tolist(), open_.can_be_false.tolist()) == ([True, True], [True, True])
