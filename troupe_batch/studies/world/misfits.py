"""Misfits: why nobody fits a rule of a seat, and what the people's facts are instead."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from troupe_batch.spec_files import did_you_mean
from troupe_batch.spec_messages import Place, near
from troupe_batch.studies.script import PlacedMistake
from troupe_batch.studies.world.seats import Fact, SeatRange, WantedFact

_MOST_VALUES = 12


def unknown_fact(place: Place, fact: str, facts: Mapping[str, Sequence[object]]) -> PlacedMistake:
    """What to say of a fact that the people do not have."""
    cure = did_you_mean(fact, [*facts])
    if near(fact, [*facts]) is not None:
        cure += f" known here: {', '.join(sorted(facts))}"
    return (*place, fact), f"the people have no fact `{fact}`", cure


def misfits(place: Place, fact: str, values: Sequence[object], wanted: WantedFact) -> Iterator[PlacedMistake]:
    """What to say of a value, list or range of a fact that nobody fits."""
    found = {(type(value), value) for value in np.asarray(values).tolist() if value is not None}
    theirs = sorted((value for _, value in found), key=str)
    numbers = sorted(value for value in theirs if isinstance(value, int | float) and not isinstance(value, bool))
    at = (*place, fact)
    if not theirs:
        yield at, f"nobody has a value of {fact}", "choose people by another fact"
    elif isinstance(wanted, SeatRange):
        yield at, *_no_number_fits(fact, theirs, numbers, wanted)
    else:
        yield at, *_no_value_fits(fact, theirs, numbers, wanted if isinstance(wanted, tuple) else (wanted,))


def _no_number_fits(fact: str, theirs: Sequence[Any], numbers: Sequence[float], wanted: SeatRange) -> tuple[str, str]:
    if not numbers:
        name = "at_least" if wanted.at_least is not None else "at_most"
        return f"{fact} is {_kind(theirs)}; {name} needs a number", f"write a value, such as `{fact}: {theirs[0]}`"
    return f"nobody has {fact} {wanted}; {fact} goes {_range_text(numbers)} here", "write numbers in between"


def _no_value_fits(
    fact: str, theirs: Sequence[Any], numbers: Sequence[float], wanted: Sequence[Fact]
) -> tuple[str, str]:
    given = " or ".join(str(one) for one in wanted)
    if numbers and len(numbers) == len(theirs):
        cure = f"write a number, or a range such as `{fact}: {{at_least: {numbers[len(numbers) // 2]:g}}}`"
        return f"nobody has {fact} {given}; {fact} goes {_range_text(numbers)} here", cure
    known = [str(value) for value in theirs]
    shown = " or ".join(known) if len(known) <= _MOST_VALUES else f"one of {len(known)} values, such as {known[0]}"
    meant = near(str(wanted[0]), known)
    if meant == str(wanted[0]):
        # Of the same letters and another kind: "true" in quotes, or a number as text.
        return f"{fact} is {_kind(theirs)}, and {wanted[0]!r} is not", "mind the quotes"
    cure = f"did you mean `{meant}`?" if meant is not None else "write one of these"
    return f"nobody has {fact} {given}; {fact} is {shown}", cure


def _range_text(numbers: Sequence[float]) -> str:
    return f"from {numbers[0]:g} to {numbers[-1]:g}" if len(numbers) > 1 else f"no further than {numbers[0]:g}"


def _kind(theirs: Sequence[Any]) -> str:
    if all(isinstance(value, bool) for value in theirs):
        return "true or false"
    return "text" if all(isinstance(value, str) for value in theirs) else "no number"
