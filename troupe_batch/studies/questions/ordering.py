"""Order in which options are shown: a pure function of seed, question, person and replicate."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from troupe_batch.seeded import bits, shuffled, stream
from troupe_batch.studies.questions.options import Order


@dataclass(frozen=True, slots=True)
class ShownOptions:
    """The options of a question as people are shown them.

    `anchored` keep their place while the others move, `last` stands behind them all. `lines` are those labels that
    stand there otherwise. `is_gone_through`: a reply answers them one by one, in the order of its schema.
    """

    labels: tuple[str, ...]
    order: Order
    anchored: frozenset[str] = frozenset()
    last: tuple[str, ...] = ()
    lines: Mapping[str, str] = field(default_factory=dict)
    is_gone_through: bool = False


@dataclass(frozen=True, slots=True)
class Shown:
    """A question as one person sees it; `order` is None where there are no options."""

    text: str
    order: tuple[str, ...] | None
    place_of: Mapping[str, int]


class OptionOrder:
    """Says which option (by its place in the file) stands where; anchored options stay where the file has them."""

    def __init__(self, count: int, order: Order, anchored: Collection[int], *, seed: int, question_id: str) -> None:
        self._order = order
        self._in_file_order = tuple(range(count))
        self._free = tuple(place for place in self._in_file_order if place not in anchored)
        self._flipped = self._with_free(self._free[::-1])
        self._key = stream(seed, "option order", question_id)

    def shown_to(self, person_index: int, replicate: int) -> tuple[int, ...]:
        """File places in the order shown: any order that `order` allows."""
        if self._order == Order.FIXED:
            return self._in_file_order
        draw = bits(bits(self._key, person_index), replicate)
        if self._order == Order.FLIP:
            return self._flipped if draw & 1 else self._in_file_order
        if len(self._free) == len(self._in_file_order):
            return tuple(shuffled(self._in_file_order, draw))
        return self._with_free(tuple(shuffled(self._free, draw)))

    def few(self) -> tuple[tuple[int, ...], ...]:
        """As few orders as show each option that moves equally often in each place that is free.

        Where the order is random these are the rows of a Williams square (Williams 1949) over a seeded order: with an
        even number of options, each also stands equally often right behind each other one.
        """
        if self._order == Order.FIXED or len(self._free) < 2:
            return (self._in_file_order,)
        if self._order == Order.FLIP:
            return (self._in_file_order, self._flipped)
        mixed = shuffled(self._free, self._key)
        steps = _there_and_back(len(mixed))
        rows = range(len(mixed))
        return tuple(self._with_free([mixed[(step + row) % len(mixed)] for step in steps]) for row in rows)

    def _with_free(self, moved: Sequence[int]) -> tuple[int, ...]:
        """File order, with the options that may move put, in the order given, on the places that are free."""
        shown = list(self._in_file_order)
        for place, option in zip(self._free, moved, strict=True):
            shown[place] = option
        return tuple(shown)


def _there_and_back(count: int) -> list[int]:
    """0, 1, count - 1, 2, count - 2, ...: neighbours differ by a different step each time."""
    return [(step + 1) // 2 if step % 2 else (count - step // 2) % count for step in range(count)]
