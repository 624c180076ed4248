"""Clock of a world: its step, its simulated time, and how far that moves from one step to the next."""

from __future__ import annotations

import calendar
from datetime import datetime, timedelta
from enum import StrEnum
from typing import SupportsIndex

from troupe_batch.errors import FixTheInput
from troupe_batch.simulation.arguments import shown
from troupe_batch.simulation.record.events import FIRST_STEP, Journal

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


class Clock:
    """The step and the simulated time of a world, as its journal writes them into every event."""

    __slots__ = ("_journal",)

    def __init__(self, journal: Journal, start: datetime | None = None) -> None:
        self._journal = journal
        self.set(FIRST_STEP, start or DEFAULT_START)

    @property
    def step(self) -> int:
        """The number of the step to come, or of the one under way, from 1."""
        return self._journal.step or FIRST_STEP

    @property
    def now(self) -> datetime:
        """The simulated time."""
        return self._journal.now or DEFAULT_START

    def set(self, step: int, now: datetime) -> None:
        """Make this the step and the time."""
        self._journal.step, self._journal.now = step, now


class TimeCourse:
    """Course of the time of one run, counted from where it began, or from where somebody skipped time in between."""

    def __init__(self, start: datetime, pace: TimeUnit | timedelta | None) -> None:
        self._start = self._expected = start
        self._pace = pace
        self._paces = 0

    def after_step(self, now: datetime) -> datetime:
        """The time after a step at the end of which it is `now`."""
        if now != self._expected:
            self._start, self._paces = now, 0
        self._paces += 1
        self._expected = later(self._start, self._pace, self._paces)
        return self._expected


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


def check_lengths(times: object, pace: object) -> None:
    """FixTheInput where these are no count and no length of time."""
    whole = "count steps, hours, days and so on in whole numbers, 0 or more"
    if isinstance(times, bool) or not isinstance(times, SupportsIndex):
        raise FixTheInput(f"{whole}, not {shown(times)}")
    if times.__index__() < 0:
        raise FixTheInput(f"time does not run backwards: {whole}, not {shown(times)}")
    if not isinstance(pace, TimeUnit | timedelta | None):
        raise FixTheInput(f"a length of time is a timedelta, such as timedelta(hours=1), not {shown(pace)}")
    if isinstance(pace, timedelta) and pace < timedelta(0):
        raise FixTheInput(f"time does not run backwards: a length of time is 0 or more, not {pace}")


def _months_later(start: datetime, months: int) -> datetime:
    years, month = divmod(start.month - 1 + months, _MONTHS_PER_YEAR)
    year, month = start.year + years, month + 1
    # A month without that day ends earlier: a year after 29 February is 28 February.
    return start.replace(year=year, month=month, day=min(start.day, calendar.monthrange(year, month)[1]))
