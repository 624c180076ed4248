from troupe_batch.simulation.acting.tools.calendar import CalendarEvent as CalendarEvent
from troupe_batch.simulation.acting.tools.calendar import TinyCalendar as TinyCalendar
from troupe_batch.simulation.acting.tools.tool import TinyTool as TinyTool
from troupe_batch.simulation.acting.tools.tool import ToolUseFaculty as ToolUseFaculty
from troupe_batch.simulation.acting.tools.word_processor import TinyWordProcessor as TinyWordProcessor
from troupe_batch.simulation.acting.tools.word_processor import WrittenDocument as WrittenDocument
