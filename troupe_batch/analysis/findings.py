"""Result tables per extraction, from the stored `extractions`: what was found, and how often.

Findings of one world hang together, so no intervals are given: they would be too narrow.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from troupe_batch.analysis.events import simulated_units
from troupe_batch.analysis.tables import Figures, Share
from troupe_batch.results.dataset import Dataset
from troupe_batch.results.tables.extractions import field_column
from troupe_batch.studies.study import ExtractionInfo, FieldInfo, FieldType, FindingStatus

_EXAMPLES = 5
_NUMBERS = (FieldType.NUMBER, FieldType.INTEGER)


@dataclass(frozen=True, slots=True)
class FieldColumn:
    """The values of one field: `n` findings have one. Shares are of these n; a text has neither shares nor figures."""

    field: FieldInfo
    n: int
    shares: tuple[Share, ...] = ()
    figures: Figures | None = None


@dataclass(frozen=True, slots=True)
class FindingColumn:
    """Column of what was found in one arm; `arm` None is all together.

    `targets` are the people or worlds that were looked at, whatever came of it; `findings` what was found in all of
    them; `absences` (status -> number of people or worlds) how the others ended: `none_found`, and also those of a run
    that was stopped or failed before anybody looked.
    """

    arm: str | None
    targets: int
    findings: int
    absences: dict[str, int]
    fields: tuple[FieldColumn, ...]


@dataclass(frozen=True, slots=True)
class FindingTable:
    """One extraction's results: all together first, then each arm; `examples` are the first findings, by field."""

    extraction: ExtractionInfo
    columns: tuple[FindingColumn, ...]
    examples: tuple[dict[str, Any], ...]

    @property
    def total(self) -> FindingColumn:
        """All together."""
        return self.columns[0]

    def as_json(self) -> dict[str, Any]:
        """The table as JSON values: every field by its name, shares between 0 and 1, labelled synthetic."""
        return {"synthetic": True, **asdict(self)}


def finding_tables(dataset: Dataset) -> list[FindingTable]:
    """A table per extraction, in the order of the extractions; none for a study that extracts nothing."""
    return [finding_table(dataset, extraction) for extraction in dataset.manifest.extractions]


def finding_table(dataset: Dataset, extraction: ExtractionInfo) -> FindingTable:
    """The results of one extraction, by arm where there are arms."""
    names = {info.id: field_column(info.id) for info in extraction.fields}
    rows = dataset.arrow("extractions", ["unit_id", "extraction", "arm", "status", "number", *names.values()])
    rows = _with_looks(rows.filter(pc.equal(rows["extraction"].cast(pa.string()), extraction.id)), dataset)
    arms = sorted(arm for arm in pc.unique(rows["arm"]).to_pylist() if arm is not None)
    columns = [_column(extraction, rows, None)]
    columns += [_column(extraction, rows.filter(pc.equal(rows["arm"], arm)), arm) for arm in arms]
    first = _found(rows).select(list(names.values())).slice(0, _EXAMPLES).rename_columns(list(names))
    return FindingTable(extraction, tuple(columns), tuple(first.to_pylist()))


def _column(extraction: ExtractionInfo, rows: pa.Table, arm: str | None) -> FindingColumn:
    found = _found(rows)
    statuses = {one["values"]: one["counts"] for one in pc.value_counts(rows["status"].cast(pa.string())).to_pylist()}
    absences = {str(s): statuses[s] for s in FindingStatus if s is not FindingStatus.FOUND and s in statuses}
    return FindingColumn(
        arm=arm,
        targets=pc.sum(rows["is_look"]).as_py() or 0,
        findings=found.num_rows,
        absences=absences,
        fields=tuple(_field(info, found[field_column(info.id)]) for info in extraction.fields),
    )


def _with_looks(rows: pa.Table, dataset: Dataset) -> pa.Table:
    """The rows with `is_look`: whether it is the first row of somebody, or of a world, that was looked at."""
    # Every target has a first row: its finding 0, or the one that says why there is none.
    is_first = pc.equal(pc.fill_null(rows["number"], 0), 0)
    is_look = pc.and_(is_first, pc.not_equal(rows["status"].cast(pa.string()), FindingStatus.NOT_RUN))
    if not dataset.manifest.is_complete and "events" in dataset.tables:
        was_simulated = pc.is_in(rows["unit_id"].cast(pa.string()), value_set=simulated_units(dataset))
        is_look = pc.and_(is_look, was_simulated)
    return rows.append_column("is_look", is_look)


def _found(rows: pa.Table) -> pa.Table:
    return rows.filter(pc.equal(rows["status"].cast(pa.string()), FindingStatus.FOUND))


def _field(info: FieldInfo, values: pa.ChunkedArray) -> FieldColumn:
    values = values.drop_null()
    n = len(values)
    if info.type in _NUMBERS:
        return FieldColumn(info, n, figures=_field_figures(values.to_numpy()))
    return FieldColumn(info, n, shares=tuple(_shares(info, values, n)))


def _shares(info: FieldInfo, values: pa.ChunkedArray, n: int) -> Iterator[Share]:
    """One per label of a category, yes and no for a truth; none for texts."""
    labels = {FieldType.CATEGORY: info.labels, FieldType.YES_NO: ("yes", "no")}.get(info.type, ())
    if info.type is FieldType.YES_NO:
        values = pc.if_else(values, "yes", "no")
    counts = {one["values"]: one["counts"] for one in pc.value_counts(values.cast(pa.string())).to_pylist()}
    for label in labels:
        count = counts.get(label, 0)
        yield Share(label, None, count, count / n if n else None, None)


def _field_figures(values: np.ndarray[Any, Any]) -> Figures:
    n = len(values)
    if not n:
        return Figures(0)
    return Figures(
        n=n,
        mean=float(np.mean(values)),
        sd=float(np.std(values, ddof=1)) if n > 1 else None,
        median=float(np.median(values)),
        lowest=float(np.min(values)),
        highest=float(np.max(values)),
    )
