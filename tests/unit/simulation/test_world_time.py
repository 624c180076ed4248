"""Simulated time in a world: it moves after each step, stands in prompts and events, and is never the machine's."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from tests.doubles.minds import FakeModel, acts, mind_of, people
from troupe_batch.errors import FixTheInput
from troupe_batch.simulation.world.world import TinyWorld


def day(text: str) -> datetime:
    return datetime.fromisoformat(text)


def times_in_prompts(model: FakeModel) -> list[str]:
    return [line.removeprefix("- time: ") for asked in model.acts for line in asked.now if line.startswith("- time: ")]


async def test_every_prompt_says_the_time_of_its_step() -> None:
    model = FakeModel(lambda _: acts())
    world = TinyWorld(people=people("Ann"), mind=mind_of(model))

    await world.run(3, timedelta(hours=20))

    assert times_in_prompts(model) == [
        "Monday 6 January 2025, 09:00",
        "Tuesday 7 January 2025, 05:00",
        "Wednesday 8 January 2025, 01:00",
    ]
    assert world.now == day("2025-01-08T21:00")
    assert [event.simulated_time for event in world.journal.events] == [
        day("2025-01-06T09:00"),
        day("2025-01-07T05:00"),
        day("2025-01-08T01:00"),
    ]


async def test_without_a_length_of_step_the_time_stands_still() -> None:
    world = TinyWorld(people=people("Ann"), mind=mind_of([acts()]), start=day("2030-05-01T12:30"))

    await world.run(3)

    assert (world.step, world.now) == (4, day("2030-05-01T12:30"))


@pytest.mark.parametrize(
    ("unit", "after"),
    [
        ("minutes", "2024-01-31T09:03"),
        ("hours", "2024-01-31T12:00"),
        ("days", "2024-02-03T09:00"),
        ("weeks", "2024-02-21T09:00"),
        ("months", "2024-04-30T09:00"),
        ("years", "2027-01-31T09:00"),
    ],
)
async def test_running_for_a_while_is_a_step_per_unit_and_skipping_it_is_none(unit: str, after: str) -> None:
    model = FakeModel(lambda _: acts())
    start = day("2024-01-31T09:00")
    ran = TinyWorld(people=people("Ann"), mind=mind_of(model), start=start)
    skipped = TinyWorld(people=people("Bob"), mind=mind_of(model), start=start)

    await getattr(ran, f"run_{unit}")(3)
    getattr(skipped, f"skip_{unit}")(3)

    assert (ran.step, ran.now) == (4, day(after))
    assert (skipped.step, skipped.now) == (1, day(after))
    assert len(model.acts) == 3
    assert skipped.person("Bob").mental_state.datetime == day(after)


async def test_months_keep_the_day_of_the_month_in_which_they_began() -> None:
    model = FakeModel(lambda _: acts())
    world = TinyWorld(people=people("Ann"), mind=mind_of(model), start=day("2024-01-31T09:00"))

    await world.run_months(4)

    assert [time.partition(",")[0] for time in times_in_prompts(model)] == [
        "Wednesday 31 January 2024",
        "Thursday 29 February 2024",
        "Sunday 31 March 2024",
        "Tuesday 30 April 2024",
    ]


async def test_time_skipped_during_a_run_counts() -> None:
    world = TinyWorld(people=people("Ann"), mind=mind_of([acts()]), start=day("2024-01-31T09:00"))

    await world.run_months(3, on_step=lambda world: world.skip_days(1) if world.step == 2 else None)

    # One month to 29 February, a day to 1 March, and two months from there.
    assert world.now == day("2024-05-01T09:00")


async def test_skip_takes_any_length_of_time() -> None:
    assert TinyWorld().skip(timedelta(days=1, minutes=5)).now == day("2025-01-07T09:05")


async def test_who_joins_late_is_told_the_time_and_memory_says_when_things_happened() -> None:
    model = FakeModel(lambda _: acts())
    world = TinyWorld(people=people("Ann"), mind=mind_of(model))
    await world.run_days(2)

    world.add_people(people("Bob")).broadcast("Hello.")
    await world.run(1)

    assert "- time: Wednesday 8 January 2025, 09:00" in model.acts[-1].now
    assert model.acts[-1].memory == ["- (Wednesday 8 January 2025, 09:00) Someone said: Hello."]


async def test_on_step_is_called_after_each_step_plain_or_async() -> None:
    seen: list[int] = []
    world = TinyWorld(people=people("Ann"), mind=mind_of([acts()]))

    async def look(world: TinyWorld) -> None:
        seen.append(-world.step)

    await world.run(2, on_step=lambda world: seen.append(world.step))
    await world.run(2, on_step=look)

    assert seen == [2, 3, -4, -5]


async def test_time_does_not_run_backwards() -> None:
    with pytest.raises(FixTheInput, match="time does not run backwards"):
        await TinyWorld().run_days(-1)
    with pytest.raises(FixTheInput, match="time does not run backwards"):
        await TinyWorld().run(1, timedelta(days=-1))
    with pytest.raises(FixTheInput, match="time does not run backwards"):
        TinyWorld().skip_days(-1)
