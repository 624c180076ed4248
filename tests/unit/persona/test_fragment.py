"""Merging fragments: the rules, and that nothing but the result changes."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from troupe_batch.persona import MergeConflict, Persona, merge

KEYS = st.sampled_from(["a", "b"])
SCALARS = st.sampled_from([None, "x", "y", 1, 2, True])
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(KEYS, inner, max_size=2),
    max_leaves=5,
)
PARTS = st.dictionaries(KEYS, VALUES, max_size=2)


def merged(mine: dict[str, Any], theirs: dict[str, Any], *, overwrite: bool = False) -> dict[str, Any]:
    return merge(Persona(mine), theirs, overwrite=overwrite).as_dict()


def test_a_missing_key_is_added_and_null_is_replaced() -> None:
    assert merged({"name": "Ana", "age": None}, {"age": 40, "likes": ["tea"]}) == {
        "name": "Ana",
        "age": 40,
        "likes": ["tea"],
    }


def test_null_in_a_fragment_takes_nothing_away() -> None:
    assert merged({"age": 40}, {"age": None}) == {"age": 40}


def test_groups_merge_key_by_key_and_lists_join_without_duplicates_in_order() -> None:
    persona = {"preferences": {"likes": ["tea", "rain"], "dislikes": ["noise"]}}
    fragment = {"preferences": {"likes": ["rain", "maps"], "interests": ["travel"]}}

    assert merged(persona, fragment) == {
        "preferences": {"likes": ["tea", "rain", "maps"], "dislikes": ["noise"], "interests": ["travel"]}
    }


def test_lists_of_groups_join_without_duplicates() -> None:
    ana = {"name": "Ana"}

    assert merged({"relationships": [ana]}, {"relationships": [ana, {"name": "Bo"}]}) == {
        "relationships": [ana, {"name": "Bo"}]
    }


def test_differing_types_are_a_conflict_that_names_the_place() -> None:
    with pytest.raises(MergeConflict, match=r"occupation: the persona has text here, the fragment a group of keys"):
        merged({"occupation": "nurse"}, {"occupation": {"title": "nurse"}})


def test_differing_types_are_a_conflict_even_with_overwrite() -> None:
    with pytest.raises(MergeConflict):
        merged({"age": 40}, {"age": "forty"}, overwrite=True)


def test_true_and_one_are_different_things() -> None:
    with pytest.raises(MergeConflict, match="a number here, the fragment true/false"):
        merged({"smoker": 1}, {"smoker": True})
    assert merged({"codes": [1]}, {"codes": [True]}) == {"codes": [1, True]}


def test_differing_scalars_are_a_conflict_or_are_overwritten_on_request() -> None:
    with pytest.raises(MergeConflict, match=r"behaviors\.pace: the persona says 'slow', the fragment 'fast'"):
        merged({"behaviors": {"pace": "slow"}}, {"behaviors": {"pace": "fast"}})

    assert merged({"behaviors": {"pace": "slow"}}, {"behaviors": {"pace": "fast"}}, overwrite=True) == {
        "behaviors": {"pace": "fast"}
    }


@settings(max_examples=500)
@given(mine=PARTS, theirs=PARTS)
@example(mine={"a": [{"b": 1}]}, theirs={"a": [{"b": 1}]})
def test_merging_changes_neither_side_and_shares_nothing_with_them(
    mine: dict[str, Any], theirs: dict[str, Any]
) -> None:
    mine_before, theirs_before = deepcopy(mine), deepcopy(theirs)

    try:
        result = merge(Persona(mine), theirs).as_dict()
    except MergeConflict:
        result = {}
    _scribble(result)

    assert mine == mine_before
    assert theirs == theirs_before


@settings(max_examples=500)
@given(mine=PARTS)
def test_an_empty_fragment_changes_nothing(mine: dict[str, Any]) -> None:
    assert merged(mine, {}) == mine


@settings(max_examples=500)
@given(mine=PARTS, theirs=PARTS)
def test_merging_twice_is_merging_once(mine: dict[str, Any], theirs: dict[str, Any]) -> None:
    try:
        once = merge(Persona(mine), theirs)
    except MergeConflict:
        return

    twice = merge(once, theirs)

    assert merge(twice, theirs) == twice
    assert set(once) == set(mine) | set(theirs)


def _scribble(value: Any) -> None:
    if isinstance(value, dict):
        for item in value.values():
            _scribble(item)
        value["scribble"] = 1
    elif isinstance(value, list):
        for item in value:
            _scribble(item)
        value.append("scribble")
