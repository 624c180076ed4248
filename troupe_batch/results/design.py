"""Design of a dataset: how its observations hang together, and what may be said of figures from them.

The one place that decides it: who gives an interval or a test asks here first.
"""

from __future__ import annotations

from dataclasses import dataclass

from troupe_batch.results.manifest import Manifest, Provenance
from troupe_batch.studies.study import Draws

NOT_INDEPENDENT = "not_independent"
REPLICATES = "replicates"


@dataclass(frozen=True, slots=True)
class Design:
    """Design of a dataset: what ties its answers together, by its manifest; `is_weighted`: strata are oversampled."""

    made_by: Provenance
    is_weighted: bool = False

    @classmethod
    def of(cls, manifest: Manifest, *, is_weighted: bool = False) -> Design:
        """The design of a dataset."""
        return cls(manifest.provenance, is_weighted)

    @property
    def why_no_interval(self) -> str | None:
        """Why nobody knows how wide an interval would have to be; None where people are drawn one by one.

        Replicates and weights are no such reason: intervals count a person once, and what their weights leave of them.
        """
        made_by = self.made_by
        if made_by.draws != Draws.INDEPENDENT:
            return "people with equal prompts share one reply (`draws: shared`), so people count more than was asked"
        if made_by.seats > 1:
            return f"people answered in groups of {made_by.seats}, and the answers of a group hang together"
        if made_by.records is not None and made_by.people > made_by.records:
            return (
                f"{made_by.people:,} people are copies of records that are worth {made_by.records:,.0f} of equal weight"
            )
        return None

    @property
    def why_not_independent(self) -> str | None:
        """Why a test that takes every answer as a draw of its own would be wrong and what to do; None where it fits."""
        if (why := self.why_no_interval) is not None:
            return f"{why}; no test for this design is here yet. Compare the shares and means of the result tables"
        if self.is_weighted:
            return (
                "strata are oversampled, and people carry design weights that no test here takes into account; "
                "compare the weighted shares and means of the result tables, or arms within one stratum"
            )
        return None

    def as_attributes(self) -> dict[str, str | int]:
        """The same as attributes of a pandas table (`DataFrame.attrs`), for `compare_arms`; empty where nothing is."""
        attributes: dict[str, str | int] = {}
        if (why := self.why_not_independent) is not None:
            attributes[NOT_INDEPENDENT] = why
        if self.made_by.replicates > 1:
            attributes[REPLICATES] = self.made_by.replicates
        return attributes
