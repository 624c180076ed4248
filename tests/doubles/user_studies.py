"""Functions as users write them for studies in Python: good ones, and ones with a mistake."""

from __future__ import annotations

import contextlib
from datetime import timedelta
from statistics import mean
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


async def breaks_in_a_world(case: Case) -> None:
    """Has everybody act in a world, and fails."""
    await case.world().broadcast("Hello.").run(1)
    raise ZeroDivisionError("a mistake of the user's")


async def returns_nonsense(case: Case) -> Any:
    """Makes a call, and returns what is no answer."""
    await case.people[0].listen_and_act("Hello.")
    return 3


async def catches_everything(case: Case) -> dict[str, Any]:
    """Asks twice, and takes any error for tea."""
    found: list[Any] = []
    for _ in range(2):
        try:
            found.append((await case.ask(case.people[0], "drink")).label)
        except Exception:  # noqa: BLE001 -- as users write it
            found.append("Tea")
    return {"drink": found[-1] or "Tea"}


async def never_gives_up(case: Case) -> dict[str, Any]:
    """Asks until there is an answer, whatever happens."""
    while True:
        with contextlib.suppress(Exception):
            return {"drink": await case.ask(case.people[0], "drink")}


async def sends_away(case: Case) -> None:
    """Two meet; one is sent away and says something outside, alone and in another world."""
    first, second = case.people
    first.listen("Before the meeting.")
    world = case.world("Meeting")
    await world.run(1)
    world.remove_person(first)
    await first.listen_and_act("After the meeting.")
    await case.world("Pub", [first]).run(1)
    await second.fresh(journal=second.journal).listen_and_act("As if for the first time.")


async def looks_up(case: Case) -> None:
    """Embeds a word."""
    await case.mind.embed(["soup"])


def looked_up(prices: dict[str, Any]) -> Any:
    return prices["nope"]


async def prices(case: Case) -> dict[str, Any]:
    """Fails in a function of its own."""
    return {"price": looked_up({"case": case.unit.index})}


async def asks_nonsense(case: Case) -> dict[str, Any]:
    """Asks a question that the job does not have."""
    return {"price": await case.ask(case.people[0], "prize")}


async def averages(case: Case) -> dict[str, Any]:
    """Fails inside of what it calls, which is not its own."""
    return {"price": mean([case.unit.index] * 0)}


async def quotes(case: Case) -> None:
    """Fails with a long message that quotes a persona."""
    raise ValueError(f"{case.unit.index} is not in Ghent; " + "and so on " * 40)


async def acts_once(case: Case) -> None:
    """Everybody acts once, alone."""
    for person in case.people:
        await person.listen_and_act("Hello.")


async def says_its_material(case: Case) -> dict[str, str]:
    """Answers with what the unit's arm has shown."""
    return {"why": case.material or "nothing"}
