"""Tables of a dataset, one object in a module of its own each: whoever works on tables takes them from `TABLES`."""

from troupe_batch.results.table import Table
from troupe_batch.results.tables.answers import AnswersTable
from troupe_batch.results.tables.events import EventsTable
from troupe_batch.results.tables.extractions import ExtractionsTable
from troupe_batch.results.tables.llm_calls import CallsTable
from troupe_batch.results.tables.people import PeopleTable
from troupe_batch.results.tables.responses import ResponsesTable

TABLES: tuple[Table, ...] = (
    PeopleTable(),
    AnswersTable(),
    ResponsesTable(),
    EventsTable(),
    ExtractionsTable(),
    CallsTable(),
)

__all__ = ["TABLES"]
