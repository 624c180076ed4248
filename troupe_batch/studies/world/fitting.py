"""Fit of people to the rules of seats: who may sit where, and what is wrong with a rule."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any

import numpy as np
import numpy.typing as npt

from troupe_batch.arrays import Bools
from troupe_batch.expressions.expression import Expression
from troupe_batch.expressions.kinds import BadExpression, Kind
from troupe_batch.scalars import as_written, in_nfc, is_true
from troupe_batch.spec_messages import Place
from troupe_batch.studies.script import PlacedMistake
from troupe_batch.studies.world.misfits import misfits, unknown_fact
from troupe_batch.studies.world.seats import SeatRange, SeatSpec, WantedFact


def rule_mistakes(places: Sequence[SeatSpec], facts: Mapping[str, Sequence[object]]) -> list[PlacedMistake]:
    """Where a rule names a fact that nobody has, or asks for what nobody fits."""
    mistakes: list[PlacedMistake] = []
    for number, seat in enumerate(places):
        place = ("seats", number, "where")
        if isinstance(seat.where, str):
            mistakes += _expression_mistakes(place, seat.where, facts)
            continue
        for fact, wanted in seat.where.items():
            if fact not in facts:
                mistakes.append(unknown_fact(place, fact, facts))
            elif not _holds(facts[fact], wanted).any():
                mistakes += misfits(place, fact, facts[fact], wanted)
    return mistakes


def fitting(seat: SeatSpec, facts: Mapping[str, Sequence[object]], people: int) -> Bools:
    """Which people fit the rule of the seat."""
    if isinstance(seat.where, str):
        return _held(seat.where, facts, people)
    fit = np.ones(people, np.bool_)
    for fact, wanted in seat.where.items():
        fit &= _holds(facts[fact], wanted)
    return fit


def _expression_mistakes(place: Place, text: str, facts: Mapping[str, Sequence[object]]) -> Iterator[PlacedMistake]:
    try:
        if not _held(text, facts, 1).any():
            yield place, f"nobody fits `{text}`", "ask for less"
    except BadExpression as error:
        yield place, str(error), error.cure


def _held(text: str, facts: Mapping[str, Sequence[object]], people: int) -> Bools:
    """For whom the expression holds; BadExpression where it does not fit the facts."""
    expression = Expression.parse(text)
    columns = {name: _fact_column(facts[name]) for name in expression.names if name in facts}
    # What is not read needs no column; its kind is there for the cure of a name that does not exist.
    kinds = {name: columns[name][0] if name in columns else Kind("text") for name in facts}
    bound = expression.bind_condition(kinds)
    return bound.values({name: column for name, (_, column) in columns.items()} or {"": np.empty(people)})


def _fact_column(values: Sequence[object]) -> tuple[Kind, npt.NDArray[Any]]:
    """What a fact of people is in expressions, and the column that they read; labels stand in no order."""
    column = np.asarray(values)
    there = [value for value in column.tolist() if value is not None]
    if column.dtype.kind == "b":
        return Kind("truth"), column
    if all(isinstance(value, str) for value in there):
        labels, codes = np.unique(np.array([in_nfc(str(value)) for value in there]), return_inverse=True)
        coded = np.full(len(column), -1, dtype=np.int64)
        coded[[value is not None for value in column.tolist()]] = codes
        return Kind("category", tuple(labels.tolist()), optional=True, is_ranked=False), coded
    if all(_is_number(value) for value in there):
        return Kind("number", integer=column.dtype.kind in "iu", optional=True), column
    # Numbers beside texts, or truths that some people lack.
    return Kind("gappy"), column


def _holds(values: Sequence[object], wanted: WantedFact) -> Bools:
    column = np.asarray(values)
    if isinstance(wanted, SeatRange):
        low = -np.inf if wanted.at_least is None else wanted.at_least
        high = np.inf if wanted.at_most is None else wanted.at_most
        if column.dtype.kind in "iuf":
            return np.asarray((column >= low) & (column <= high))
        return np.array([_is_number(value) and low <= value <= high for value in column.tolist()], np.bool_)
    accepted = wanted if isinstance(wanted, tuple) else (wanted,)
    exactly = _are_among(column, {_known(value) for value in accepted})
    return exactly if exactly.any() else _are_among(column, {one for value in accepted for one in _meant_by(value)})


def _are_among(column: npt.NDArray[Any], accepted: AbstractSet[tuple[str, object]]) -> Bools:
    if column.dtype.kind in "iufbU":
        # Few categories for many people: compare each of them once.
        categories, of = np.unique(column, return_inverse=True)
        return np.array([_known(value) in accepted for value in categories.tolist()], np.bool_)[of]
    return np.array([_known(value) in accepted for value in column.tolist()], np.bool_)


def _known(value: object) -> tuple[str, object]:
    return sort_of(value), in_nfc(value) if isinstance(value, str) else value


def _meant_by(wanted: object) -> Iterator[tuple[str, object]]:
    """What else a value of a file may stand for: a number is also a category of that name, and `yes` is also true."""
    if _is_number(wanted):
        yield "str", as_written(wanted)
    elif isinstance(wanted, str) and wanted.casefold() in ("yes", "on", "no", "off"):
        yield "truth", is_true(wanted)


def sort_of(value: Any) -> str:
    """1 equals True in Python but not in a file."""
    if isinstance(value, bool):
        return "truth"
    return "number" if isinstance(value, int | float) else type(value).__name__


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
