"""Memory of facts: what a person knows by now, outliving its episodes, and found again by what it means."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from troupe_batch.errors import EndpointMissing, RecordAndGoOn, RequestRejected
from troupe_batch.llm.chat import Endpoint
from troupe_batch.simulation.mind import Mind

Vectors = npt.NDArray[np.float32]

# Of the facts that come back, every third is one of the latest.
_LATEST = 3
# Shorter words, such as "the", are in everything.
_WORD = re.compile(r"\w{4,}")


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

    async def brought_back(self, mind: Mind, touched: str, count: int) -> tuple[str, ...]:
        """At most `count` facts, in the order of learning: those nearest to what is touched, and the latest.

        All of them where there are no more. Nearness is that of meaning, by the mind's embeddings; where it has none,
        or the endpoint knows no such model, that of the words in common.
        """
        if len(self._facts) <= count:
            return self.facts
        latest = range(len(self._facts) - count // _LATEST, len(self._facts))
        order = await self._nearest(mind, touched) if touched.strip() else latest[::-1]
        chosen = [*dict.fromkeys([*latest, *order, *reversed(range(len(self._facts)))])][:count]
        facts = self.facts
        return tuple(facts[number] for number in sorted(chosen))

    async def _nearest(self, mind: Mind, touched: str) -> Sequence[int]:
        """The numbers of the facts, the nearest first."""
        if mind.embedding is not None and mind.embedding not in mind.vectors.without_model:
            try:
                # First the one text: where no model answers, it is not asked for every fact.
                [wanted] = await mind.embed([touched])
                vectors = await self._vectors_by(mind)
                return [int(number) for number in np.argsort(-(vectors @ wanted), kind="stable")]
            except (EndpointMissing, RequestRejected):
                # It will not know it for the others either. The record of calls says so where the endpoint did.
                mind.vectors.without_model.add(mind.embedding)
            except RecordAndGoOn:
                pass
        return _by_words(self.facts, touched)

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


def _by_words(facts: Sequence[str], touched: str) -> list[int]:
    """The numbers of the facts: first those with the rarest words in common with the text; of equals, the latest."""
    words = [set(_WORD.findall(fact.casefold())) for fact in facts]
    known = Counter(word for one in words for word in one)
    wanted = set(_WORD.findall(touched.casefold()))
    weights = [sum(1 / known[word] for word in sorted(one & wanted)) for one in words]
    return sorted(range(len(facts)), key=lambda number: (-weights[number], -number))
