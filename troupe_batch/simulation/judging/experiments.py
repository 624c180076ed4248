"""Experiments by hand: two things shown in an order drawn for each item, under names that give nothing away."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from troupe_batch.errors import FixTheInput
from troupe_batch.seeded import bits, stream

T = TypeVar("T")


class ABRandomizer:
    """Decides for each item whether the first or the second of two things is shown first, and finds the way back.

    `names` are what the two are; `shown_as` what they are called when they are shown, first and second. The order of
    an item is a pure function of seed and item: it needs no memory, is the same for every worker, and about half of
    all items are swapped. Answers among `pass_through`, such as "neither", mean the same in both orders.
    """

    def __init__(
        self,
        names: Sequence[str] = ("control", "treatment"),
        *,
        shown_as: Sequence[str] = ("A", "B"),
        pass_through: Sequence[str] = (),
        seed: int = 0,
    ) -> None:
        self.names = _two_different(names, "names")
        self.shown_as = _two_different(shown_as, "shown_as")
        if clash := {_folded_name(name) for name in self.shown_as} & {_folded_name(name) for name in pass_through}:
            raise FixTheInput(f"{min(clash)!r} is among `shown_as` and `pass_through`; an answer must mean one thing")
        self._pass_through = {_folded_name(answer): answer for answer in pass_through}
        self._key = stream(seed, "order of two")

    def is_swapped(self, item: int | str) -> bool:
        """Whether the second thing is shown first for this item."""
        # The topmost bit: low bits are what simple generators are weakest in.
        return bits(stream(self._key, item), 0) >> 63 == 1

    def randomize(self, item: int | str, first: T, second: T) -> tuple[T, T]:
        """The two in the order in which this item sees them, to be shown as `shown_as` says."""
        return (second, first) if self.is_swapped(item) else (first, second)

    def derandomize(self, item: int | str, answer: str) -> str:
        """Which of `names` this item's answer means, or the answer itself where it passes through.

        FixTheInput where it is none of the answers that were offered: it says nothing about either.
        """
        plain = _folded_name(answer)
        if plain in self._pass_through:
            return self._pass_through[plain]
        shown = [_folded_name(name) for name in self.shown_as]
        if plain not in shown:
            offered = ", ".join([*self.shown_as, *self._pass_through.values()])
            raise FixTheInput(
                f"item {item!r} was answered with {answer[:40]!r}, and only these were offered: {offered}"
            )
        return self.randomize(item, *self.names)[shown.index(plain)]


def _two_different(names: Sequence[str], what: str) -> tuple[str, str]:
    if len(names) != 2 or _folded_name(names[0]) == _folded_name(names[1]):
        raise FixTheInput(f"`{what}` takes two different names")
    return names[0], names[1]


def _folded_name(name: str) -> str:
    return " ".join(name.split()).casefold()
