"""What a person knows by now: facts that outlive the episodes they come from, found again by what they mean."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from troupe_batch.llm.chat import Endpoint
from troupe_batch.simulation.mind import Mind

Vectors = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Remembered:
    """A fact that was found, and how near it is to what was looked for: the cosine of their embeddings."""

    fact: str
    similarity: float


class SemanticMemory:
    """Facts in the order in which they were learned, each once. Cheap while it is empty."""

    __slots__ = ("_embedded_by", "_facts", "_vectors")

    def __init__(self, facts: Iterable[str] = ()) -> None:
        # A dict keeps the order; the keys are the facts as compared, so that one is not kept twice.
        self._facts: dict[str, str] = {}
        self._vectors: Vectors | None = None
        self._embedded_by: Endpoint | None = None
        self.add(*facts)

    @property
    def facts(self) -> tuple[str, ...]:
        """All facts, the oldest first; also what to save, and to make the same memory of again."""
        return tuple(self._facts.values())

    def __len__(self) -> int:
        return len(self._facts)

    def add(self, *facts: str) -> None:
        """Learn these; a fact that is known already stays where it is, and blank ones are none."""
        for fact in facts:
            text = " ".join(fact.split())
            if text:
                self._facts.setdefault(text.casefold(), text)

    def latest(self, count: int) -> tuple[str, ...]:
        """The facts learned last, at most `count`, the oldest of them first."""
        return self.facts[-count:] if count > 0 else ()

    async def retrieve(
        self, mind: Mind, query: str, k: int = 5, *, least_similarity: float = -1.0
    ) -> tuple[Remembered, ...]:
        """The at most `k` facts nearest to `query`, the nearest first; no call where there are no facts."""
        if not self._facts or k < 1:
            return ()
        vectors = await self._vectors_by(mind)
        [wanted] = await mind.embed([query])
        similarities = vectors @ wanted
        nearest = np.argsort(-similarities, kind="stable")[:k]
        facts = self.facts
        found = (Remembered(facts[i], float(similarities[i])) for i in nearest)
        return tuple(one for one in found if one.similarity >= least_similarity)

    async def _vectors_by(self, mind: Mind) -> Vectors:
        """One row per fact. Those embedded before are kept, unless another model embedded them."""
        if self._vectors is None or self._embedded_by != mind.embedding:
            self._vectors, self._embedded_by = await mind.embed(self.facts), mind.embedding
        elif (known := len(self._vectors)) < len(self._facts):
            self._vectors = np.concatenate([self._vectors, await mind.embed(self.facts[known:])])
        return self._vectors
