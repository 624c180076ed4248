from __future__ import annotations

from collections import Counter
from itertools import pairwise, permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from troupe_batch.studies.questions.ordering import OptionOrder
from troupe_batch.studies.survey import Order


def shown(
    order: Order, count: int = 5, anchored: frozenset[int] = frozenset(), people: int = 1
) -> list[tuple[int, ...]]:
    options = OptionOrder(count, order, anchored, seed=1, question_id="q")
    return [options.shown_to(person, 0) for person in range(people)]


@given(
    order=st.sampled_from(Order),
    count=st.integers(2, 6),
    anchored=st.frozensets(st.integers(0, 5)),
    person=st.integers(0, 50),
    replicate=st.integers(0, 3),
)
def test_every_order_shows_each_option_once_and_anchored_ones_at_home(
    order: Order, count: int, anchored: frozenset[int], person: int, replicate: int
) -> None:
    options = OptionOrder(count, order, anchored, seed=1, question_id="q")

    seen = options.shown_to(person, replicate)

    assert sorted(seen) == list(range(count))
    assert all(seen[place] == place for place in anchored if place < count)
    assert seen == options.shown_to(person, replicate)


def test_random_puts_every_option_in_every_place_equally_often() -> None:
    seen = shown(Order.RANDOM, people=5_000)

    for place in range(5):
        counts = Counter(order[place] for order in seen)
        assert all(900 < counts[option] < 1_100 for option in range(5))


def test_flip_shows_the_scale_forward_or_reversed_about_half_of_the_time() -> None:
    counts = Counter(shown(Order.FLIP, people=2_000))

    assert set(counts) == {(0, 1, 2, 3, 4), (4, 3, 2, 1, 0)}
    assert 900 < counts[0, 1, 2, 3, 4] < 1_100


def test_a_flip_turns_only_what_is_not_anchored() -> None:
    assert set(shown(Order.FLIP, anchored=frozenset({4}), people=50)) == {(0, 1, 2, 3, 4), (3, 2, 1, 0, 4)}


def test_fixed_shows_the_order_of_the_file() -> None:
    assert set(shown(Order.FIXED, people=50)) == {(0, 1, 2, 3, 4)}


@pytest.mark.parametrize(("first", "second"), [((3, 0), (4, 0)), ((3, 0), (3, 1))])
def test_orders_differ_between_people_and_between_replicates(first: tuple[int, int], second: tuple[int, int]) -> None:
    options = OptionOrder(20, Order.RANDOM, frozenset(), seed=1, question_id="q")

    assert options.shown_to(*first) != options.shown_to(*second)


def test_orders_of_two_questions_are_not_the_same_draw() -> None:
    one, other = (OptionOrder(20, Order.RANDOM, frozenset(), seed=1, question_id=q) for q in ("q1", "q2"))

    assert one.shown_to(3, 0) != other.shown_to(3, 0)


def few(order: Order, count: int = 5, anchored: frozenset[int] = frozenset()) -> tuple[tuple[int, ...], ...]:
    return OptionOrder(count, order, anchored, seed=1, question_id="q").few()


@given(count=st.integers(2, 12), anchored=st.frozensets(st.integers(0, 11)))
def test_a_few_random_orders_put_every_option_in_every_free_place_once(count: int, anchored: frozenset[int]) -> None:
    free = [place for place in range(count) if place not in anchored]

    orders = few(Order.RANDOM, count, anchored)

    assert len(orders) == max(1, len(free))
    assert all(sorted(order) == list(range(count)) for order in orders)
    assert all(order[place] == place for order in orders for place in anchored if place < count)
    assert all(sorted(order[place] for order in orders) == free for place in free)


@pytest.mark.parametrize("count", [2, 4, 6, 8])
def test_a_few_random_orders_put_each_of_an_even_number_of_options_behind_each_other_once(count: int) -> None:
    neighbours = Counter(pair for order in few(Order.RANDOM, count) for pair in pairwise(order))

    assert neighbours == dict.fromkeys(permutations(range(count), 2), 1)


def test_a_few_flips_are_two_and_a_few_fixed_orders_one() -> None:
    assert few(Order.FLIP, 3) == ((0, 1, 2), (2, 1, 0))
    assert few(Order.FLIP, 3, frozenset({2})) == ((0, 1, 2), (1, 0, 2))
    assert few(Order.FIXED, 3) == ((0, 1, 2),)


def test_the_few_orders_of_another_seed_are_others() -> None:
    one, other = (OptionOrder(6, Order.RANDOM, (), seed=seed, question_id="q").few() for seed in (1, 2))

    assert set(one) != set(other)
