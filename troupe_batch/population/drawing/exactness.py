"""Targets that `exact: true` asks for and that could not be met."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from troupe_batch.population.drawing.targets import Targets
from troupe_batch.population.margins import ControlCell, Level, Margin, PopulationFinding

_CURE = "merge small categories, ease the controls and constraints that tie them together, or have more people"


def unmet(margins: Sequence[Margin], cells: Sequence[ControlCell], targets: Targets) -> Iterator[PopulationFinding]:
    """Every dimension of the whole population without its exact counts, and every control off by a person or more."""
    for name, group in groupby(margins, key=lambda margin: margin.dimension):
        if (counts := targets.exact_counts(name)) is not None:
            pairs = [(m.category, m.realised_count, want) for m, want in zip(group, counts.tolist(), strict=True)]
            yield from _finding(f"dimensions.{name}", [pair for pair in pairs if pair[1] != pair[2]])
    for dims, of_control in groupby(cells, key=lambda cell: cell.dims):
        rows = list(of_control)
        people = sum(row.realised_count for row in rows)
        triples = [(" / ".join(row.categories), row.realised_count, row.target * people) for row in rows]
        yield from _finding(f"controls ({', '.join(dims)})", [row for row in triples if abs(row[1] - row[2]) >= 1])


def _finding(place: str, missed: Sequence[tuple[str, int, float]]) -> Iterator[PopulationFinding]:
    if missed:
        category, found, wanted = max(missed, key=lambda row: abs(row[1] - row[2]))
        more = f", and {len(missed) - 1} more are off" if len(missed) > 1 else ""
        problem = f"could not be met to the person: {category} has {found} people, not {wanted:.10g}{more}"
        yield PopulationFinding(Level.WARNING, place, problem, _CURE)
