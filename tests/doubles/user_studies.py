"""Functions as users write them for studies in Python: good ones, and ones with a mistake."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from troupe_batch.studies import Case

not_a_function = 3


def not_async(case: Case) -> dict[str, Any]:
    return {"unit": case.unit.index}


async def takes_nothing() -> None:
    """Has no place for the case."""


async def returns(case: Case) -> Any:
    """What the material of the arm says, as Python."""
    return RETURNED[case.material or ""]


RETURNED: dict[str, Any] = {}


async def talks(case: Case) -> dict[str, Any]:
    """Two people in a world and on their own, a drawn number, and findings."""
    first, second = case.people
    await first.listen_and_act("Before the world.")
    world = case.world("A shed", start=None)
    world.broadcast("Welcome.", "Mia")
    await world.run(2, timedelta(minutes=5))
    case.finding("ideas", idea=f"drawn {case.uniform('idea'):.3f}")
    case.finding("ideas", idea="second", cost=3.5)
    case.finding("mood", second, feeling="calm")
    return {"price": round(case.uniform("price"), 3), "drink": await case.ask(second, "drink")}


async def finds(case: Case) -> None:
    """Calls `finding` as the material says."""
    extraction_id, person, values = RETURNED[case.material or ""]
    case.finding(extraction_id, None if person is None else case.people[person], **values)


async def reads(case: Case) -> None:
    """Has a model read findings."""
    await case.people[0].listen_and_act("Hello.")
    await case.extract("mood", case.people[0])
    await case.extract("ideas", case.world(people=case.people[1:]))


async def breaks(case: Case) -> None:
    """Makes a call and fails."""
    await case.people[0].listen_and_act("Hello.")
    raise ZeroDivisionError("a mistake of the user's")
