"""Hints keep lives apart: balanced, seeded, and never about who somebody is."""

from __future__ import annotations

import re
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from troupe_batch.factory.commission import hint_lists, hints_of

# Words that would state a fact or an opinion for the person.
_FACTS = re.compile(
    r"\b(?:she|he|his|her|man|woman|husband|wife|partner|child|children|son|daughter|mother|father|married|widow|alone|"
    r"young|aged|retired|student|unemployed|boss|job|colleague|office|school|college|degree|rich|church|god|"
    r"party|vote|government|brand|city|town|village|country|region)\b",
    re.IGNORECASE,
)


@given(seed=st.integers(0, 2**31), index=st.integers(0, 10**7))
def test_everybody_has_where_to_begin_and_two_hints_of_other_kinds(seed: int, index: int) -> None:
    kinds = [hint.partition(": ")[0] for hint in hints_of(seed, index)]

    assert len(set(kinds)) == 3
    assert kinds[0] == "Begin with"
    assert set(kinds) <= set(hint_lists())
    assert hints_of(seed, index) == hints_of(seed, index)


def test_every_hint_is_as_frequent_as_the_others_of_its_kind_in_any_stretch() -> None:
    begins = hint_lists()["Begin with"]

    for start in (0, 7 * len(begins), 1_000 * len(begins)):
        dealt = Counter(hints_of(5, index)[0] for index in range(start, start + 2 * len(begins)))
        assert dealt == {f"Begin with: {begin}": 2 for begin in begins}


def test_kinds_take_turns() -> None:
    pairs = Counter(tuple(hint.partition(": ")[0] for hint in hints_of(5, index)[1:]) for index in range(3_000))

    assert set(pairs.values()) == {1_000}


def test_few_people_have_the_same_hints() -> None:
    dealt = Counter(hints_of(7, index) for index in range(10_000))

    assert len(dealt) > 9_000
    assert max(dealt.values()) <= 4


def test_another_seed_deals_anew() -> None:
    same = sum(hints_of(1, index) == hints_of(2, index) for index in range(1_000))

    assert same < 5


def test_no_hint_states_a_fact_or_an_opinion() -> None:
    hints = [hint for kind in hint_lists().values() for hint in kind]

    assert [hint for hint in hints if _FACTS.search(hint)] == []
    assert len(hints) == len(set(hints))
    assert all(len(kind) >= 25 for kind in hint_lists().values())
