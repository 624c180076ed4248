"""Digests of rows: of what is in them, whatever they are cut from, and of nothing less."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from troupe_batch.results.blocks import block_digest

TEXTS = st.lists(st.none() | st.text(max_size=4), min_size=1, max_size=6)
NUMBERS = st.lists(st.none() | st.integers(-2, 2), min_size=1, max_size=6)
ANY = TEXTS.map(lambda values: (values, pa.string())) | NUMBERS.map(lambda values: (values, pa.int64()))


def digest(values: list[Any], kind: pa.DataType) -> str:
    return block_digest(pa.table({"x": pa.array(values, kind)}))


@given(ANY, ANY)
def test_other_values_have_another_digest(
    one: tuple[list[Any], pa.DataType], other: tuple[list[Any], pa.DataType]
) -> None:
    if one[1] == other[1]:
        assert (digest(*one) == digest(*other)) == (one[0] == other[0])


@given(ANY, st.integers(0, 6), st.integers(0, 3))
def test_how_rows_were_cut_changes_nothing(one: tuple[list[Any], pa.DataType], cut: int, before: int) -> None:
    values, kind = one
    longer = pa.array([*values[:1] * before, *values, *values[:2]], kind).slice(before, len(values))
    chunked = pa.chunked_array([longer.slice(0, cut), longer.slice(cut)], kind)

    assert block_digest(pa.table({"x": chunked})) == digest(values, kind)


def test_an_absent_value_is_neither_an_empty_text_nor_a_zero_nor_false() -> None:
    assert digest([None], pa.string()) != digest([""], pa.string())
    assert digest([None], pa.int64()) != digest([0], pa.int64())
    assert digest([None], pa.float64()) != digest([0.0], pa.float64())
    assert digest([None], pa.bool_()) != digest([False], pa.bool_())


def test_texts_cannot_run_into_one_another() -> None:
    assert digest(["ab", "c"], pa.string()) != digest(["a", "bc"], pa.string())
    assert digest(["é"], pa.string()) != digest(["e"], pa.string())


def test_fractions_are_not_rounded() -> None:
    assert digest([0.1 + 0.2], pa.float64()) != digest([0.3], pa.float64())
