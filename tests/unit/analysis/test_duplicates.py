"""Near-duplicates are found, whatever the names; different lives are not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from troupe_batch.analysis import duplicates
from troupe_batch.analysis.duplicates import PersonText, near_duplicates, shingles_of
from troupe_batch.seeded import bits, stream

WORDS = [f"word{n}" for n in range(2_000)]


def lives(count: int, *, seed: int = 1, words: int = 90) -> list[list[str]]:
    key = stream("lives", seed)
    return [[WORDS[bits(key, n * words + w) % len(WORDS)] for w in range(words)] for n in range(count)]


def texts(some: list[list[str]]) -> list[PersonText]:
    return [PersonText(f"p{number}", " ".join(words)) for number, words in enumerate(some)]


def changed(words: list[str], places: int) -> list[str]:
    """The same text with the last words replaced."""
    return [*words[: len(words) - places], *(f"other{n}" for n in range(places))]


@pytest.fixture
def compared(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The sizes of the sketches that were ranked, and a 0 for each exact comparison."""
    done: list[int] = []
    exact, ranked = duplicates._jaccard, duplicates._Found._best

    def counting(one: Any, other: Any) -> float:
        done.append(0)
        return exact(one, other)

    def ranking(self: Any, sketch: Any, candidates: list[int]) -> list[int]:
        done.append(len(candidates))
        return ranked(self, sketch, candidates)

    monkeypatch.setattr(duplicates, "_jaccard", counting)
    monkeypatch.setattr(duplicates._Found, "_best", ranking)
    return done


def test_different_lives_are_not_alike() -> None:
    found = near_duplicates(texts(lives(400)))

    assert (found.texts, found.alike, found.clusters, found.largest, found.pairs) == (400, 0, 0, 0, ())
    assert not found.are_many


def test_of_different_lives_hardly_any_two_are_compared(compared: list[int]) -> None:
    [ending] = lives(1, seed=9, words=12)
    near_duplicates(texts([[*life, *ending] for life in lives(300)]))

    # The candidates of all 300 texts together, of 44,850 pairs.
    assert sum(compared) <= 20


def test_planted_duplicates_are_all_found_and_nothing_else() -> None:
    some = lives(300)
    some[100], some[200], some[250] = changed(some[10], 5), changed(some[20], 5), changed(some[10], 3)

    found = near_duplicates(texts(some))

    assert (found.texts, found.alike, found.clusters, found.largest) == (300, 5, 2, 3)
    assert {(pair.person_id, pair.other_id) for pair in found.pairs} <= {
        ("p10", "p100"), ("p20", "p200"), ("p10", "p250"), ("p100", "p250")
    }  # fmt: skip
    assert found.share == pytest.approx(5 / 300)
    assert not found.are_many


@pytest.mark.parametrize(("places", "are_alike"), [(0, True), (5, True), (14, True), (18, False), (45, False)])
def test_the_line_is_a_jaccard_similarity_of_0_7(places: int, *, are_alike: bool) -> None:
    # Of 88 runs of three words `places` differ on each side: (88 - n) / (88 + n), 0.725 for 14 and 0.66 for 18.
    hits = 0
    for seed in range(20):
        [one] = lives(1, seed=seed)
        found = near_duplicates(texts([one, changed(one, places)]))
        hits += found.alike == 2
        for pair in found.pairs:
            assert pair.similarity == pytest.approx((88 - places) / (88 + places), abs=0.01)

    assert hits == (20 if are_alike else 0)


def test_the_same_life_under_another_name_is_the_same_life() -> None:
    life = "{0} counts change at a till. {1} is slow to warm, and {1} keeps the radio on. The chair is {0}'s own."
    people = [("p1", "Ana Ruiz", "Ana"), ("p2", "Bea Ortiz", "Bea"), ("p3", "Cleo de Wit", "Cleo")]

    found = near_duplicates(PersonText(person, life.format(name, first), name) for person, name, first in people)

    assert found.alike == 3
    assert found.pairs[0].similarity == 1
    without_names = near_duplicates(PersonText(person, life.format(name, first)) for person, name, first in people)
    assert without_names.alike == 0


def test_a_warning_is_due_above_two_percent() -> None:
    some = lives(200)
    some[1], some[3] = some[0], some[2]
    at_the_line = near_duplicates(texts(some))
    some[5] = some[4]
    above = near_duplicates(texts(some))

    assert (at_the_line.alike, at_the_line.are_many) == (4, False)
    assert (above.alike, above.are_many) == (6, True)


def test_many_equal_and_many_similar_texts_are_one_cluster() -> None:
    [life] = lives(1)
    equal = texts([life] * 300)
    similar = texts([[*changed(life, n % 4)[:-4], f"end{n}"] for n in range(150)])

    assert (near_duplicates(equal).alike, near_duplicates(equal).largest) == (300, 300)
    assert (near_duplicates(similar).alike, near_duplicates(similar).clusters) == (150, 1)


def with_boilerplate(count: int) -> list[list[str]]:
    """Lives of which any two share 62 of 92 words, a similarity of about a half."""
    [shared] = lives(1, seed=9, words=62)
    return [[*shared[:31], *own, *shared[31:]] for own in lives(count, words=30)]


def test_the_work_per_text_is_bounded_where_all_share_a_boilerplate(compared: list[int]) -> None:
    some = with_boilerplate(400)
    some[300] = [*some[7][:40], "another", "word", *some[7][42:]]

    found = near_duplicates(texts(some))

    assert (found.alike, found.clusters) == (2, 1)
    assert (found.pairs[0].person_id, found.pairs[0].other_id) == ("p7", "p300")
    # Without bounds about half of all 79,800 pairs would be compared, and the last text would have 200 candidates.
    assert compared.count(0) <= 400 * 20
    assert compared.count(0) > 400 * 10


def test_a_band_in_which_many_agree_brings_no_more_candidates_than_fewer_texts_do(
    compared: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(duplicates, "_MOST_IN_A_BAND", 2)

    near_duplicates(texts(with_boilerplate(300)))

    assert max(compared) <= 2 * 25


def test_of_many_candidates_those_with_the_most_similar_sketches_are_compared() -> None:
    some = with_boilerplate(120)
    twins = [[*words[:40], "another", "word", *words[42:]] for words in some]

    found = near_duplicates(texts([*some, *twins]))

    assert (found.alike, found.clusters, found.largest) == (240, 120, 2)


@given(
    st.lists(
        st.sampled_from(["a b c d e f", "a b c d e g", "", "x", "y z", "日本語の長い文章です", "é è"]), max_size=12
    )
)
@settings(max_examples=200)
def test_the_parts_of_the_result_fit_together(some: list[str]) -> None:
    def named() -> Iterator[PersonText]:
        return (PersonText(f"p{number}", text, None) for number, text in enumerate(some))

    found = near_duplicates(named())

    assert found == near_duplicates(named())
    assert found.texts == len(some)
    assert 0 <= found.share <= 1
    assert found.largest <= found.alike <= found.texts
    assert 2 * found.clusters <= found.alike
    assert bool(found.pairs) == bool(found.alike)
    equal = sum(some.count(text) > 1 for text in some)
    assert found.alike >= equal


def test_the_order_of_words_counts_and_scripts_without_blanks_have_shingles_too() -> None:
    assert not set(shingles_of("one two three")) & set(shingles_of("three two one"))
    assert len(shingles_of("彼女は毎朝バスを待っている。雨の日も同じ道を歩く。")) > 10
    assert len(shingles_of("")) == len(shingles_of("word")) == 1
