"""Acting, as a plan settles it: how the minds of people work, and which further models serve them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from troupe_batch.declared import as_declared
from troupe_batch.llm.chat import Endpoint
from troupe_batch.simulation.mind import MindSettings


@dataclass(frozen=True, slots=True)
class Acting:
    """Settings of the minds, and the endpoints beside the one that people answer with.

    `reasoning` None: the same as for acts. `embedding` None: nothing can be looked up by its meaning.
    """

    minds: MindSettings = field(default_factory=MindSettings)
    reasoning: Endpoint | None = None
    embedding: Endpoint | None = None

    @property
    def further_models(self) -> tuple[str, ...]:
        """The models of the further endpoints, each once."""
        return tuple(dict.fromkeys(one.model for one in (self.reasoning, self.embedding) if one is not None))

    def as_json(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "minds": asdict(self.minds),
            "reasoning": None if self.reasoning is None else self.reasoning.as_json(),
            "embedding": None if self.embedding is None else self.embedding.as_json(),
        }

    @classmethod
    def from_json(cls, found: Mapping[str, Any] | None) -> Acting | None:
        """The inverse of `as_json`; TypeError, KeyError or ValueError where it is none."""
        if found is None:
            return None
        reasoning, embedding = (
            None if found[n] is None else as_declared(Endpoint, found[n]) for n in ("reasoning", "embedding")
        )
        return cls(as_declared(MindSettings, found["minds"]), reasoning, embedding)
