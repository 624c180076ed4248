"""Counts findings and events against what was planned: they stand in order and are numbered without a gap."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from troupe_batch.results.ledger import StatusCounts
from troupe_batch.results.recount import Places, Recount, add_counts, any_valid, index_of
from troupe_batch.results.run import Run
from troupe_batch.results.tables.events import ACT_FAILED
from troupe_batch.results.tables.extractions import field_column, fields_of
from troupe_batch.simulation.record.actions import ActionKind
from troupe_batch.simulation.record.events import EventKind
from troupe_batch.studies.study import FindingStatus


class FindingRecount(Recount):
    """One row or more per unit, extraction and target; findings numbered from 0 on, values only where found.

    Counts the units from `units.start` to `units.stop - 1`.
    """

    table = "extractions"

    def __init__(self, run: Run, units: range) -> None:
        contents = run.contents
        targets = [contents.targets_of(extraction) for extraction in contents.extractions]
        self._names = [(e.id, seat) for e, seats in zip(contents.extractions, targets, strict=True) for seat in seats]
        super().__init__(run, len(units) * len(self._names))
        self.counts: StatusCounts = {}
        self._units = units
        self._ids = [extraction.id for extraction in contents.extractions]
        self._is_many = np.asarray([extraction.is_many for extraction in contents.extractions])
        self._is_per_person = np.asarray([extraction.is_per_person for extraction in contents.extractions])
        self._starts = np.cumsum([0, *(len(seats) for seats in targets)])[:-1]
        self._fields = [field_column(info.id) for info, _ in fields_of(contents.extractions)]
        self._last = (-1, -1)

    @property
    def columns(self) -> list[str]:
        """The columns that it needs to see."""
        seat = ["seat"] if self._run.contents.seats > 1 else []
        return ["unit_id", "unit_index", "person_index", *seat, "extraction", "number", "status", *self._fields]

    def count(self, rows: pa.Table) -> None:
        """Take the next rows of the table, in their order."""
        if not rows.num_rows:
            return
        places = self._places(rows)
        numbers = np.asarray(pc.fill_null(rows["number"], -1).to_numpy(), np.int64)
        is_found = pc.equal(rows["status"].cast(pa.string()), FindingStatus.FOUND)
        is_first = places != np.concatenate([[self._last[0]], places[:-1]])
        before = np.concatenate([[self._last[1]], numbers[:-1]])
        self._last = (int(places[-1]), int(numbers[-1]))
        self._check_numbers(rows, is_first, numbers, before, is_found.to_numpy())
        if self._fields:
            surplus = pc.and_not(any_valid(rows, self._fields), is_found)
            self._note("value_in_absence", "findings have values though nothing was found", surplus, rows, "extraction")
        self._ticks.add(places[is_first | (places < 0)], rows["unit_index"].to_numpy()[is_first | (places < 0)])
        add_counts(self.counts, rows, "extraction")

    def _places(self, rows: pa.Table) -> Places:
        """Unit * targets + target; -1 where there is no such unit, extraction or person in it."""
        units, extractions = rows["unit_index"].to_numpy(), index_of(rows["extraction"], self._ids)
        seats = self._seats(rows)
        is_known = (units >= self._units.start) & (units < self._units.stop) & (extractions >= 0)
        is_known &= (seats >= 0) == self._is_per_person[extractions]
        is_known &= self._sits_there(rows, units, seats, is_known)
        targets = self._starts[extractions] + np.maximum(seats, 0)
        return np.where(is_known, (units - self._units.start) * len(self._names) + targets, -1)

    def _seats(self, rows: pa.Table) -> Places:
        """The seat of each row; -1 for a whole world."""
        if self._run.contents.seats > 1:
            return np.asarray(pc.fill_null(rows["seat"], -1).to_numpy(), np.int64)
        return np.where(pc.is_valid(rows["person_index"]).to_numpy(), 0, -1)

    def _sits_there(
        self, rows: pa.Table, units: Places, seats: Places, is_known: npt.NDArray[np.bool_]
    ) -> npt.NDArray[np.bool_]:
        casting, replicates = self._run.casting, self._run.plan.job.replicates
        people = pc.fill_null(rows["person_index"], -1).to_numpy()
        cases = {unit: casting.members(unit // replicates) for unit in set(units[is_known].tolist())}
        seated = [
            person == (cases[unit][seat] if seat >= 0 else -1) if known and seat < len(cases[unit]) else False
            for unit, seat, person, known in zip(
                units.tolist(), seats.tolist(), people.tolist(), is_known.tolist(), strict=True
            )
        ]
        return np.asarray(seated, np.bool_)

    def _check_numbers(
        self,
        rows: pa.Table,
        is_first: npt.NDArray[np.bool_],
        numbers: Places,
        before: Places,
        is_found: npt.NDArray[np.bool_],
    ) -> None:
        """0, 1, 2 ... for what was found of one target, and no number where nothing was."""
        is_many = self._is_many[index_of(rows["extraction"], self._ids)]
        begins = is_first & np.where(is_found, numbers == 0, numbers == -1)
        goes_on = ~is_first & is_found & is_many & (before >= 0) & (numbers == before + 1)
        wrong = pa.array(~(begins | goes_on))
        self._note("finding_numbers", "findings are not numbered from 0 on without a gap", wrong, rows, "extraction")

    def _name(self, place: int) -> str:
        unit, target = divmod(place, len(self._names))
        extraction, seat = self._names[target]
        name = f"unit {self._run.plan.unit(self._units.start + unit).unit_id}, extraction {extraction}"
        return name if seat is None or self._run.contents.seats == 1 else f"{name}, seat {seat}"


class EventRecount(Recount):
    """The events of each unit, from 0 on without a gap; none for those of `without`, which were not run to the end."""

    table = "events"
    hole = ("no_events", "units have left no event")

    def __init__(self, run: Run, units: range, without: npt.NDArray[np.bool_] | None = None) -> None:
        super().__init__(run, len(units))
        self.events = 0
        self.acts = 0
        self.failed_acts = 0
        self._units = units
        self._without = without
        self._last = (-1, -1)

    @property
    def columns(self) -> list[str]:
        """The columns that it needs to see."""
        return ["unit_id", "unit_index", "order", "kind", "type"]

    def count(self, rows: pa.Table) -> None:
        """Take the next rows of the table, in their order."""
        if not rows.num_rows:
            return
        units, order = rows["unit_index"].to_numpy(), rows["order"].to_numpy().astype(np.int64)
        is_first = units != np.concatenate([[self._last[0]], units[:-1]])
        before = np.concatenate([[self._last[1]], order[:-1]])
        self._last = (int(units[-1]), int(order[-1]))
        wrong = np.where(is_first, order != 0, order != before + 1)
        self._note("event_order", "events do not follow the one before", pa.array(wrong), rows, "order")
        inside = (units >= self._units.start) & (units < self._units.stop)
        self._ticks.add(np.where(inside, units - self._units.start, -1)[is_first], units[is_first])
        self.events += rows.num_rows
        self.acts += pc.sum(pc.equal(rows["type"], ActionKind.DONE)).as_py() or 0
        has_failed = pc.equal(rows["kind"].cast(pa.string()), EventKind.FAILURE)
        self.failed_acts += pc.sum(pc.and_(has_failed, pc.equal(rows["type"], ACT_FAILED))).as_py() or 0

    def _name(self, place: int) -> str:
        return f"unit {self._run.plan.unit(self._units.start + place).unit_id}"

    def _planned(self) -> npt.NDArray[np.bool_]:
        if self._run.contents.may_be_quiet:
            return np.zeros(len(self._units), np.bool_)
        return super()._planned() if self._without is None else ~self._without
