"""Extraction: from what happened to typed rows, by a model that reads, or by rules."""

from troupe_batch.simulation.extraction.extractor import (
    Extraction,
    ExtractionStatus,
    ResultsExtractor,
    extraction_messages,
)
from troupe_batch.simulation.extraction.fields import (
    CategoryField,
    ExtractionSpec,
    FieldSpec,
    IntegerField,
    NumberField,
    TextField,
    YesNoField,
    fields_from,
)
from troupe_batch.simulation.extraction.normalizer import Category, Normalized, Normalizer
from troupe_batch.simulation.extraction.reading import (
    Row,
    UnreadableFinding,
    example_of,
    findings_schema,
    read_findings,
)
from troupe_batch.simulation.extraction.reducer import ResultsReducer

__all__ = [
    "Category",
    "CategoryField",
    "Extraction",
    "ExtractionSpec",
    "ExtractionStatus",
    "FieldSpec",
    "IntegerField",
    "Normalized",
    "Normalizer",
    "NumberField",
    "ResultsExtractor",
    "ResultsReducer",
    "Row",
    "TextField",
    "UnreadableFinding",
    "YesNoField",
    "example_of",
    "extraction_messages",
    "fields_from",
    "findings_schema",
    "read_findings",
]
