"""Arms are a random split: of the people, of every prefix of them, and of every kind of people in them."""

from __future__ import annotations

from collections import Counter
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from troupe_batch.population import load_population
from troupe_batch.studies.cases import MOST_AHEAD, PER_BLOCK, ArmAssignment

Floats = npt.NDArray[np.float64]

SHIPPED = sorted(file for file in (Path(__file__).resolve().parents[3] / "populations").glob("*_adults.yaml"))
SEEDS = 2_000
PEOPLE = 200


@given(arms=st.integers(1, 7), people=st.integers(1, 150), seed=st.integers(0, 30))
def test_no_arm_is_far_ahead_of_another_in_any_prefix(arms: int, people: int, seed: int) -> None:
    ids = [f"arm{n}" for n in range(arms)]
    assignment = ArmAssignment(ids, seed)

    counts = Counter(assignment.arm_of(n) for n in range(people))

    sizes = [counts[arm] for arm in ids]
    assert max(sizes) - min(sizes) <= (0 if people % (PER_BLOCK * arms) == 0 else MOST_AHEAD)


def test_the_arm_of_a_person_needs_nobody_else_and_depends_on_the_seed() -> None:
    in_order = [ArmAssignment("ABC", 1).arm_of(n) for n in range(400)]

    alone = [ArmAssignment("ABC", 1).arm_of(n) for n in (399, 7, 31, 30, 0)]

    assert alone == [in_order[n] for n in (399, 7, 31, 30, 0)]
    assert len({tuple(ArmAssignment("AB", seed).arm_of(n) for n in range(8)) for seed in range(40)}) > 20


def test_everybody_is_in_each_arm_equally_often() -> None:
    for place in (0, 1, 9, 19, 20):
        found = Counter(ArmAssignment("AB", seed).arm_of(place) for seed in range(2_000))

        assert 900 < found["A"] < 1_100


@pytest.mark.parametrize("arms", [2, 3, 4, 5, 6])
@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: file.stem)
def test_kinds_of_people_are_split_as_at_random_however_the_population_is_ordered(file: Path, arms: int) -> None:
    kinds = kinds_of(file)
    of_arms = splits(arms)

    first, second = of_arms == 0, of_arms == 1
    difference = first @ kinds / first.sum(axis=1)[:, None] - second @ kinds / second.sum(axis=1)[:, None]
    # What the variance would be if as many people were drawn for each arm from all of them at random.
    by_chance = kinds.var(axis=0, ddof=1) * (1 / first.sum(axis=1) + 1 / second.sum(axis=1)).mean()
    ratios = (difference**2).mean(axis=0) / by_chance

    # Blocks as short as there are arms had up to 2. The standard error of one is .03, of their mean .014.
    assert np.mean(ratios) < 1.1
    assert np.max(ratios) < 1.07 + 4 * np.sqrt(2 / SEEDS)


@lru_cache
def splits(arms: int) -> npt.NDArray[np.int64]:
    """The arm of each person under each seed."""
    assignments = [ArmAssignment([str(arm) for arm in range(arms)], seed) for seed in range(SEEDS)]
    return np.array([[int(one.arm_of(person) or 0) for person in range(PEOPLE)] for one in assignments])


@lru_cache
def kinds_of(file: Path) -> Floats:
    """Whether each of the first people is of each kind that is neither rare nor common: a column per kind."""
    columns = []
    for values in load_population(file).population.facts(0, PEOPLE).values():
        found = np.asarray(values)
        if found.dtype.kind in "if" and len(np.unique(found)) > 12:
            found = found > np.median(found)
        columns += [found == value for value in np.unique(found)]
    kinds = np.array(columns, dtype=np.float64).T
    return kinds[:, (kinds.mean(axis=0) > 0.05) & (kinds.mean(axis=0) < 0.95)]


def test_without_arms_nobody_has_one() -> None:
    assert ArmAssignment([], 1).arm_of(17) is None
