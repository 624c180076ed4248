"""A simulated person: who they are, and the text that tells a model so."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

from troupe_batch.persona import Persona, Scalar


class TinyPerson:
    """One simulated person. Its identity is `person_id`: names may be shared, as they are among people.

    `facts` are the plain facts a population drew (or an agent file states); `persona` holds them too, with the name
    and whatever richer parts there are. Neither ever changes: `with_persona` makes another person object.
    """

    __slots__ = ("_block", "facts", "index", "person_id", "persona")

    def __init__(
        self,
        name: str | None = None,
        *,
        persona: Persona | None = None,
        facts: Mapping[str, Scalar] | None = None,
        index: int = 0,
        person_id: str | None = None,
    ) -> None:
        self.index = index
        self.person_id = person_id or person_id_of(index)
        self.persona = persona if persona is not None else Persona({"name": name})
        self.facts = facts or {}
        self._block: str | None = None

    @classmethod
    def cast(cls, index: int, persona: Persona, facts: Mapping[str, Scalar]) -> Self:
        """Person number `index` of a population."""
        return cls(persona=persona, facts=facts, index=index)

    @property
    def name(self) -> str | None:
        """The person's name, None where the population gives no names."""
        return self.persona.name

    @property
    def block(self) -> str:
        """The persona block of the prompt, written once."""
        if self._block is None:
            self._block = self.persona.block()
        return self._block

    def with_persona(self, persona: Persona) -> TinyPerson:
        """The same person with a richer persona."""
        return TinyPerson.cast(self.index, persona, self.facts)

    def __repr__(self) -> str:
        return f"TinyPerson({self.person_id}, {self.name!r})"


def person_id_of(index: int) -> str:
    """The stable name of person `index` of a population, for example `p000017`."""
    return f"p{index:06d}"
