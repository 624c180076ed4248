"""Shares as probabilities, with the file's own rule for what they must sum to."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from troupe_batch.arrays import Floats
from troupe_batch.population.dimensions import ShareUnit

# Sums are checked to this relative tolerance: enough for 1/3 written with seven digits, not for a rounded percent.
TOLERANCE = 1e-6


class BadShares(ValueError):
    """Numbers are no distribution; `label` is the category at fault, None for all together."""

    def __init__(self, problem: str, cure: str, label: str | None = None) -> None:
        self.cure = cure
        self.label = label
        super().__init__(problem)


def normalised(shares: Mapping[str, float], labels: list[str], *, unit: ShareUnit, on_sum: str) -> Floats:
    """Probabilities in the order of `labels`, summing to 1; a label that `shares` lacks has probability 0.

    `on_sum` is `error`, `renormalize` or `residual:<category>`; counts are always divided by their sum.
    """
    if not shares:
        raise BadShares("there is no category here", "write at least one")
    for label, share in shares.items():
        if share < 0:
            raise BadShares(f"{share:g} is negative", "shares are 0 or more", label)
    whole = {ShareUnit.SHARE: 1.0, ShareUnit.PERCENT: 100.0, ShareUnit.COUNT: None}[unit]
    vector = np.array([shares.get(label, 0.0) for label in labels])
    if whole is not None and on_sum.startswith("residual:"):
        vector = _with_residual(vector, labels, on_sum.removeprefix("residual:"), whole, shares)
    total = float(vector.sum())
    if not 0 < total < float("inf"):
        raise BadShares(f"the numbers sum to {total:g}", "let at least one be above 0, and none absurdly large")
    if whole is not None and on_sum == "error" and abs(total - whole) > TOLERANCE * whole:
        raise wrong_sum(total, whole)
    return np.asarray(vector / total)


def _with_residual(
    vector: Floats, labels: list[str], residual: str, whole: float, shares: Mapping[str, float]
) -> Floats:
    if residual in shares:
        raise BadShares(
            f"{residual!r} has a share, yet `on_sum` makes it the residual", "remove one of the two", residual
        )
    rest = whole - float(vector.sum())
    if rest < -TOLERANCE * whole:
        raise BadShares(f"the others sum to {whole - rest:g}, which leaves nothing for {residual!r}", "lower them")
    vector[labels.index(residual)] = max(rest, 0.0)
    return vector


def wrong_sum(total: float, whole: float, *, joint: bool = False) -> BadShares:
    """That the numbers have a wrong sum, and what to do; `joint`: they are the cells of a control."""
    if whole == 1.0 and abs(total - 100) < 5:
        cure = "these look like percents: write `unit: percent`"
    elif whole == 100.0 and abs(total - 1) < 0.05:
        cure = "these look like shares: write `unit: share`"
    elif abs(total - whole) <= 0.02 * whole:
        cure = "if that is the source's rounding, write `on_sum: renormalize`; else correct them"
    elif joint:
        cure = "correct them, or write `unit: count` if they are counts"
    else:
        cure = "correct them, write `unit: count` if they are counts, or `on_sum: residual:<category>` for a remainder"
    return BadShares(f"the {'cells' if joint else 'numbers'} sum to {total:.10g}, not {whole:g}", cure)
