"""Texts about different people that are nearly the same, found by MinHash with locality-sensitive hashing.

Two texts are near-duplicates where their sets of three words in a row have a Jaccard similarity of 0.7 or more (Broder
1997). Names are left out of the comparison: the same life under another name is what is looked for. Candidates agree in
a band of their MinHash sketches; the best of them are compared exactly, so none is reported by accident of hashing.

The work per text is bounded, also where all texts share a boilerplate: a band that many texts agree in tells little of
any two of them, so only the first of these are candidates by it, and of all candidates only the best are compared.
"""

from __future__ import annotations

import re
import zlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from troupe_batch.seeded import bits, stream

SIMILAR = 0.7
MANY = 0.02
"""Share of near-duplicates above which a warning is due."""

# 25 bands of 5 find a pair of similarity 0.7 with 0.99, one of 0.5 with 0.55, and one of 0.1 hardly ever.
_BANDS = 25
_ROWS = 5
_PERMUTATIONS = _BANDS * _ROWS
_MOST_IN_A_BAND = 50
_MOST_COMPARED = 20
_WORDS_IN_A_ROW = 3
_HASHED = np.array([bits(stream("minhash"), n) for n in range(2 * _PERMUTATIONS)], np.uint64).reshape(2, -1)
_FACTORS = (np.uint32(0x9E3779B1), np.uint32(0x85EBCA77), np.uint32(0xC2B2AE3D))
_MOST_EXAMPLES = 3
_WORD = re.compile(r"\w+")

Shingles = npt.NDArray[np.uint32]
Sketch = npt.NDArray[np.uint32]


@dataclass(frozen=True, slots=True)
class PersonText:
    """Text that was written about one person."""

    person_id: str
    text: str
    name: str | None = None


@dataclass(frozen=True, slots=True)
class SimilarPair:
    """Two people whose texts are nearly the same, and the Jaccard similarity of these (0 to 1)."""

    person_id: str
    other_id: str
    similarity: float


@dataclass(frozen=True, slots=True)
class Duplicates:
    """Near-duplicates among the `texts` that were looked at: how many have one, and in how many clusters they fall.

    `largest` is the size of the largest cluster; `pairs` are a few examples, the most similar first.
    """

    texts: int
    alike: int = 0
    clusters: int = 0
    largest: int = 0
    pairs: tuple[SimilarPair, ...] = ()

    @property
    def share(self) -> float:
        """Share of the texts that have a near-duplicate; 0 without texts."""
        return self.alike / self.texts if self.texts else 0.0

    @property
    def are_many(self) -> bool:
        """Whether that is more than a population of different lives should have."""
        return self.share > MANY


def near_duplicates(texts: Iterable[PersonText]) -> Duplicates:
    """The near-duplicates among the texts, in one pass; the same texts in the same order give the same result."""
    found = _Found()
    for text in texts:
        found.add(text)
    return found.result()


def shingles_of(text: str, name: str | None = None) -> Shingles:
    """Hashes of all runs of three words, each once, in ascending order; the words of the name all count as one."""
    words = _WORD.findall(text.casefold())
    if len(words) * 12 < len(text):
        # A script without blanks: characters are its words.
        words = [character for character in text if character.isalnum()]
    own = set(_WORD.findall((name or "").casefold()))
    words = ["_" if word in own else word for word in words]
    # Texts of one or two words are still texts.
    words += [""] * (_WORDS_IN_A_ROW - len(words))
    hashed = np.fromiter((zlib.crc32(word.encode()) for word in words), np.uint32, len(words))
    rows = len(words) - _WORDS_IN_A_ROW + 1
    # Unsigned products wrap around: an odd factor for each place tells the order of the words.
    runs = sum((hashed[place : place + rows] * factor for place, factor in enumerate(_FACTORS)), np.uint32(0))
    return np.unique(runs)


@dataclass
class _Found:
    """The texts so far: each is in a cluster, alone or with those it is similar to."""

    _ids: list[str] = field(default_factory=list)
    _clusters: list[int] = field(default_factory=list)
    _equal: dict[bytes, int] = field(default_factory=dict)
    _shingles: dict[int, Shingles] = field(default_factory=dict)
    _sketches: dict[int, Sketch] = field(default_factory=dict)
    _bands: dict[tuple[int, bytes], list[int]] = field(default_factory=dict)
    _pairs: list[tuple[float, int, int]] = field(default_factory=list)

    def add(self, text: PersonText) -> None:
        number = len(self._ids)
        self._ids.append(text.person_id)
        self._clusters.append(number)
        shingles = shingles_of(text.text, text.name)
        first = self._equal.setdefault(shingles.tobytes(), number)
        if first != number:
            self._join(number, first, 1.0)
            return
        sketch = _sketch_of(shingles)
        for other in self._best(sketch, self._candidates(number, sketch)):
            similarity = _jaccard(shingles, self._shingles[other])
            if similarity >= SIMILAR:
                self._join(number, other, similarity)
        self._shingles[number], self._sketches[number] = shingles, sketch

    def _candidates(self, number: int, sketch: Sketch) -> list[int]:
        """The texts before that agree in a band, in their order; the text is entered into its own bands."""
        found: set[int] = set()
        for band in range(_BANDS):
            alike = self._bands.setdefault((band, sketch[band * _ROWS : (band + 1) * _ROWS].tobytes()), [])
            found.update(alike)
            if len(alike) < _MOST_IN_A_BAND:
                alike.append(number)
        return sorted(found)

    def _best(self, sketch: Sketch, candidates: list[int]) -> list[int]:
        """The candidates whose sketches agree with this one in the most places; of equal ones the first."""
        if len(candidates) <= _MOST_COMPARED:
            return candidates
        agree = np.count_nonzero(np.stack([self._sketches[one] for one in candidates]) == sketch, axis=1)
        return sorted(candidates[place] for place in np.argsort(-agree, kind="stable")[:_MOST_COMPARED])

    def result(self) -> Duplicates:
        sizes = Counter(self._root(number) for number in range(len(self._ids)))
        together = [size for size in sizes.values() if size > 1]
        pairs = (SimilarPair(self._ids[other], self._ids[number], round(s, 3)) for s, other, number in self._pairs)
        return Duplicates(len(self._ids), sum(together), len(together), max(together, default=0), tuple(pairs))

    def _join(self, number: int, other: int, similarity: float) -> None:
        one, two = sorted((self._root(number), self._root(other)))
        self._clusters[two] = one
        # The most similar first; of equal ones those that came first.
        self._pairs = sorted([*self._pairs, (similarity, other, number)], key=lambda pair: (-pair[0], *pair[1:]))
        del self._pairs[_MOST_EXAMPLES:]

    def _root(self, number: int) -> int:
        while self._clusters[number] != number:
            self._clusters[number] = number = self._clusters[self._clusters[number]]
        return number


def _jaccard(one: Shingles, other: Shingles) -> float:
    both = len(np.intersect1d(one, other, assume_unique=True))
    return both / (len(one) + len(other) - both)


def _sketch_of(shingles: Shingles) -> Sketch:
    """The least hash of the runs by each of the functions: two texts agree in a place as often as their sets overlap.

    Multiply and shift with odd factors, which is universal (Dietzfelbinger et al. 1997); unsigned products wrap around.
    """
    factors, offsets = _HASHED
    hashed = (shingles[:, None] * (factors | np.uint64(1)) + offsets) >> np.uint64(32)
    return np.asarray(hashed.min(axis=0), dtype=np.uint32)
