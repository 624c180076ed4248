"""Tables whose cells are coloured by a value: deviations of joint margins, and what goes together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from troupe_batch.report.population.associations import Associations, FactPair
from troupe_batch.report.population.data import ControlReport, TargetRow
from troupe_batch.report.population.numbers import percent, points

_MOST_COLUMNS, _MOST_ROWS = 24, 80


@dataclass(frozen=True, slots=True)
class HeatCell:
    """Cell: what it says, how strongly it is coloured (0 to 100) and in which colour: `over`, `under` or `tie`."""

    text: str
    strength: int = 0
    colour: str = ""
    told: str = ""


@dataclass(frozen=True, slots=True)
class HeatMap:
    """Rows of cells under headings; each row begins with its own."""

    corner: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[HeatCell, ...]], ...]


def deviations(control: ControlReport) -> HeatMap | None:
    """Realised percents, coloured by how much of the allowed error each uses; None where a table says it better."""
    if len(control.dims) < 2 or len(control.cells.rows) < control.cells.count:
        return None
    by_labels = {row.labels: row for row in control.cells.rows}
    columns = control.axes[-1]
    heads = list(dict.fromkeys(row.labels[:-1] for row in control.cells.rows))
    if len(columns) > _MOST_COLUMNS or len(heads) > _MOST_ROWS:
        return None
    rows = [(" / ".join(head), tuple(_deviation(by_labels.get((*head, c))) for c in columns)) for head in heads]
    return HeatMap(f"{' / '.join(control.dims[:-1])} by {control.dims[-1]}", columns, tuple(rows))


def _deviation(row: TargetRow | None) -> HeatCell:
    if row is None:
        return HeatCell("")
    used = abs(row.error_pp) / 100 / row.allowed if row.allowed > 0 else 0.0
    told = f"{row.label}: target {percent(row.target)} %, realised {percent(row.realised)} %, {points(row.error_pp)} pp"
    return HeatCell(percent(row.realised), round(70 * min(used, 1.0)), "over" if row.error_pp > 0 else "under", told)


def ties(associations: Associations) -> HeatMap:
    """Cramér's V of every pair, each once."""
    names = associations.names
    rows = []
    for i, name in enumerate(names[1:], start=1):
        cells = [_tie(associations.of(other, name)) for other in names[:i]]
        rows.append((name, (*cells, *(HeatCell("") for _ in range(len(names) - 1 - i)))))
    return HeatMap("", names[:-1], tuple(rows))


def _tie(pair: FactPair) -> HeatCell:
    value = pair.value
    shown = f"{value:.2f}".lstrip("0") if value < 0.995 else "1"
    told = f"{pair.one} and {pair.other}: {value:.2f}"
    if pair.expected is not None:
        told += f", expected {pair.expected:.2f}"
    if pair.is_off:
        return HeatCell(f"{'0' if value < 0.005 else shown} !", 85, "over", told)
    return HeatCell("0" if value < 0.005 else shown, round(85 * value), "tie", told)


def strongest(associations: Associations, most: int = 8) -> Sequence[FactPair]:
    """The pairs that differ from what is expected, then those that go together most, without the unrelated."""
    return [pair for pair in associations.strongest[:most] if pair.value >= 0.01 or pair.is_off]
