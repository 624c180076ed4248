"""Experimental arms: which one a person sees."""

from __future__ import annotations

from collections.abc import Sequence

from troupe_batch.seeded import bits, shuffled, stream


class ArmAssignment:
    """Arms in seeded random blocks: of the first n people, for every n, the counts differ by at most one.

    Permuted-block randomisation with one block as long as there are arms; the arm of person n needs no other person.
    """

    def __init__(self, arm_ids: Sequence[str], seed: int) -> None:
        self._arm_ids = tuple(arm_ids)
        self._key = stream(seed, "arm")

    def arm_of(self, case: int) -> str | None:
        """The arm of the case (a person, or a world); None where there are no arms."""
        if not self._arm_ids:
            return None
        block, place = divmod(case, len(self._arm_ids))
        return shuffled(self._arm_ids, bits(self._key, block))[place]
