"""The repair of margins: few moves, only to what is possible, and as near to the quotas as they lead."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from hypothesis import given, settings
from hypothesis import strategies as st

from troupe_batch.population.drawing.repair import OptionSets, Quota, repaired

Ints = npt.NDArray[np.int64]


def misses(at: Ints, quotas: list[Quota]) -> int:
    return sum(quota.misses(quota.counts(at)) for quota in quotas)


def exactly(groups: Ints, counts: list[int]) -> Quota:
    return Quota(groups, np.array(counts), np.array(counts))


@settings(max_examples=300)
@given(data=st.data(), key=st.integers(0, 5))
def test_people_stay_in_their_set_and_no_repair_makes_things_worse(data: st.DataObject, key: int) -> None:
    sets = np.sort(data.draw(st.lists(st.integers(0, 4), min_size=1, max_size=15).map(np.array)))
    sets = np.unique(sets, return_inverse=True)[1]
    options = st.integers(0, len(sets) - 1)
    at = np.array(data.draw(st.lists(options, min_size=1, max_size=30)))
    quotas = []
    for _ in range(data.draw(st.integers(1, 3))):
        groups = np.array(data.draw(st.lists(st.integers(0, 3), min_size=len(sets), max_size=len(sets))))
        low = np.array(data.draw(st.lists(st.integers(0, 8), min_size=4, max_size=4)))
        quotas.append(Quota(groups, low, low + data.draw(st.integers(0, 2)), data.draw(st.integers(1, 3))))
    before = at.copy()

    after = repaired(at, OptionSets(sets, np.zeros(len(sets))), quotas, key)

    assert np.array_equal(at, before)
    assert np.array_equal(sets[after], sets[at])
    assert misses(after, quotas) <= misses(at, quotas)
    assert np.array_equal(after, repaired(at, OptionSets(sets, np.zeros(len(sets))), quotas, key))


@settings(max_examples=200)
@given(start=st.lists(st.integers(0, 3), min_size=4, max_size=60), wanted=st.lists(st.integers(0, 3), min_size=60))
def test_one_margin_is_met_with_no_more_moves_than_it_needs(start: list[int], wanted: list[int]) -> None:
    at = np.array(start)
    counts = np.bincount(wanted[: len(start)], minlength=4)

    after = repaired(
        at, OptionSets(np.zeros(4, dtype=np.int64), np.zeros(4)), [exactly(np.arange(4), counts.tolist())], 1
    )

    assert np.bincount(after, minlength=4).tolist() == counts.tolist()
    assert np.sum(after != at) == np.maximum(np.bincount(at, minlength=4) - counts, 0).sum()


def test_a_margin_is_met_over_a_chain_of_moves_that_help_nobody_alone() -> None:
    # Nobody can go from 0 to 2 at once: somebody goes from 0 to 1, and somebody else from 1 to 2.
    sets = np.array([0, 0, 1, 1])
    groups = np.array([0, 1, 1, 2])
    at = np.array([0, 0, 2, 2])

    after = repaired(at, OptionSets(sets, np.zeros(4)), [exactly(groups, [1, 2, 1])], 3)

    assert np.bincount(groups[after]).tolist() == [1, 2, 1]


def test_a_heavier_quota_wins_where_both_cannot_hold() -> None:
    choices = OptionSets(np.zeros(2, dtype=np.int64), np.zeros(2))
    light = Quota(np.arange(2), np.array([4, 0]), np.array([4, 0]))
    heavy = Quota(np.arange(2), np.array([1, 3]), np.array([1, 3]), weight=3)

    after = repaired(np.zeros(4, dtype=np.int64), choices, [light, heavy], 0)

    assert np.bincount(after).tolist() == [1, 3]


def test_likelier_options_are_chosen_more_often_and_chance_decides_who_moves() -> None:
    # Option 0 must lose ten people; 1 and 2 are one group, and 2 is nine times as likely.
    choices = OptionSets(np.zeros(3, dtype=np.int64), np.log([0.5, 0.05, 0.45]))
    moved, taken = np.zeros(200), np.zeros(3)
    for key in range(100):
        after = repaired(np.zeros(200, dtype=np.int64), choices, [exactly(np.array([0, 1, 1]), [190, 10])], key)
        moved += after > 0
        taken += np.bincount(after, minlength=3)

    assert abs(taken[2] / (taken[1] + taken[2]) - 0.9) < 0.05
    # 10 of 200 move each time: 5 expected, and no person is favoured.
    assert moved.max() < 5 + 5 * np.sqrt(5)
    assert abs(moved[:100].sum() - moved[100:].sum()) < 4 * np.sqrt(1000)


def test_lots_decide_who_moves_among_more_people_than_are_weighed() -> None:
    # Each of 20,000 people has two options, and the options of some 2,000 are weighed: not of the first ones.
    at = np.zeros(20_000, dtype=np.int64)
    quotas = [exactly(np.arange(2), [19_990, 10])]

    moved = [
        np.flatnonzero(repaired(at, OptionSets(np.zeros(2, dtype=np.int64), np.zeros(2)), quotas, key))
        for key in range(40)
    ]

    assert all(len(people) == 10 for people in moved)
    assert abs(np.mean(moved) - 10_000) < 4 * 20_000 / np.sqrt(12 * 400)


def test_what_holds_is_left_alone() -> None:
    at = np.array([0, 1, 1])

    assert repaired(at, OptionSets(np.zeros(2, dtype=np.int64), np.zeros(2)), [exactly(np.arange(2), [1, 2])], 0) is at
