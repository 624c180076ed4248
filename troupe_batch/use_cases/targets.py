"""Targets of a population file for each dimension, and in which of its categories people are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import groupby, pairwise

import numpy as np

from troupe_batch.arrays import Floats
from troupe_batch.population.curves import BadBin, Bin, read_bins
from troupe_batch.population.dimensions import FromRecords, NumericDimension
from troupe_batch.population.margins import DESIGN_COLUMNS, DesignEffect, Margin
from troupe_batch.population.spec import PopulationSpec


def targets_in(
    spec: PopulationSpec, margins: Sequence[Margin], columns: Mapping[str, Sequence[object]]
) -> Mapping[str, tuple[Sequence[Margin], Sequence[object]]]:
    """Dimension -> its margins, and the category of each person, who are given as columns of facts.

    Without dimensions that have no categories: of a distribution there are quarters, which no fact tells.
    """
    found = {}
    for name, group in groupby(margins, key=lambda margin: margin.dimension):
        of_dimension = list(group)
        if name in columns and (categories := _categories(spec, of_dimension, columns[name])) is not None:
            found[name] = (of_dimension, categories)
    return found


def recounted(spec: PopulationSpec, margins: Sequence[Margin], columns: Mapping[str, Sequence[object]]) -> list[Margin]:
    """The margins with what these people have of each category; those that cannot be told from facts left out."""
    weights = _weights(spec, columns)
    weight_of_all = float(weights.sum())
    counted = []
    for of_dimension, categories in targets_in(spec, margins, columns).values():
        counts, n = Counter(categories), max(1, len(categories))
        weighted: Counter[object] = Counter()
        for category, weight in zip(categories, weights, strict=False):
            weighted[category] += weight
        counted += [
            replace(
                one,
                realised_count=counts[one.category],
                realised_share=counts[one.category] / n,
                weighted_share=float(weighted[one.category]) / weight_of_all if weight_of_all else None,
            )
            for one in of_dimension
        ]
    return counted


def weighted_effect(spec: PopulationSpec, columns: Mapping[str, Sequence[object]], people: int) -> DesignEffect:
    """What the design weights among these columns of facts cost (Kish 1965); nothing where there are no strata."""
    weights = _weights(spec, columns)
    return DesignEffect.of(people, float(weights.sum()), float((weights**2).sum()))


def _weights(spec: PopulationSpec, columns: Mapping[str, Sequence[object]]) -> Floats:
    """The design weight of each person; empty where there are no strata."""
    return np.array(columns[DESIGN_COLUMNS[0]] if spec.strata is not None else (), dtype=np.float64)


def bins_in(spec: PopulationSpec) -> Mapping[str, Sequence[Bin]]:
    """Dimension -> its bins, the lowest first, where they follow each other without a gap."""
    found = {}
    for name, dimension in spec.dimensions.items():
        if isinstance(dimension, NumericDimension | FromRecords) and (labels := _bin_labels(dimension)):
            bins = sorted(read_bins(labels, integer=dimension.integer), key=lambda one: one.low)
            if all(lower.high == upper.low for lower, upper in pairwise(bins)):
                found[name] = bins
    return found


def edges_of(bins: Sequence[Bin]) -> Sequence[float]:
    """The ends of bins that follow each other, for a count to which the uppermost end belongs."""
    return [*(one.low for one in bins), float(np.nextafter(bins[-1].high, bins[-1].low))]


def _bin_labels(dimension: NumericDimension | FromRecords) -> list[str]:
    if isinstance(dimension, NumericDimension) and dimension.rows and dimension.dist is None:
        return list(dict.fromkeys(label for row in dimension.rows for label in row.values))
    return list(dimension.bins or ())


def _categories(spec: PopulationSpec, margins: Sequence[Margin], values: Sequence[object]) -> Sequence[object] | None:
    dimension = spec.dimensions.get(margins[0].dimension)
    if not isinstance(dimension, NumericDimension):
        return values
    try:
        bins = sorted(
            read_bins([margin.category for margin in margins], integer=dimension.integer), key=lambda one: one.low
        )
    except BadBin:
        return None
    numbers = np.asarray(values, dtype=np.float64)
    places = np.searchsorted([one.low for one in bins], numbers, side="right") - 1
    is_inside = (places >= 0) & (numbers < np.array([one.high for one in bins])[places])
    labels = np.array([*(one.label for one in bins), None], dtype=object)
    return list(labels[np.where(is_inside, places, -1)])
