"""An offline server that speaks the OpenAI API, with made-up respondents whose true behaviour is known."""

from troupe_batch.rehearsal.behaviour import misfit, true_distribution, true_quantile
from troupe_batch.rehearsal.config import RehearsalConfig, parse_faults
from troupe_batch.rehearsal.faults import Fault, FaultKind
from troupe_batch.rehearsal.process import RehearsalProcess
from troupe_batch.rehearsal.respondents import Respondents, load_respondents, parse_respondents

__all__ = [
    "Fault",
    "FaultKind",
    "RehearsalConfig",
    "RehearsalProcess",
    "Respondents",
    "load_respondents",
    "misfit",
    "parse_faults",
    "parse_respondents",
    "true_distribution",
    "true_quantile",
]
