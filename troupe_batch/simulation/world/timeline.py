"""Time that passes in steps: with something happening in each (`run`), or without (`skip`)."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any, Self, SupportsIndex, TypeAlias

from troupe_batch.errors import FixTheInput
from troupe_batch.simulation.arguments import a_function, shown
from troupe_batch.simulation.record.clock import TimeUnit, later

# The function is given the world; it is awaited where it is async.
OnStep: TypeAlias = Callable[[Any], Awaitable[object] | object]


class Timeline(ABC):
    """Something that is at a simulated time and takes steps. `run_days(3)` is three steps with a day between each.

    `skip_days(3)` lets three days pass in which nobody acts. Months and years are those of the calendar, counted from
    where the run began.
    """

    @property
    @abstractmethod
    def now(self) -> datetime:
        """The simulated time."""

    @abstractmethod
    def _move_to_time(self, moment: datetime) -> None:
        """Make this the simulated time."""

    @abstractmethod
    async def _take_step(self) -> None:
        """What happens in a step."""

    async def run(
        self, steps: int, timedelta_per_step: timedelta | None = None, *, on_step: OnStep | None = None
    ) -> Self:
        """Take steps, after each of which the time moves by `timedelta_per_step`, and `on_step(self)` is called."""
        return await self._run(steps, timedelta_per_step, on_step)

    async def run_minutes(self, minutes: int, *, on_step: OnStep | None = None) -> Self:
        """One step a minute."""
        return await self._run(minutes, TimeUnit.MINUTE, on_step)

    async def run_hours(self, hours: int, *, on_step: OnStep | None = None) -> Self:
        """One step an hour."""
        return await self._run(hours, TimeUnit.HOUR, on_step)

    async def run_days(self, days: int, *, on_step: OnStep | None = None) -> Self:
        """One step a day."""
        return await self._run(days, TimeUnit.DAY, on_step)

    async def run_weeks(self, weeks: int, *, on_step: OnStep | None = None) -> Self:
        """One step a week."""
        return await self._run(weeks, TimeUnit.WEEK, on_step)

    async def run_months(self, months: int, *, on_step: OnStep | None = None) -> Self:
        """One step a month of the calendar."""
        return await self._run(months, TimeUnit.MONTH, on_step)

    async def run_years(self, years: int, *, on_step: OnStep | None = None) -> Self:
        """One step a year of the calendar."""
        return await self._run(years, TimeUnit.YEAR, on_step)

    def skip(self, duration: timedelta) -> Self:
        """Let time pass in which nobody acts."""
        return self._skip(1, duration)

    def skip_minutes(self, minutes: int) -> Self:
        """Let minutes pass in which nobody acts."""
        return self._skip(minutes, TimeUnit.MINUTE)

    def skip_hours(self, hours: int) -> Self:
        """Let hours pass in which nobody acts."""
        return self._skip(hours, TimeUnit.HOUR)

    def skip_days(self, days: int) -> Self:
        """Let days pass in which nobody acts."""
        return self._skip(days, TimeUnit.DAY)

    def skip_weeks(self, weeks: int) -> Self:
        """Let weeks pass in which nobody acts."""
        return self._skip(weeks, TimeUnit.WEEK)

    def skip_months(self, months: int) -> Self:
        """Let months of the calendar pass in which nobody acts."""
        return self._skip(months, TimeUnit.MONTH)

    def skip_years(self, years: int) -> Self:
        """Let years of the calendar pass in which nobody acts."""
        return self._skip(years, TimeUnit.YEAR)

    async def _run(self, steps: int, pace: TimeUnit | timedelta | None, on_step: OnStep | None) -> Self:
        _check_lengths(steps, pace)
        if on_step is not None:
            a_function(on_step, "on_step", "lambda world: print(world.now)")
        start, paces, expected = self.now, 0, self.now
        for _ in range(steps):
            await self._take_step()
            if self.now != expected:
                # Somebody skipped time in between: the next paces count from there.
                start, paces = self.now, 0
            paces += 1
            expected = later(start, pace, paces)
            self._move_to_time(expected)
            if on_step is not None:
                result = on_step(self)
                if inspect.isawaitable(result):
                    await result
        return self

    def _skip(self, times: int, pace: TimeUnit | timedelta) -> Self:
        _check_lengths(times, pace)
        self._move_to_time(later(self.now, pace, times))
        return self


def _check_lengths(times: object, pace: object) -> None:
    whole = "count steps, hours, days and so on in whole numbers, 0 or more"
    if isinstance(times, bool) or not isinstance(times, SupportsIndex):
        raise FixTheInput(f"{whole}, not {shown(times)}")
    if times.__index__() < 0:
        raise FixTheInput(f"time does not run backwards: {whole}, not {shown(times)}")
    if not isinstance(pace, TimeUnit | timedelta | None):
        raise FixTheInput(f"a length of time is a timedelta, such as timedelta(hours=1), not {shown(pace)}")
    if isinstance(pace, timedelta) and pace < timedelta(0):
        raise FixTheInput(f"time does not run backwards: a length of time is 0 or more, not {pace}")
