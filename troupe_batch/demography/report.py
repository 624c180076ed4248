"""Report on every value of a demography: taken, repaired, used as a check, or left out, each with its place."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from troupe_batch.population.margins import PopulationFinding

_WIDTH = 110


class ValueOutcome(StrEnum):
    """Outcome of a value: what became of it."""

    TAKEN = "taken as it stands"
    REPAIRED = "repaired"
    USED = "used otherwise"
    LEFT_OUT = "left out"


@dataclass(frozen=True, slots=True)
class Entry:
    """One or more values that stand together, what they say, and what was made of them.

    `places` has one place for each value; `place` is the one that they share. `dimension` is what they became, if
    they became any.
    """

    outcome: ValueOutcome
    place: str
    places: tuple[str, ...]
    found: str
    said: str
    dimension: str | None = None


@dataclass(frozen=True, slots=True)
class CompilingReport:
    """Everything that was found in a demography, in the order of the file, and what to know about the result."""

    title: str
    entries: tuple[Entry, ...]
    findings: tuple[PopulationFinding, ...]
    dimensions: tuple[str, ...]

    def of(self, outcome: ValueOutcome) -> tuple[Entry, ...]:
        """The entries that ended in this way."""
        return tuple(entry for entry in self.entries if entry.outcome is outcome)

    def values(self, outcome: ValueOutcome) -> int:
        """How many values ended in this way."""
        return sum(len(entry.places) for entry in self.of(outcome))

    def to_json(self) -> dict[str, Any]:
        """The report as plain JSON data."""
        return {
            "title": self.title,
            "dimensions": list(self.dimensions),
            "values": {outcome: self.values(outcome) for outcome in ValueOutcome},
            "entries": [
                {"outcome": e.outcome, "place": e.place, "places": list(e.places), "found": e.found}
                | {"said": e.said, "dimension": e.dimension}
                for e in self.entries
            ],
            "findings": [
                {"level": f.level, "place": f.place, "problem": f.problem, "cure": f.cure} for f in self.findings
            ],
        }

    def __str__(self) -> str:
        counts = ", ".join(f"{self.values(outcome)} {outcome}" for outcome in ValueOutcome)
        lines = [self.title, f"dimensions: {len(self.dimensions)}; values of the file: {counts}"]
        for outcome in ValueOutcome:
            if entries := self.of(outcome):
                lines += ["", f"{outcome.upper()}"]
                lines += [line for entry in entries for line in _entry_lines(entry)]
        if self.findings:
            lines += ["", "TO KNOW"]
            lines += [line for finding in self.findings for line in _wrapped(_finding_text(finding), "- ")]
        return "\n".join(lines) + "\n"


def _finding_text(finding: PopulationFinding) -> str:
    return f"{finding.level}: {finding.place}: {finding.problem}" + (f"; {finding.cure}" if finding.cure else "")


def _entry_lines(entry: Entry) -> list[str]:
    arrow = f" -> {entry.dimension}" if entry.dimension else ""
    if not entry.said and len(short := f"  {entry.place}: {entry.found}{arrow}") <= _WIDTH:
        return [short]
    return [
        f"  {entry.place}{arrow}",
        *_wrapped(entry.found, "      found  "),
        *(_wrapped(entry.said, "      why    " if entry.outcome is ValueOutcome.LEFT_OUT else "      made   ")),
    ]


def _wrapped(text: str, start: str) -> Sequence[str]:
    return textwrap.wrap(text, _WIDTH, initial_indent=start, subsequent_indent=" " * len(start)) if text else []
