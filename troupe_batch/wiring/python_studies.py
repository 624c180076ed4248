"""Permission to run code that a job file names, and where it is looked for."""

from __future__ import annotations

import sys
from pathlib import Path

from troupe_batch.errors import SettingsError
from troupe_batch.settings import Settings
from troupe_batch.studies.kinds import StudySpec, is_python
from troupe_batch.trust import PYTHON_STUDIES


def check_allowed(settings: Settings, study: StudySpec) -> None:
    """SettingsError where the study is written in Python and this process is not to run such code.

    Where it may, modules in the working folder are found too, after all that are installed.
    """
    if not is_python(study):
        return
    if not settings.simulation.allow_python_studies:
        raise SettingsError(
            f"Simulation.ALLOW_PYTHON_STUDIES ({settings.origin(PYTHON_STUDIES)}) is off and the study is Python code: "
            "if you trust it, set the option to true here and for every worker, for example with "
            "TROUPE_SIMULATION_ALLOW_PYTHON_STUDIES=true"
        )
    settings.check_trusted(PYTHON_STUDIES)
    if (folder := str(Path.cwd())) not in sys.path:
        sys.path.append(folder)
