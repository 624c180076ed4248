"""Scale of a rating: which of its labels are steps, and which end of them is the best. Nothing of it is guessed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

_NUMBER = re.compile(r"[+-]?\d{1,9}(?:[.,]\d{1,9})?")
# Codes by which the trade marks what is no step of a scale: 7, 97, 997 … for refused, not applicable, don't know.
_HIGH = re.compile(r"[6-9]|9{1,3}[5-9]|6{2,4}|7{2,4}|8{2,4}")
_LOW = re.compile(rf"-(?:[1-5]|{_HIGH.pattern})")
# What is said beside a scale, in the languages of the populations that come along and their neighbours.
_NO_STEPS = frozenset(
    label.casefold()
    for label in {"don't know", "dont know", "do not know", "dk", "no answer", "refused", "not stated"}
    | {"not applicable", "n/a", "na", "does not apply", "prefer not to say", "prefer not to answer", "can't say"}
    | {"weiß nicht", "keine angabe", "trifft nicht zu", "ne sait pas", "sans réponse", "non concerné"}
    | {"no sabe", "no contesta", "no aplica", "não sabe", "não se aplica", "prefiro não responder"}
)


FEWEST_STEPS_FOR_BOXES = 4
"""Of a scale with fewer steps the two best are most of it."""


class Best(StrEnum):
    """End of the labels, as they stand in the file, that is the most or the best."""

    FIRST = "first"
    LAST = "last"


@dataclass(frozen=True, slots=True)
class ScaleStep:
    """A label and its code."""

    label: str
    code: int

    @property
    def named(self) -> str:
        """Code and label, or the one where they are the same."""
        return self.label if self.label == str(self.code) else f"{self.code} ({self.label})"


@dataclass(frozen=True, slots=True)
class Scale:
    """The steps in file order, and the labels `outside` of them, which are in no mean, deviation or box.

    `suspects` are those of the latter that nobody declared. `best` is None where it is not known. `disagrees`: the
    labels are numbers other than their codes, so that figures of codes are not figures of labels.
    """

    steps: tuple[ScaleStep, ...]
    outside: tuple[ScaleStep, ...]
    suspects: tuple[ScaleStep, ...]
    best: Best | None
    disagrees: bool

    def boxes(self, size: int) -> tuple[tuple[ScaleStep, ...], tuple[ScaleStep, ...]] | None:
        """The `size` best and the `size` worst steps, in file order; None where the best end is not known."""
        if self.best is None:
            return None
        first, last = self.steps[:size], self.steps[-size:]
        return (first, last) if self.best is Best.FIRST else (last, first)

    @property
    def cure_of_suspects(self) -> str:
        """What to write into the job where labels look as if they were no steps."""
        labels = ", ".join(json.dumps(step.label, ensure_ascii=False) for step in self.suspects)
        return f"write `outside: [{labels}]`, or `outside: []` if all labels are steps"

    @property
    def cure_of_direction(self) -> str:
        """What to write into the job where the best end is not known."""
        first, last = self.steps[0].label, self.steps[-1].label
        return f"write `best: {Best.FIRST}` if it is {first!r}, `best: {Best.LAST}` if it is {last!r}"


def scale_of(labels: Sequence[str], codes: Sequence[int], best: Best | None, outside: Sequence[str] | None) -> Scale:
    """The scale of these labels.

    Without `best`, numbers that are their own codes say it themselves: the highest is the best. Without `outside`
    (None), what looks as if it were no step counts as none until somebody says so: wrong figures are worse than none.
    """
    everything = [ScaleStep(label, code) for label, code in zip(labels, codes, strict=True)]
    suspects = tuple(_suspects(everything)) if outside is None else ()
    apart = {*(outside or ()), *(step.label for step in suspects)}
    steps = tuple(step for step in everything if step.label not in apart)
    numbers = [_label_number(step.label) for step in steps]
    known = [number for number in numbers if number is not None]
    are_numbers = len(known) == len(steps) > 1
    disagrees = are_numbers and known != [step.code for step in steps]
    if best is None and are_numbers and not disagrees:
        best = _direction(known)
    return Scale(steps, tuple(step for step in everything if step.label in apart), suspects, best, disagrees)


def _direction(numbers: Sequence[float]) -> Best | None:
    if all(one < other for one, other in pairwise(numbers)):
        return Best.LAST
    return Best.FIRST if all(one > other for one, other in pairwise(numbers)) else None


def _label_number(label: str) -> float | None:
    return float(label.replace(",", ".")) if _NUMBER.fullmatch(label) else None


def _suspects(steps: Sequence[ScaleStep]) -> Iterator[ScaleStep]:
    """Labels that say that they are no step, and usual codes of such labels that stand apart from all others.

    Two steps are left in any case: a scale of fewer is none.
    """
    spoken = [step for step in steps if _spoken(step.label) in _NO_STEPS]
    rest = sorted((step for step in steps if step not in spoken), key=lambda step: step.code)
    codes = [step.code for step in rest]
    # From -2 to 2 without a middle is a scale; its halves are as far from each other as from nothing else.
    is_symmetric = codes == [-code for code in reversed(codes)]
    detached = () if is_symmetric else (*_detached(codes, _HIGH), *_detached(codes[::-1], _LOW))
    found = {step.label for step in (*spoken, *(step for step in rest if step.code in detached))}
    if len(steps) - len(found) >= 2:
        yield from (step for step in steps if step.label in found)


def _spoken(label: str) -> str:
    return " ".join(label.casefold().replace("\u2019", "'").split()).rstrip(".")


def _detached(codes: Sequence[int], usual: re.Pattern[str]) -> Sequence[int]:
    """Of ordered codes, the usual ones at the end that are further from the others than any two of those neighbours."""
    for place in range(2, len(codes)):
        end = codes[place:]
        widest = max(abs(two - one) for one, two in pairwise(codes[:place]))
        if all(usual.fullmatch(str(code)) for code in end) and abs(end[0] - codes[place - 1]) > widest:
            return end
    return ()
