"""Example of a study in Python: two people haggle over a bicycle, and both state the price that came of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from troupe_batch.studies.python.case import Case
from troupe_batch.studies.study import Answer


async def haggle(case: Case) -> list[Mapping[str, Answer]]:
    """The first person sells, the second buys; what the seller wants at least is drawn anew for each pair."""
    seller, buyer = case.people
    least = 20 + int(40 * case.uniform("least price"))
    world = case.world("A garage sale", start=datetime(2025, 5, 10, 14))  # noqa: DTZ001 -- simulated time has no zone
    seller.internalize_goal(f"Sell your old bicycle, for {least} dollars at least.")
    buyer.internalize_goal("Take the bicycle home for as little as you can.")
    world.broadcast("An old bicycle stands in front of the garage. There is no price tag on it.")

    await world.run(3, timedelta(minutes=2))

    return [{"price": await case.ask(person, "price")} for person in case.people]
