"""The simulated people, the worlds they live in, and the means to watch and judge them."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from troupe_batch.simulation.person import TinyPerson

if TYPE_CHECKING:
    from troupe_batch.simulation.act_schema import ActQuestion
    from troupe_batch.simulation.acting import Act
    from troupe_batch.simulation.actions import Action, ActionKind, CognitiveState
    from troupe_batch.simulation.artifacts import ArtifactExporter
    from troupe_batch.simulation.control import Control, ControlStatus
    from troupe_batch.simulation.document_files import read_documents
    from troupe_batch.simulation.documents import Document
    from troupe_batch.simulation.events import Event, EventKind, EventStatus, Journal
    from troupe_batch.simulation.experiments import ABRandomizer
    from troupe_batch.simulation.extraction.extractor import Extraction, ExtractionStatus, ResultsExtractor
    from troupe_batch.simulation.extraction.normalizer import Normalizer
    from troupe_batch.simulation.extraction.reducer import ResultsReducer
    from troupe_batch.simulation.faculties import (
        ActionSpec,
        CustomFaculty,
        Faculty,
        FacultyFailed,
        GroundingFaculty,
        RecallFaculty,
    )
    from troupe_batch.simulation.interventions import Intervention
    from troupe_batch.simulation.memory import EpisodicMemory
    from troupe_batch.simulation.mental_state import MentalState
    from troupe_batch.simulation.mind import Mind, MindSettings, connected_mind, use_mind
    from troupe_batch.simulation.network import TinySocialNetwork
    from troupe_batch.simulation.profiler import Profiler
    from troupe_batch.simulation.propositions import Judgement, Proposition
    from troupe_batch.simulation.semantic import SemanticMemory
    from troupe_batch.simulation.stimuli import Stimulus, StimulusKind
    from troupe_batch.simulation.story import TinyStory
    from troupe_batch.simulation.tools import TinyCalendar, TinyTool, TinyWordProcessor, ToolUseFaculty
    from troupe_batch.simulation.transcript import Transcript
    from troupe_batch.simulation.validator import TinyPersonValidator, Validation
    from troupe_batch.simulation.world import TinyWorld

# Loaded when first used: a survey needs people and nothing else.
_MODULES = {
    "act_schema": ("ActQuestion",),
    "acting": ("Act",),
    "actions": ("Action", "ActionKind", "CognitiveState"),
    "artifacts": ("ArtifactExporter",),
    "control": ("Control", "ControlStatus"),
    "documents": ("Document",),
    "document_files": ("read_documents",),
    "events": ("Event", "EventKind", "EventStatus", "Journal"),
    "experiments": ("ABRandomizer",),
    "extraction.extractor": ("Extraction", "ExtractionStatus", "ResultsExtractor"),
    "extraction.normalizer": ("Normalizer",),
    "extraction.reducer": ("ResultsReducer",),
    "faculties": ("ActionSpec", "CustomFaculty", "Faculty", "FacultyFailed", "GroundingFaculty", "RecallFaculty"),
    "interventions": ("Intervention",),
    "memory": ("EpisodicMemory",),
    "mental_state": ("MentalState",),
    "mind": ("Mind", "MindSettings", "connected_mind", "use_mind"),
    "network": ("TinySocialNetwork",),
    "profiler": ("Profiler",),
    "propositions": ("Judgement", "Proposition"),
    "semantic": ("SemanticMemory",),
    "stimuli": ("Stimulus", "StimulusKind"),
    "story": ("TinyStory",),
    "tools": ("TinyCalendar", "TinyTool", "TinyWordProcessor", "ToolUseFaculty"),
    "transcript": ("Transcript",),
    "validator": ("TinyPersonValidator", "Validation"),
    "world": ("TinyWorld",),
}
_EXPORTS = {name: module for module, names in _MODULES.items() for name in names}

__all__ = [
    "ABRandomizer",
    "Act",
    "ActQuestion",
    "Action",
    "ActionKind",
    "ActionSpec",
    "ArtifactExporter",
    "CognitiveState",
    "Control",
    "ControlStatus",
    "CustomFaculty",
    "Document",
    "EpisodicMemory",
    "Event",
    "EventKind",
    "EventStatus",
    "Extraction",
    "ExtractionStatus",
    "Faculty",
    "FacultyFailed",
    "GroundingFaculty",
    "Intervention",
    "Journal",
    "Judgement",
    "MentalState",
    "Mind",
    "MindSettings",
    "Normalizer",
    "Profiler",
    "Proposition",
    "RecallFaculty",
    "ResultsExtractor",
    "ResultsReducer",
    "SemanticMemory",
    "Stimulus",
    "StimulusKind",
    "TinyCalendar",
    "TinyPerson",
    "TinyPersonValidator",
    "TinySocialNetwork",
    "TinyStory",
    "TinyTool",
    "TinyWordProcessor",
    "TinyWorld",
    "ToolUseFaculty",
    "Transcript",
    "Validation",
    "connected_mind",
    "read_documents",
    "use_mind",
]


def __getattr__(name: str) -> Any:
    if name not in _EXPORTS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_EXPORTS[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
