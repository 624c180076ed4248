"""Simulated time: months and years follow the calendar."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from troupe_batch.errors import FixTheInput
from troupe_batch.simulation.record.clock import DEFAULT_START, TimeUnit, later


def day(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.mark.parametrize(
    ("unit", "times", "expected"),
    [
        (TimeUnit.MINUTE, 90, "2024-01-31T10:30"),
        (TimeUnit.HOUR, 25, "2024-02-01T10:00"),
        (TimeUnit.DAY, 30, "2024-03-01T09:00"),
        (TimeUnit.WEEK, 2, "2024-02-14T09:00"),
        (TimeUnit.MONTH, 1, "2024-02-29T09:00"),
        (TimeUnit.MONTH, 2, "2024-03-31T09:00"),
        (TimeUnit.MONTH, 3, "2024-04-30T09:00"),
        (TimeUnit.MONTH, 13, "2025-02-28T09:00"),
        (TimeUnit.YEAR, 3, "2027-01-31T09:00"),
    ],
)
def test_each_unit_moves_the_time_by_its_length(unit: TimeUnit, times: int, expected: str) -> None:
    assert later(day("2024-01-31T09:00"), unit, times) == day(expected)


def test_a_year_after_a_leap_day_ends_with_february_and_four_years_after_find_it_again() -> None:
    leap_day = day("2024-02-29T09:00")

    assert later(leap_day, TimeUnit.YEAR, 1) == day("2025-02-28T09:00")
    assert later(leap_day, TimeUnit.YEAR, 4) == day("2028-02-29T09:00")


def test_december_leads_into_the_next_year() -> None:
    assert later(day("2024-12-31T09:00"), TimeUnit.MONTH, 1) == day("2025-01-31T09:00")


def test_a_pace_may_be_any_length_of_time_or_none() -> None:
    assert later(DEFAULT_START, timedelta(minutes=45), 2) == day("2025-01-06T10:30")
    assert later(DEFAULT_START, None, 7) == DEFAULT_START


@pytest.mark.parametrize("pace", [TimeUnit.YEAR, TimeUnit.MONTH, TimeUnit.WEEK, timedelta(days=400)])
def test_the_end_of_the_calendar_is_said_and_not_a_crash(pace: TimeUnit | timedelta) -> None:
    with pytest.raises(FixTheInput, match="outside of the calendar"):
        later(DEFAULT_START, pace, 100_000_000)
