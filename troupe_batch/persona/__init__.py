"""Personas and fragments: who someone is, in files that TinyTroupe reads and writes too, and as text for a prompt."""

from troupe_batch.persona.block import harmless, persona_block
from troupe_batch.persona.files import AgentFile, load_agent, load_fragment, parse_agent, parse_fragment, save_agent
from troupe_batch.persona.fragment import MergeConflict, merge
from troupe_batch.persona.persona import Persona, Scalar

__all__ = [
    "AgentFile",
    "MergeConflict",
    "Persona",
    "Scalar",
    "harmless",
    "load_agent",
    "load_fragment",
    "merge",
    "parse_agent",
    "parse_fragment",
    "persona_block",
    "save_agent",
]
