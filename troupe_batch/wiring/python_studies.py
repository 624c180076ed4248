"""Whether code that a job file names may run here."""

from __future__ import annotations

from troupe_batch.errors import SettingsError
from troupe_batch.settings import Settings
from troupe_batch.studies.kinds import StudySpec, is_python

_OPTION = "simulation.allow_python_studies"


def check_allowed(settings: Settings, study: StudySpec) -> None:
    """SettingsError where the study is written in Python and this process is not to run such code."""
    if is_python(study) and not settings.simulation.allow_python_studies:
        raise SettingsError(
            f"Simulation.ALLOW_PYTHON_STUDIES ({settings.origin(_OPTION)}) is off and the study is Python code: if you "
            "trust it, set the option to true here and for every worker, for example with "
            "TROUPE_SIMULATION_ALLOW_PYTHON_STUDIES=true"
        )
