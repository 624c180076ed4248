from troupe_batch.api import Result as Result
from troupe_batch.api import connect as connect
from troupe_batch.api import disconnect as disconnect
from troupe_batch.api import freeze as freeze
from troupe_batch.api import run as run
from troupe_batch.api import run_sync as run_sync
from troupe_batch.errors import TroupeError as TroupeError
from troupe_batch.factory import TinyPersonFactory as TinyPersonFactory
from troupe_batch.persona import Persona as Persona
from troupe_batch.planning import BudgetSpec as BudgetSpec
from troupe_batch.planning import JobSpec as JobSpec
from troupe_batch.planning import ModelSpec as ModelSpec
from troupe_batch.population import PopulationSpec as PopulationSpec
from troupe_batch.results import Dataset as Dataset
from troupe_batch.simulation import TinyPerson as TinyPerson
from troupe_batch.simulation import TinySocialNetwork as TinySocialNetwork
from troupe_batch.simulation import TinyWorld as TinyWorld
from troupe_batch.simulation import control as control
from troupe_batch.studies import Arm as Arm
from troupe_batch.studies import InterviewSpec as InterviewSpec
from troupe_batch.studies import MultiChoice as MultiChoice
from troupe_batch.studies import Numeric as Numeric
from troupe_batch.studies import OpenText as OpenText
from troupe_batch.studies import PythonSpec as PythonSpec
from troupe_batch.studies import Rating as Rating
from troupe_batch.studies import SingleChoice as SingleChoice
from troupe_batch.studies import SurveySpec as SurveySpec
from troupe_batch.studies import WorldSpec as WorldSpec

__version__: str

__all__ = [
    "Arm",
    "BudgetSpec",
    "Dataset",
    "InterviewSpec",
    "JobSpec",
    "ModelSpec",
    "MultiChoice",
    "Numeric",
    "OpenText",
    "Persona",
    "PopulationSpec",
    "PythonSpec",
    "Rating",
    "Result",
    "SingleChoice",
    "SurveySpec",
    "TinyPerson",
    "TinyPersonFactory",
    "TinySocialNetwork",
    "TinyWorld",
    "TroupeError",
    "WorldSpec",
    "__version__",
    "connect",
    "control",
    "disconnect",
    "freeze",
    "run",
    "run_sync",
]
