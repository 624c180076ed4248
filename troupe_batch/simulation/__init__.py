"""The simulated people, the worlds they live in, and the means to watch and judge them."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from troupe_batch.simulation.person.person import TinyPerson

if TYPE_CHECKING:
    from troupe_batch.simulation.acting.act_schema import ActQuestion
    from troupe_batch.simulation.acting.acting import Act
    from troupe_batch.simulation.acting.faculties import (
        ActionSpec,
        CustomFaculty,
        Faculty,
        FacultyFailed,
        GroundingFaculty,
        RecallFaculty,
    )
    from troupe_batch.simulation.acting.tools import TinyCalendar, TinyTool, TinyWordProcessor, ToolUseFaculty
    from troupe_batch.simulation.extraction.extractor import Extraction, ExtractionStatus, ResultsExtractor
    from troupe_batch.simulation.extraction.normalizer import Normalizer
    from troupe_batch.simulation.extraction.reducer import ResultsReducer
    from troupe_batch.simulation.judging.experiments import ABRandomizer
    from troupe_batch.simulation.judging.profiler import Profiler
    from troupe_batch.simulation.judging.propositions import Judgement, Proposition
    from troupe_batch.simulation.judging.story import TinyStory
    from troupe_batch.simulation.mind import Mind, MindSettings, connected_mind, use_mind
    from troupe_batch.simulation.person.validator import TinyPersonValidator, Validation
    from troupe_batch.simulation.record.artifacts import ArtifactExporter
    from troupe_batch.simulation.record.control import Control, ControlStatus
    from troupe_batch.simulation.record.documents import Document, read_documents
    from troupe_batch.simulation.record.events import (
        Action,
        ActionKind,
        CognitiveState,
        Event,
        EventKind,
        EventStatus,
        Journal,
        Stimulus,
        StimulusKind,
    )
    from troupe_batch.simulation.record.memory import EpisodicMemory
    from troupe_batch.simulation.record.mental_state import MentalState
    from troupe_batch.simulation.record.semantic import SemanticMemory
    from troupe_batch.simulation.record.transcript import Transcript
    from troupe_batch.simulation.world.interventions import Intervention
    from troupe_batch.simulation.world.network import TinySocialNetwork
    from troupe_batch.simulation.world.world import TinyWorld

# Loaded when first used: a survey needs people and nothing else.
_MODULES = {
    "acting.act_schema": ("ActQuestion",),
    "acting.acting": ("Act",),
    "record.artifacts": ("ArtifactExporter",),
    "record.control": ("Control", "ControlStatus"),
    "record.documents": ("Document", "read_documents"),
    "record.events": (
        "Action",
        "ActionKind",
        "CognitiveState",
        "Event",
        "EventKind",
        "EventStatus",
        "Journal",
        "Stimulus",
        "StimulusKind",
    ),
    "judging.experiments": ("ABRandomizer",),
    "extraction.extractor": ("Extraction", "ExtractionStatus", "ResultsExtractor"),
    "extraction.normalizer": ("Normalizer",),
    "extraction.reducer": ("ResultsReducer",),
    "acting.faculties": (
        "ActionSpec",
        "CustomFaculty",
        "Faculty",
        "FacultyFailed",
        "GroundingFaculty",
        "RecallFaculty",
    ),
    "world.interventions": ("Intervention",),
    "record.memory": ("EpisodicMemory",),
    "record.mental_state": ("MentalState",),
    "mind": ("Mind", "MindSettings", "connected_mind", "use_mind"),
    "world.network": ("TinySocialNetwork",),
    "judging.profiler": ("Profiler",),
    "judging.propositions": ("Judgement", "Proposition"),
    "record.semantic": ("SemanticMemory",),
    "judging.story": ("TinyStory",),
    "acting.tools": ("TinyCalendar", "TinyTool", "TinyWordProcessor", "ToolUseFaculty"),
    "record.transcript": ("Transcript",),
    "person.validator": ("TinyPersonValidator", "Validation"),
    "world.world": ("TinyWorld",),
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
