"""Counts rows against what was planned, a portion at a time: each planned row once, and none besides."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from troupe_batch.results.ledger import StatusCounts
from troupe_batch.results.run import Run
from troupe_batch.studies.study import AnswerStatus

MOST_EXAMPLES = 3
VALUES = ("code", "label", "number", "text", "selected", "is_dont_know")
Places = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Problem:
    """One way in which the dataset is not what was planned; `kind` is a fixed word, `examples` name the first few."""

    kind: str
    message: str
    examples: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.message + (f" (for example {', '.join(self.examples)})" if self.examples else "")


@dataclass(slots=True)
class Ticks:
    """How often each planned row was seen, a byte each; rows beside the plan are counted apart."""

    seen: npt.NDArray[np.uint8]
    strangers: int = 0
    examples: list[str] = field(default_factory=list)

    def add(self, places: Places, shown: Places) -> None:
        """Tick the places; one below 0 is no planned row, and `shown` is what to call it."""
        inside = (places >= 0) & (places < len(self.seen))
        if not inside.all():
            self.strangers += int((~inside).sum())
            self.examples += [str(one) for one in shown[~inside][:MOST_EXAMPLES]]
            places = places[inside]
        # Saturating at 2 is enough: once is right, anything more is double.
        once, times = np.unique(places, return_counts=True)
        self.seen[once] = np.minimum(self.seen[once] + np.minimum(times, 2), 2)


class Members:
    """Who sits where in the cases of a run, as numbers of people in one array: a row per case, a column per seat."""

    def __init__(self, run: Run) -> None:
        self._replicates = run.plan.job.replicates
        self.units = run.plan.units
        self.seats = run.contents.seats
        cases = run.plan.cases
        listed = (index for case in range(cases) for index in run.casting.members(case))
        self.people: Places = np.fromiter(listed, np.int64, cases * self.seats).reshape(cases, self.seats)

    def seats_of(self, rows: pa.Table) -> Places:
        """The seat of each row; 0 where units are single people, or a row is about a whole world."""
        if self.seats == 1:
            return np.zeros(rows.num_rows, np.int64)
        return np.asarray(pc.fill_null(rows["seat"], 0).to_numpy(), np.int64)

    def places(self, rows: pa.Table) -> Places:
        """Unit * seats + seat of each row; -1 where that unit does not have that person in that seat."""
        units, seats = rows["unit_index"].to_numpy(), self.seats_of(rows)
        people = pc.fill_null(rows["person_index"], -1).to_numpy()
        inside = (units >= 0) & (units < self.units) & (seats >= 0) & (seats < self.seats)
        cases = np.where(inside, units, 0) // self._replicates
        is_right = inside & (self.people[cases, np.where(inside, seats, 0)] == people)
        return np.where(is_right, units * self.seats + seats, -1)


class Recount(ABC):
    """The recount of one table. `hole`: what it is called where a planned row is missing."""

    table: str
    hole = ("hole", "planned rows are missing")

    def __init__(self, run: Run, size: int) -> None:
        self._run = run
        self._ticks = Ticks(np.zeros(size, np.uint8))
        self._found: dict[str, tuple[str, int, list[str]]] = {}

    @property
    @abstractmethod
    def columns(self) -> list[str]:
        """The columns that it needs to see."""

    @abstractmethod
    def count(self, rows: pa.Table) -> None:
        """Take the next rows of the table, in their order."""

    def problems(self) -> Iterator[Problem]:
        """What was wrong with the rows, once all were counted."""
        for kind, (what, number, found) in self._found.items():
            yield Problem(kind, f"{number} {what}", tuple(found[:MOST_EXAMPLES]))
        if self._ticks.strangers:
            message = f"{self.table} has {self._ticks.strangers} rows that were not planned"
            yield Problem("unplanned_row", message, tuple(self._ticks.examples[:MOST_EXAMPLES]))
        planned = self._planned()
        for kind, what, wrong in (
            (*self.hole, planned & (self._ticks.seen == 0)),
            ("duplicate", "planned rows are there twice", self._ticks.seen > 1),
        ):
            places = np.flatnonzero(wrong)
            if len(places):
                examples = tuple(self._name(place) for place in places[:MOST_EXAMPLES].tolist())
                yield Problem(kind, f"{self.table}: {len(places)} of {planned.sum()} {what}", examples)

    @abstractmethod
    def _name(self, place: int) -> str:
        """What to call the planned row at this place."""

    def _planned(self) -> npt.NDArray[np.bool_]:
        """Which of the places have a planned row; all, unless said otherwise."""
        return np.ones(len(self._ticks.seen), np.bool_)

    def _note(self, kind: str, what: str, wrong: pa.ChunkedArray | pa.Array, rows: pa.Table, key: str) -> None:
        """Remember the rows where something is wrong."""
        if not pc.any(wrong).as_py():
            return
        bad = rows.filter(wrong)
        named = bad.slice(0, MOST_EXAMPLES).select(["unit_id", key]).to_pylist()
        noun = key.removesuffix("_id")
        _, number, examples = self._found.get(kind, (what, 0, []))
        examples = examples + [f"unit {row['unit_id']}, {noun} {row[key]}" for row in named]
        self._found[kind] = (what, number + bad.num_rows, examples)


class PeopleRecount(Recount):
    """One row per person who sits somewhere."""

    table = "people"

    def __init__(self, run: Run, members: Members) -> None:
        super().__init__(run, run.plan.people)
        self._seated = np.zeros(run.plan.people, np.bool_)
        self._seated[members.people.reshape(-1)] = True

    @property
    def columns(self) -> list[str]:
        """The columns that it needs to see."""
        return ["person_index"]

    def count(self, rows: pa.Table) -> None:
        """Take the next rows of the table, in their order."""
        people = rows["person_index"].to_numpy()
        inside = (people >= 0) & (people < len(self._seated))
        self._ticks.add(np.where(inside & self._seated[np.where(inside, people, 0)], people, -1), people)

    def _name(self, place: int) -> str:
        return f"person {place}"

    def _planned(self) -> npt.NDArray[np.bool_]:
        return self._seated


class ResponseRecount(Recount):
    """One row per unit and seat."""

    table = "responses"

    def __init__(self, run: Run, members: Members) -> None:
        super().__init__(run, run.plan.units * members.seats)
        self._members = members

    @property
    def columns(self) -> list[str]:
        """The columns that it needs to see."""
        return ["unit_index", "person_index", *_seat(self._members)]

    def count(self, rows: pa.Table) -> None:
        """Take the next rows of the table, in their order."""
        self._ticks.add(self._members.places(rows), rows["unit_index"].to_numpy())

    def _name(self, place: int) -> str:
        return unit_name(self._run, place, self._members.seats)


class AnswerRecount(Recount):
    """One row per unit, seat and question; a value exactly where there is an answer."""

    table = "answers"

    def __init__(self, run: Run, members: Members) -> None:
        self.counts: StatusCounts = {}
        self._ids = [question.id for question in run.contents.questions]
        self._members = members
        self._unknown = 0
        super().__init__(run, run.plan.units * members.seats * len(self._ids))

    @property
    def columns(self) -> list[str]:
        """The columns that it needs to see."""
        seat = _seat(self._members)
        return ["unit_id", "unit_index", "person_index", *seat, "question_id", "status", *VALUES]

    def count(self, rows: pa.Table) -> None:
        """Take the next rows of the table, in their order."""
        questions = index_of(rows["question_id"], self._ids)
        self._unknown += int((questions < 0).sum())
        places = self._members.places(rows) * len(self._ids) + questions
        outside = (questions < 0) | (places < 0)
        self._ticks.add(np.where(outside, -1, places), rows["unit_index"].to_numpy())
        add_counts(self.counts, rows, "question_id")
        self._check_values(rows)

    def problems(self) -> Iterator[Problem]:
        """What was wrong with the rows, once all were counted."""
        if self._unknown:
            yield Problem("unknown_question", f"{self._unknown} answers are to questions that were not planned")
        yield from super().problems()

    def _check_values(self, rows: pa.Table) -> None:
        """Absence is never an answer, and an answer is never empty."""
        has_value = any_valid(rows, VALUES[:-1])
        is_answered = pc.equal(rows["status"].cast(pa.string()), AnswerStatus.ANSWERED)
        said_something = pc.or_(has_value, pc.fill_null(rows["is_dont_know"], fill_value=False))
        surplus = pc.and_not(pc.or_(has_value, pc.is_valid(rows["is_dont_know"])), is_answered)
        what = "answers have no answer by their status and a value all the same"
        self._note("value_in_absence", what, surplus, rows, "question_id")
        empty = pc.and_not(is_answered, said_something)
        what = "answers are answered by their status and have no value"
        self._note("answer_without_value", what, empty, rows, "question_id")

    def _name(self, place: int) -> str:
        seated, question = divmod(place, len(self._ids))
        return f"{unit_name(self._run, seated, self._members.seats)}, question {self._ids[question]}"


def unit_name(run: Run, place: int, seats: int) -> str:
    """The unit at unit * seats + seat, with the seat where there are several."""
    unit, seat = divmod(place, seats)
    name = f"unit {run.plan.unit(unit).unit_id}"
    return name if seats == 1 else f"{name}, seat {seat}"


def index_of(column: pa.ChunkedArray, known: Sequence[str]) -> Places:
    """The place of each value among those known; -1 for a stranger."""
    places = pc.fill_null(pc.index_in(column.cast(pa.string()), value_set=pa.array(known, pa.string())), -1)
    return np.asarray(places.to_numpy(), np.int64)


def any_valid(rows: pa.Table, names: Sequence[str]) -> pa.ChunkedArray:
    """Whether a row has a value in any of the columns."""
    found = pc.is_valid(rows[names[0]])
    for name in names[1:]:
        found = pc.or_(found, pc.is_valid(rows[name]))
    return found


def add_counts(counts: StatusCounts, rows: pa.Table, key: str) -> None:
    """Add the rows by the key and their status."""
    for group in rows.group_by([key, "status"]).aggregate([([], "count_all")]).to_pylist():
        by_status = counts.setdefault(group[key], {})
        by_status[group["status"]] = by_status.get(group["status"], 0) + group["count_all"]


def _seat(members: Members) -> list[str]:
    return ["seat"] if members.seats > 1 else []
