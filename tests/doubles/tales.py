"""A small simulation to record: two people and something that happens in each step. As a program it crashes."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import Any

from tests.doubles.minds import Asked, FakeModel, acts, mind_of, people, talk
from troupe_batch.simulation.mind import Mind
from troupe_batch.simulation.record import control
from troupe_batch.simulation.record.control import ControlStatus, ReplyControl
from troupe_batch.simulation.world.world import TinyWorld

FIVE_STEPS = ("It rains.", "The sun comes out.", "A dog barks.", "Somebody laughs.", "Night falls.")
CRASHED = 9


def talkative(asked: Asked) -> Any:
    """Says something that depends on what the person remembers."""
    return acts(talk(f"{asked.person} has heard {len(asked.memory)} things."), emotions="calm, \u201cquite\u201d")


async def tale(mind: Mind, steps: tuple[str, ...] = FIVE_STEPS) -> str:
    """All transcripts of the world and of its people, after one step for each thing that happens."""
    world = TinyWorld("Here", people("Ana", "Bo", mind=mind), mind=mind)
    for step in steps:
        world.broadcast(step)
        await world.run(1)
    return "\n".join([str(world.transcript()), *[str(person.transcript()) for person in world.people]])


def told(path: Path, model: FakeModel | None = None, steps: tuple[str, ...] = FIVE_STEPS) -> tuple[str, ControlStatus]:
    """The tale as it is told when it is recorded in this file, and what was restored."""
    mind = mind_of(model or FakeModel(talkative))
    with ReplyControl(path, mind) as kept:
        said = asyncio.run(tale(mind, steps))
    return said, kept.status


async def _crash(path: str) -> None:
    mind = mind_of(FakeModel(talkative))
    control.begin(path, mind)
    await tale(mind, FIVE_STEPS[:2])
    control.checkpoint()
    await tale(mind, FIVE_STEPS[:3])
    os._exit(CRASHED)


if __name__ == "__main__":
    asyncio.run(_crash(sys.argv[1]))
