"""The categories of a dimension and their shares as its file states them, before anything is compiled."""

from __future__ import annotations

from collections.abc import Mapping

from troupe_batch.population.dimensions import (
    Categorical,
    Dimension,
    Distributed,
    FromRecords,
    NumericDimension,
    TextPool,
)


def categories_of(dimension: Dimension) -> list[str]:
    """The labels of a dimension in the order of the file; none for a distribution and for texts."""
    if isinstance(dimension, TextPool):
        return []
    if isinstance(dimension, FromRecords):
        missing = [dimension.missing_category] if dimension.missing_category else []
        return list(dimension.bins) or list(dict.fromkeys([*dimension.labels.values(), *missing]))
    written = [label for _, shares in stated_groups(dimension) for label in shares]
    listed = (dimension.categories or ()) if isinstance(dimension, Categorical) else ()
    residual = dimension.on_sum.removeprefix("residual:") if dimension.on_sum.startswith("residual:") else None
    return list(dict.fromkeys([*listed, *written, *([residual] if residual else [])]))


def stated_groups(dimension: Distributed) -> list[tuple[str, Mapping[str, float]]]:
    """Every list of shares of a dimension, with what it is given as text; none for a distribution."""
    if isinstance(dimension, NumericDimension) and dimension.dist is not None:
        return []
    shares = dimension.values if isinstance(dimension, Categorical) else dimension.bins
    if shares is not None:
        return [("", shares)]
    return [(", ".join(f"{k}={v}" for k, v in row.when.items()) or "*", row.values) for row in dimension.rows]


def without_share(dimension: Dimension) -> list[str]:
    """The categories that the file gives a share of 0, whatever they depend on."""
    if not isinstance(dimension, Distributed) or dimension.on_sum.startswith("residual:"):
        return []
    groups = stated_groups(dimension)
    labels = categories_of(dimension) if groups else []
    return [label for label in labels if all(shares.get(label, 0) == 0 for _, shares in groups)]
