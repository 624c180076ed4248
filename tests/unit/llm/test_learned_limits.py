"""What is learned of endpoints that say nothing of their limits, in virtual time: always the same, at any load."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.doubles.pressured import Bucket, Crowded, FixedWindow, Queue, SlidingWindow, Unlimited
from tests.doubles.virtual_fleet import fleet

PER_MINUTE = 600
MEAN_FACTOR = 0.5 + 280 / 3 / 190  # of the mean latency of the doubles to their `latency_s`

LIMITED: dict[str, Callable[..., Unlimited]] = {
    "a bucket of a second": lambda **o: Bucket(PER_MINUTE, holds=10, **o),
    "a bucket of a minute": lambda **o: Bucket(PER_MINUTE, holds=600, **o),
    "each minute of the clock": lambda **o: FixedWindow(PER_MINUTE, **o),
    "the last sixty seconds": lambda **o: SlidingWindow(PER_MINUTE, **o),
}


@pytest.mark.parametrize("processes", [1, 4])
@pytest.mark.parametrize("retry_after", [False, True])
@pytest.mark.parametrize("kind", LIMITED)
def test_a_limit_that_nobody_has_configured_is_used_and_hardly_anybody_refused(
    kind: str, retry_after: bool, processes: int
) -> None:
    endpoint = LIMITED[kind](retry_after=retry_after, latency_s=0.1, noise=0.3)

    outcome = fleet(endpoint, processes=processes, people=96 // processes)

    assert outcome.gave_up == 0
    assert outcome.per_minute >= 0.9 * PER_MINUTE
    assert outcome.counts.share_refused <= 0.02


@pytest.mark.parametrize("processes", [1, 4])
@pytest.mark.parametrize(("servers", "timeout_s"), [(1, 0.4), (1, 1.0), (1, 5.0), (8, 2.5), (8, 5.0), (8, 120.0)])
def test_a_server_that_queues_is_kept_busy_and_works_for_those_who_wait(
    servers: int, timeout_s: float, processes: int
) -> None:
    # Eight a second, by one worker or by eight.
    endpoint = Queue(servers=servers, timeout_s=timeout_s, latency_s=0.125 * servers / MEAN_FACTOR)

    outcome = fleet(endpoint, processes=processes, people=96 // processes, timeout_s=timeout_s, minutes=3)

    assert outcome.gave_up == 0
    assert outcome.per_minute >= 0.85 * 8 * 60
    assert len(outcome.counts.lost) <= 0.1 * len(outcome.counts.served)


def test_an_endpoint_without_limits_gets_all_that_there_is_to_ask() -> None:
    outcome = fleet(Unlimited(latency_s=0.5, noise=0.5), processes=2, people=20, minutes=2)

    assert outcome.per_minute >= 0.9 * 40 / (0.5 * MEAN_FACTOR * 1.133) * 60


def test_a_bound_on_calls_in_flight_is_found_as_such() -> None:
    outcome = fleet(Crowded(20, latency_s=0.5), people=64)

    assert outcome.per_minute >= 0.65 * 20 / (0.5 * MEAN_FACTOR) * 60
    assert outcome.counts.share_refused <= 0.02
