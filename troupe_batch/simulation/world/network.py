"""World in which named relations decide who can reach whom."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar, NamedTuple, Self

from troupe_batch.errors import FixTheInput
from troupe_batch.simulation.mind import Mind
from troupe_batch.simulation.person.person import TinyPerson
from troupe_batch.simulation.world.interventions import Intervention
from troupe_batch.simulation.world.turns import OnCannotAct
from troupe_batch.simulation.world.world import TinyWorld


class Relation(NamedTuple):
    """The person `one` can reach `other`, who is this to them; both by id."""

    one: str
    other: str
    name: str


class TinySocialNetwork(TinyWorld):
    """A world whose people reach only those with whom they have a relation, such as "colleague" or "sister".

    What is said to everyone reaches those in reach; what is said to anybody else is undelivered, and so is reaching
    out to them. People see who is in reach, and as what. What the world itself broadcasts reaches everybody.
    Relations hold between ids: who leaves and comes back has them again.
    """

    kind: ClassVar[str] = "network"

    def __init__(
        self,
        name: str = "Network",
        people: Iterable[TinyPerson] = (),
        *,
        mind: Mind | None = None,
        start: datetime | None = None,
        interventions: Sequence[Intervention] = (),
        on_failure: str = OnCannotAct.GO_ON,
    ) -> None:
        # By person, then by whom they can reach: the names of the relations, in the order in which they were added.
        self._relations: dict[str, dict[str, list[str]]] = {}
        super().__init__(name, people, mind=mind, start=start, interventions=interventions, on_failure=on_failure)

    @property
    def relations(self) -> tuple[Relation, ...]:
        """All relations; one that is not directed stands here twice, once for each of the two."""
        return tuple(
            [
                Relation(one, other, name)
                for one, others in self._relations.items()
                for other, names in others.items()
                for name in names
            ]
        )

    def add_relation(
        self, one: TinyPerson | str, other: TinyPerson | str, name: str = "relation", *, is_directed: bool = False
    ) -> Self:
        """Two people here have this relation from now on; where it `is_directed` only the first reaches the second."""
        first, second = self._here(one), self._here(other)
        if first is second:
            raise FixTheInput(f"{self.name_of(first)} cannot have the relation {name!r} with themself")
        self._relate(first, second, name)
        if not is_directed:
            self._relate(second, first, name)
        return self

    def add_person(self, person: TinyPerson) -> Self:
        """Seat a person after the others, with the relations that they had here before, if any."""
        super().add_person(person)
        for other in self.people:
            self._show(person, other)
            self._show(other, person)
        return self

    def _see_each_other(self) -> None:
        """Nobody is simply there: who is in reach is known by a relation."""

    def make_everyone_accessible(self) -> Self:
        """Not in a network: FixTheInput."""
        raise FixTheInput(f"in {self.name} relations decide who is in reach; use add_relation")

    def in_reach_of(self, person: TinyPerson) -> Sequence[TinyPerson]:
        """Those with whom the person has a relation, seat by seat."""
        related = self._relations.get(person.person_id, {})
        return [other for other in self.people if other.person_id in related]

    def can_reach(self, person: TinyPerson, other: TinyPerson) -> bool:
        """Whether the person has a relation with the other, who is there."""
        return super().can_reach(person, other) and other.person_id in self._relations.get(person.person_id, {})

    def bring_together(self, person: TinyPerson, other: TinyPerson) -> None:
        """Nothing more: relations alone decide who is in reach."""

    def state(self) -> dict[str, Any]:
        """As of any world, with the relations."""
        return {**super().state(), "relations": [list(relation) for relation in self.relations]}

    def _restore(self, state: Mapping[str, Any]) -> None:
        for one, other, name in state["relations"]:
            self._relations.setdefault(one, {}).setdefault(other, []).append(name)
        super()._restore(state)

    def _here(self, person: TinyPerson | str) -> TinyPerson:
        return self.person(person if isinstance(person, str) else person.person_id)

    def _relate(self, person: TinyPerson, other: TinyPerson, name: str) -> None:
        names = self._relations.setdefault(person.person_id, {}).setdefault(other.person_id, [])
        if name not in names:
            names.append(name)
        self._show(person, other)

    def _show(self, person: TinyPerson, other: TinyPerson) -> None:
        names = self._relations.get(person.person_id, {}).get(other.person_id)
        if names:
            person.make_accessible(other, ", ".join(names))
