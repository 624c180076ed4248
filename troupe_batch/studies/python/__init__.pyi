from troupe_batch.studies.python.case import Absence as Absence
from troupe_batch.studies.python.case import Case as Case
from troupe_batch.studies.python.returned import NOTHING_RETURNED as NOTHING_RETURNED
from troupe_batch.studies.python.runner import PythonStudy as PythonStudy
from troupe_batch.studies.python.spec import PythonSpec as PythonSpec
