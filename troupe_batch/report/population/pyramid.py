"""Age by sex among drawn people, for the chart that everyone knows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from troupe_batch.arrays import Ints
from troupe_batch.population.facts.names import gender_of

_SEXES = ("sex", "gender")
_MOST_BANDS = 30


@dataclass(frozen=True, slots=True)
class Pyramid:
    """People of two sexes by age band, youngest first; `others` are in neither column."""

    age: str
    sex: str
    sides: tuple[str, str]
    bands: tuple[str, ...]
    counts: tuple[tuple[int, ...], tuple[int, ...]]
    others: int


def pyramid_of(columns: Mapping[str, npt.NDArray[Any]], bands_of: Mapping[str, tuple[str, ...]]) -> Pyramid | None:
    """The pyramid of the first columns that are ages and sexes; None where there is no such pair.

    `bands_of` has the order of the categories of each dimension that has some.
    """
    sex, sides = _sexes(columns)
    if sex is None or sides is None:
        return None
    for name, column in columns.items():
        banded = _bands(column, bands_of.get(name, ())) if _is_age(name) else None
        if banded is not None:
            bands, places = banded
            counts = [np.bincount(places[columns[sex] == side], minlength=len(bands)).tolist() for side in sides]
            others = len(column) - sum(map(sum, counts))
            return Pyramid(name, sex, sides, bands, (tuple(counts[0]), tuple(counts[1])), others)
    return None


def _is_age(name: str) -> bool:
    return "age" in name.lower().split("_")


def _sexes(columns: Mapping[str, npt.NDArray[Any]]) -> tuple[str | None, tuple[str, str] | None]:
    for name, column in columns.items():
        if not any(word in name.lower().split("_") for word in _SEXES) or column.dtype.kind != "O":
            continue
        labels = {gender: label for label in dict.fromkeys(column.tolist()) if (gender := gender_of(label))}
        if len(labels) == 2:
            return name, (labels[min(labels)], labels[max(labels)])
    return None, None


def _bands(column: npt.NDArray[Any], categories: tuple[str, ...]) -> tuple[tuple[str, ...], Ints] | None:
    """Labels of the bands and the band of each person: of five years where ages are numbers."""
    if column.dtype.kind not in "if":
        codes = {label: code for code, label in enumerate(categories)}
        if not 1 < len(codes) <= _MOST_BANDS or any(value not in codes for value in dict.fromkeys(column.tolist())):
            return None
        return tuple(codes), np.fromiter((codes[value] for value in column.tolist()), np.int64, len(column))
    width = 5 if column.max() - column.min() >= 20 else 1
    places = np.floor(column / width).astype(np.int64)
    first = int(places.min())
    last = int(places.max())
    if last - first >= _MOST_BANDS:
        return None
    starts = [place * width for place in range(first, last + 1)]
    labels = tuple(f"{start}" if width == 1 else f"{start}-{start + width - 1}" for start in starts)
    return labels, places - first
