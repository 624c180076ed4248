"""Tools that people work with: each brings actions of its own, and keeps what was made with it."""

from troupe_batch.simulation.acting.tools.calendar import CalendarEvent, TinyCalendar
from troupe_batch.simulation.acting.tools.tool import TinyTool, ToolUseFaculty
from troupe_batch.simulation.acting.tools.word_processor import TinyWordProcessor, WrittenDocument

__all__ = [
    "CalendarEvent",
    "TinyCalendar",
    "TinyTool",
    "TinyWordProcessor",
    "ToolUseFaculty",
    "WrittenDocument",
]
