"""The study in Python: an async function of the user's, awaited once for each unit."""

from troupe_batch.studies.python.case import Absence, Case
from troupe_batch.studies.python.returned import NOTHING_RETURNED
from troupe_batch.studies.python.runner import PythonStudy
from troupe_batch.studies.python.spec import PythonSpec

__all__ = ["NOTHING_RETURNED", "Absence", "Case", "PythonSpec", "PythonStudy"]
