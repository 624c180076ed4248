"""Simulated time: how far it moves from one step of a world to the next."""

from __future__ import annotations

import calendar
from datetime import datetime, timedelta
from enum import StrEnum

from troupe_batch.errors import FixTheInput

DEFAULT_START = datetime(2025, 1, 6, 9)  # noqa: DTZ001 -- people live by local time; no zone is meant
_MONTHS_PER_YEAR = 12


class TimeUnit(StrEnum):
    """The units that a world's time can move in; months and years are those of the calendar."""

    MINUTE = "minute"
    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    YEAR = "year"


_LENGTHS = {
    TimeUnit.MINUTE: timedelta(minutes=1),
    TimeUnit.HOUR: timedelta(hours=1),
    TimeUnit.DAY: timedelta(days=1),
    TimeUnit.WEEK: timedelta(weeks=1),
}
_MONTHS = {TimeUnit.MONTH: 1, TimeUnit.YEAR: _MONTHS_PER_YEAR}


def later(start: datetime, pace: TimeUnit | timedelta | None, times: int = 1) -> datetime:
    """The moment `times` paces after `start`; `start` itself where the pace is None.

    Count from where a run began and not from step to step: three months after 31 January is 30 April by way of
    28 February, and the fourth is 31 May. FixTheInput where the calendar ends.
    """
    if pace is None:
        return start
    try:
        if isinstance(pace, timedelta):
            return start + pace * times
        if pace in _MONTHS:
            return _months_later(start, _MONTHS[pace] * times)
        return start + _LENGTHS[pace] * times
    except (OverflowError, ValueError) as error:
        raise FixTheInput(
            f"{times} x {pace} after {start:%Y-%m-%d} is outside of the calendar (years 1-9999)"
        ) from error


def _months_later(start: datetime, months: int) -> datetime:
    years, month = divmod(start.month - 1 + months, _MONTHS_PER_YEAR)
    year, month = start.year + years, month + 1
    # A month without that day ends earlier: a year after 29 February is 28 February.
    return start.replace(year=year, month=month, day=min(start.day, calendar.monthrange(year, month)[1]))
