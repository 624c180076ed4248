"""Shares as a file states them, before anything is compiled, and labels that only some rows of a table have."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import get_close_matches

from troupe_batch.population.dimensions import (
    Categorical,
    Dimension,
    Distributed,
    FromRecords,
    NumericDimension,
    Row,
    TextPool,
)
from troupe_batch.population.margins import Level, PopulationFinding

_MOST_NAMED = 5
_NEAR = 0.75


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


def labels_of_some_rows(place: str, dimension: Dimension) -> Iterator[PopulationFinding]:
    """A warning for each label that looks like a commoner one misspelt, and a note on the others that rows lack.

    `categories` says that all of its labels are meant, so that there is nothing to find.
    """
    if not isinstance(dimension, Categorical) or dimension.categories is not None or len(dimension.rows) < 2:
        return
    rows: dict[str, list[Row]] = {}
    for row in dimension.rows:
        for label in row.values:
            rows.setdefault(label, []).append(row)
    some = [label for label, own in rows.items() if len(own) < len(dimension.rows)]
    misspelt = {label: near for label in some if (near := _commoner(label, rows)) is not None}
    for label, near in misspelt.items():
        own = rows[label]
        when = ", ".join(f"{key}={value}" for key, value in own[0].when.items()) or "*"
        where = "only here" if len(own) == 1 else f"in {len(own):,} of {len(dimension.rows):,} rows only, such as this"
        cure = f"did you mean {near!r}? If not, list both in `categories`"
        yield PopulationFinding(Level.WARNING, f"{place}.table", f"row {when}: {label!r} occurs {where}", cure)
    others = [label for label in some if label not in misspelt and label not in misspelt.values()]
    if others:
        named = ", ".join(repr(label) for label in others[:_MOST_NAMED])
        more = f" and {len(others) - _MOST_NAMED:,} more" if len(others) > _MOST_NAMED else ""
        cure = "list all in `categories`, so that a misspelt one is found, or write a share of 0"
        yield PopulationFinding(
            Level.NOTE, f"{place}.table", f"some rows lack {named}{more}, and count as 0 there", cure
        )


def _commoner(label: str, rows: dict[str, list[Row]]) -> str | None:
    """A near label that more rows have, none of which has both: the two never stand beside each other."""
    beside = {other for row in rows[label] for other in row.values}
    candidates = {
        other.casefold(): other for other, own in rows.items() if len(own) > len(rows[label]) and other not in beside
    }
    near = get_close_matches(label.casefold(), list(candidates), n=1, cutoff=_NEAR)
    return candidates[near[0]] if near else None
