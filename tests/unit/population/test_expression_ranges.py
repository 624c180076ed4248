"""What is said to be possible in a cell holds for every value in it, and is exact where cells are points."""

from __future__ import annotations

import math
from itertools import combinations_with_replacement, product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from troupe_batch.expressions.expression import Bound, Expression
from troupe_batch.expressions.kinds import BadExpression, Domain, Kind, Possible

LABELS = ("a", "b", "c")
KINDS = {
    "x": Kind("number", integer=True),
    "y": Kind("number"),
    "z": Kind("number", optional=True),
    "k": Kind("category", LABELS),
    "t": Kind("truth"),
}
# Few different numbers, so that ends, edges and zeros meet often.
WHOLE = st.integers(-4, 4)
REAL = st.sampled_from([-3.0, -1.0, -0.5, -1e-20, 0.0, 0.1, 0.5, 1.0, 2.5, 3.0])
CONSTANTS = st.sampled_from(["-2", "0", "1", "2", "3", "0.5", "-1.5"])


def numbers(parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    pair = st.tuples(parts, parts)
    return st.one_of(
        st.tuples(st.sampled_from(["+", "-", "*", "/", "//", "%"]), pair).map(
            lambda p: f"({p[1][0]} {p[0]} {p[1][1]})"
        ),
        st.tuples(st.sampled_from(["min", "max"]), pair).map(lambda p: f"{p[0]}({p[1][0]}, {p[1][1]})"),
        st.tuples(st.sampled_from(["round", "floor", "abs", "-"]), parts).map(lambda p: f"{p[0]}({p[1]})"),
        st.tuples(conditions(parts), pair).map(lambda p: f"({p[1][0]} if {p[0]} else {p[1][1]})"),
    )


def conditions(parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    comparison = st.tuples(parts, st.sampled_from(["<", "<=", ">", ">=", "==", "!="]), parts).map(
        lambda p: f"({p[0]} {p[1]} {p[2]})"
    )
    member = st.tuples(parts, st.sampled_from(["in", "not in"])).map(lambda p: f"({p[0]} {p[1]} [-1, 0, 2, 3])")
    label = st.sampled_from(["k < 'c'", "k != 'b'", "k in ['a', 'b']", "k not in ['b']", "'b' <= k", "t", "k == 'a'"])
    banded = parts.map(lambda p: f"((cut({p}, [-2, 0, 1.5, 3], ['p', 'q', 'r']) if True else 'n') >= 'q')")
    simple = st.one_of(comparison, member, label, banded)
    joined = st.tuples(simple, st.sampled_from(["and", "or"]), simple).map(lambda p: f"({p[0]} {p[1]} {p[2]})")
    return st.one_of(simple, joined, simple.map(lambda p: f"(not {p})"))


NUMBERS = st.recursive(st.one_of(st.sampled_from(["x", "y", "z"]), CONSTANTS), numbers, max_leaves=5)
CATEGORIES = st.tuples(conditions(NUMBERS), NUMBERS).map(
    lambda p: f"(cut({p[1]}, [-2, 0, 1.5, 3], ['p', 'q', 'a']) if {p[0]} else k)"
)
EXPRESSIONS = st.one_of(NUMBERS, conditions(NUMBERS), CATEGORIES)

# Each operation alone, over every interval between these numbers.
GRID = (-2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 3.0)
OPERATIONS = [
    f"{a} {op} {b}" for op in ("+", "*", "/", "//", "%", "<", "<=", "!=", "==") for a, b in ("yz", "zy", "z2")
]
OPERATIONS += [
    "z not in [0, 1]",
    "z in [-1, 0, 1]",
    "abs(z)",
    "-z",
    "round(z)",
    "floor(z)",
    "min(y, z)",
    "y if z > 0 else z",
]
OPERATIONS += ["cut(z, [-1, 0, 1], ['a', 'b']) if True else 'c'", "not z < y", "y / (z - y)", "y % (z * 2)"]


@st.composite
def cells(draw: st.DrawFn) -> tuple[dict[str, Domain], dict[str, np.ndarray[Any, Any]]]:
    """Three cells, and a value of each name inside each of them."""
    domains, columns = {}, {}
    for name, values in (("x", WHOLE), ("y", REAL), ("z", REAL)):
        picked = [sorted(draw(st.lists(values, min_size=3, max_size=3))) for _ in range(3)]
        low, inside, high = (np.array(column, dtype=np.float64) for column in zip(*picked, strict=True))
        domains[name], columns[name] = Domain(low=low, high=high), inside
    columns["x"] = columns["x"].astype(np.int64)
    columns["z"] = columns["z"].astype(object)
    columns["z"][draw(st.lists(st.integers(0, 2), max_size=1))] = None
    for name, top in (("k", 2), ("t", 1)):
        codes = np.array(draw(st.lists(st.integers(0, top), min_size=3, max_size=3)))
        hidden = np.array(draw(st.lists(st.booleans(), min_size=3, max_size=3)))
        domains[name] = Domain(codes=np.where(hidden, -1, codes))
        columns[name] = codes if name == "k" else codes.astype(np.bool_)
    return domains, columns


def bind(text: str) -> Bound | None:
    try:
        return Expression.parse(text).bind(KINDS)
    except BadExpression:
        return None  # divides by a constant 0, or compares two constants


def allows(possible: Possible, value: object, labels: tuple[str, ...], cell: int) -> bool:
    if value is None:
        return bool(possible.can_be_absent[cell])
    if isinstance(value, bool):
        allowed = possible.can_be_true if value else possible.can_be_false
        return allowed is not None and bool(allowed[cell])
    if isinstance(value, str):
        assert possible.codes is not None
        return possible.codes[cell] in (-1, labels.index(value))
    assert possible.low is not None
    assert possible.high is not None
    return bool(possible.low[cell] <= value <= possible.high[cell])


@settings(max_examples=1_000)
@given(EXPRESSIONS, cells())
def test_every_value_inside_a_cell_is_among_the_possible_ones(
    text: str, drawn: tuple[dict[str, Domain], dict[str, np.ndarray[Any, Any]]]
) -> None:
    domains, columns = drawn
    expression = bind(text)
    if expression is None:
        return

    values = expression.values(columns).tolist()
    possible = expression.possible(domains)

    for cell, value in enumerate(values):
        assert allows(possible, value, expression.kind.labels, cell)


@pytest.mark.parametrize("text", OPERATIONS)
def test_every_operation_is_right_about_every_small_interval(text: str) -> None:
    inside = [
        (low, value, high)
        for low, high in combinations_with_replacement(GRID, 2)
        for value in GRID
        if low <= value <= high
    ]
    absent = [(low, None, high) for low, high in combinations_with_replacement(GRID, 2)]
    pairs = list(product(inside, [*inside, *absent]))
    y = np.array([one for one, _ in pairs], dtype=np.float64)
    z = np.array([other for _, other in pairs], dtype=object)
    expression = Expression.parse(text).bind(KINDS)

    values = expression.values({"y": y[:, 1], "z": z[:, 1]}).tolist()
    possible = expression.possible(
        {"y": Domain(low=y[:, 0], high=y[:, 2]), "z": Domain(low=z[:, 0].astype(float), high=z[:, 2].astype(float))}
    )

    wrong = [pairs[i] for i, value in enumerate(values) if not allows(possible, value, expression.kind.labels, i)]
    assert not wrong


@settings(max_examples=1_000)
@given(EXPRESSIONS, cells())
def test_a_cell_that_is_a_point_is_settled(
    text: str, drawn: tuple[dict[str, Domain], dict[str, np.ndarray[Any, Any]]]
) -> None:
    _, columns = drawn
    expression = bind(text)
    if expression is None or "z" in expression.names:
        return
    points = {name: Domain(low=columns[name] * 1.0, high=columns[name] * 1.0) for name in "xy"}
    points |= {name: Domain(codes=columns[name].astype(np.int64)) for name in "kt"}

    values = expression.values(columns).tolist()
    possible = expression.possible(points)

    assert possible.can_be_absent.tolist() == [value is None for value in values]
    if expression.kind.type == "truth":
        assert possible.can_be_true is not None
        assert possible.can_be_false is not None
        assert possible.can_be_true.tolist() == values
        assert (~possible.can_be_false).tolist() == values
    elif expression.kind.type == "category":
        assert possible.codes is not None
        assert possible.codes.tolist() == expression.codes(columns).tolist()
    else:
        assert possible.low is not None
        assert possible.high is not None
        for value, low, high in zip(values, possible.low, possible.high, strict=True):
            assert value is None or low == high == value


def plainly(text: str, row: dict[str, object]) -> object:
    """What Python itself makes of the expression; no value where it divides by zero."""
    try:
        return eval(text, {"floor": math.floor}, row)  # noqa: S307 # the tests' own text, as a yardstick
    except ZeroDivisionError:
        return None


@settings(max_examples=1_000)
@given(
    st.one_of(NUMBERS, conditions(NUMBERS)).filter(
        lambda text: "cut" not in text and "k" not in text and "z" not in text
    ),
    cells(),
)
def test_values_are_those_of_python(
    text: str, drawn: tuple[dict[str, Domain], dict[str, np.ndarray[Any, Any]]]
) -> None:
    _, columns = drawn
    expression = bind(text)
    if expression is None:
        return

    values = expression.values(columns).tolist()

    for cell, value in enumerate(values):
        expected = plainly(text, {name: columns[name][cell].item() for name in "xyt"})
        # Where any part divides by zero Python ends; here only what reads that part is absent.
        if expected is not None:
            assert value == expected or abs(float(str(expected))) > 2.0**53
