"""Who takes part in which case."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class OnePersonEach:
    """Each person is a case of their own, as in surveys and interviews."""

    cases: int

    def members(self, case: int) -> tuple[int, ...]:
        """The person whose number is that of the case."""
        return (case,)
