"""Roster of a world: who is there, in which seat, and by which name the others know them."""

from __future__ import annotations

from collections.abc import Mapping

from troupe_batch.errors import FixTheInput
from troupe_batch.simulation.person.person import TinyPerson


class Roster:
    """The people of a world in the order of their seats, each by a name of their own.

    People who share a name become "Ana Silva" and "Ana Silva (2)", in the order in which they came; people without
    one "Person 3", by the number of their arrival. A name is given once: who leaves keeps it and has it again when
    back, and nobody else is called by it.
    """

    __slots__ = ("_ids", "_names", "_present", "arrivals")

    def __init__(self) -> None:
        self.arrivals = 0
        self._present: dict[str, TinyPerson] = {}
        self._names: dict[str, str] = {}
        self._ids: dict[str, str] = {}

    @property
    def people(self) -> list[TinyPerson]:
        """Who is there now, seat by seat."""
        return list(self._present.values())

    @property
    def names(self) -> dict[str, str]:
        """The name of everybody who was ever there, by person id, in the order of arrival."""
        return dict(self._names)

    def __len__(self) -> int:
        return len(self._present)

    def __contains__(self, person: TinyPerson) -> bool:
        return self._present.get(person.person_id) is person

    def add(self, person: TinyPerson) -> None:
        """Seat a person after the others; FixTheInput where somebody with the same id is there."""
        person_id = person.person_id
        if person in self:
            raise FixTheInput(f"{self._names[person_id]} is in this world already; a person has one seat")
        if person_id in self._present:
            raise FixTheInput(
                f"two people with the id {person_id!r} are in one world ({self._names[person_id]}); give one of them "
                f'another name, as in load_specification(path, name="..."), or another `person_id`, for example '
                f'TinyPerson({person.name!r}, person_id="{person_id}-2")'
            )
        if person_id not in self._names:
            self.arrivals += 1
            self._give_name(person_id, person.name or f"Person {self.arrivals}")
        self._present[person_id] = person

    def restore_names(self, names: Mapping[str, str]) -> None:
        """Know these people, by person id in the order of their arrival, as having been here."""
        for person_id, name in names.items():
            self.arrivals += 1
            self._give_name(person_id, name)

    def remove(self, person: TinyPerson) -> None:
        """Empty a person's seat."""
        del self._present[person.person_id]

    def name_of(self, person: TinyPerson) -> str:
        """The name by which the others know the person."""
        return self._names[person.person_id]

    def with_id(self, person_id: str) -> TinyPerson | None:
        """The person with this id, if present."""
        return self._present.get(person_id)

    def get(self, name_or_id: str) -> TinyPerson | None:
        """The person present who is called exactly this (whatever the case), or has this id."""
        person_id = self._ids.get(_folded_name(name_or_id), name_or_id)
        return self._present.get(person_id) or self._present.get(name_or_id)

    def find(self, name_or_id: str, *, by: TinyPerson) -> TinyPerson | None:
        """As `get`, in the eyes of one of them: who says their own name means the other who is called so too."""
        found = self.get(name_or_id)
        if found is not by:
            return found
        # Not by `name`: they were given another, so as to be told apart.
        same = [
            one
            for one in self._present.values()
            if one is not by and _folded_name(one.persona.name or "") == _folded_name(name_or_id)
        ]
        return same[0] if len(same) == 1 else by

    def _give_name(self, person_id: str, name: str) -> None:
        given, number = name, 1
        while _folded_name(given) in self._ids:
            number += 1
            given = f"{name} ({number})"
        self._names[person_id] = given
        self._ids[_folded_name(given)] = person_id


def _folded_name(name: str) -> str:
    return " ".join(name.split()).casefold()
