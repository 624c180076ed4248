from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from troupe_batch.studies.arms import ArmAssignment


@given(arms=st.integers(1, 5), people=st.integers(1, 60), seed=st.integers(0, 3))
def test_every_prefix_of_people_is_balanced_over_the_arms(arms: int, people: int, seed: int) -> None:
    ids = [f"arm{n}" for n in range(arms)]
    assignment = ArmAssignment(ids, seed)

    counts = Counter(assignment.arm_of(n) for n in range(people))

    sizes = [counts[arm] for arm in ids]
    assert max(sizes) - min(sizes) <= 1


def test_the_order_of_arms_is_random_within_blocks_and_depends_on_the_seed() -> None:
    orders = {tuple(ArmAssignment("AB", seed).arm_of(n) for n in range(8)) for seed in range(20)}
    firsts = Counter(ArmAssignment("AB", 1).arm_of(2 * block) for block in range(1_000))

    assert len(orders) > 10
    assert 440 < firsts["A"] < 560


def test_without_arms_nobody_has_one() -> None:
    assert ArmAssignment([], 1).arm_of(17) is None
