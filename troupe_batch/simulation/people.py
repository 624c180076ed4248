"""People as far as their judges and their faculties need to know them, and the ids that they are known by."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Protocol, TypeGuard, runtime_checkable

from troupe_batch.simulation.mind import Mind
from troupe_batch.simulation.record.events import Journal
from troupe_batch.simulation.record.semantic import SemanticMemory

_NOT_IN_AN_ID = re.compile(r"[\W_]+")


class Observed(Protocol):
    """A person or a world, with a record of what happened."""

    @property
    def name(self) -> str | None:
        """What it is called."""
        ...

    @property
    def journal(self) -> Journal:
        """Where what happens is written down."""
        ...

    def transcript(self) -> str:
        """What happened, in lines; of a person, what they saw, heard and did."""
        ...


class Person(Observed, Protocol):
    """Person: what `TinyPerson` is to whatever it is built on."""

    @property
    def person_id(self) -> str:
        """Who it is."""
        ...

    @property
    def persona(self) -> Mapping[str, Any]:
        """The facts and traits that say who it is."""
        ...

    @property
    def block(self) -> str:
        """The persona as text for a prompt."""
        ...

    @property
    def mind(self) -> Mind:
        """What they think with."""
        ...

    @property
    def semantic(self) -> SemanticMemory:
        """What they know by now."""
        ...


@runtime_checkable
class Overheard(Protocol):
    """A world: the one thing of which others could hear and see a part."""

    def open_transcript(self) -> str:
        """What others could hear and see, in lines."""
        ...


def person_id_of(index: int) -> str:
    """The stable id of person `index` of a population, for example `p000017`."""
    return f"p{index:06d}"


def person_id_from(name: str) -> str:
    """An id made of a name, for example `lisa-carter`; that of nobody in particular where it holds no letter."""
    return _NOT_IN_AN_ID.sub("-", name.casefold()).strip("-") or person_id_of(0)


def is_person(one: Observed) -> TypeGuard[Person]:
    """Whether it is a person and no world: worlds have no id."""
    return hasattr(one, "person_id")
