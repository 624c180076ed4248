"""Contents of a run: what its units leave behind, and which rows of tables are planned for some of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from troupe_batch.arrays import Bools, Ints
from troupe_batch.studies.study import ExtractionInfo, StudyDesign


@dataclass(frozen=True)
class Contents:
    """Contents that the units of a run leave behind: what their study states, and what else its tables depend on.

    `has_events`: people act, and each of their acts is on record. `may_be_quiet`: there may be units in which nobody
    does, as in studies written in Python.
    """

    design: StudyDesign
    has_events: bool = False
    may_be_quiet: bool = False

    def targets_of(self, extraction: ExtractionInfo) -> tuple[int | None, ...]:
        """What the extraction is made from in each unit: every seat, or (None) the world as a whole."""
        return tuple(range(self.design.seats)) if extraction.is_per_person else (None,)


@dataclass(frozen=True)
class Planned:
    """Rows that some units of a run are to leave behind.

    `members` are the people of the units' cases, a row per case and a column per seat; `newcomers` those whose first
    unit is among them, in the order in which they stand. `is_run`: which of the units were run to their end.
    """

    contents: Contents
    units: range
    replicates: int
    members: Ints
    newcomers: Ints
    is_run: Bools
    unit_id: Callable[[int], str]

    @property
    def seat_column(self) -> list[str]:
        """The column that says which seat a row is about, where there are several."""
        return ["seat"] if self.contents.design.seats > 1 else []

    def seats_of(self, rows: pa.Table) -> Ints:
        """The seat of each row; 0 where units are single people, -1 where a row is about a whole world."""
        if self.contents.design.seats == 1:
            return np.asarray(pc.is_valid(rows["person_index"]).to_numpy(), np.int64) - 1
        return np.asarray(pc.fill_null(rows["seat"], -1).to_numpy(), np.int64)

    def units_of(self, rows: pa.Table) -> Ints:
        """The place of each row's unit among these; -1 where it is none of them."""
        units = rows["unit_index"].to_numpy()
        is_one = (units >= self.units.start) & (units < self.units.stop)
        return np.where(is_one, units - self.units.start, -1)

    def seated(self, rows: pa.Table) -> Ints:
        """Unit * seats + seat of each row; -1 where that unit does not have that person in that seat."""
        units, seats = self.units_of(rows), self.seats_of(rows)
        people = pc.fill_null(rows["person_index"], -1).to_numpy()
        is_one = (units >= 0) & (seats >= 0) & (seats < self.contents.design.seats)
        first_case = self.units.start // self.replicates
        cases = np.where(is_one, (units + self.units.start) // self.replicates - first_case, 0)
        is_right = is_one & (self.members[cases, np.where(is_one, seats, 0)] == people)
        return np.where(is_right, units * self.contents.design.seats + seats, -1)

    def name(self, place: int, seat: int | None = None) -> str:
        """What to call the unit at this place, with the seat where there are several."""
        unit = f"unit {self.unit_id(self.units.start + place)}"
        return unit if seat is None or self.contents.design.seats == 1 else f"{unit}, seat {seat}"
