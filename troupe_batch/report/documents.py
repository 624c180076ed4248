"""What people have written during a run, exported as files that say that they are synthetic."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson

from troupe_batch.errors import FixTheInput
from troupe_batch.results.dataset import Dataset
from troupe_batch.results.schema import Table
from troupe_batch.simulation.artifacts import ArtifactExporter, ArtifactFormat
from troupe_batch.simulation.events import EventStatus

_WRITTEN = "WRITE_DOCUMENT"
_COLUMNS = ["unit_id", "order", "type", "status", "actor_id", "actor", "content", "details"]


def export_documents(dataset: Dataset, folder: Path, file_format: ArtifactFormat) -> list[Path]:
    """The files, one per document, in the order of units and events. FixTheInput where nobody has written any."""
    events = dataset.arrow(Table.EVENTS, _COLUMNS) if dataset.manifest.files_of(Table.EVENTS) else None
    rows = events.to_pylist() if events is not None else []
    written = [row for row in rows if row["type"] == _WRITTEN and row["status"] == EventStatus.HAPPENED]
    if not written:
        raise FixTheInput(f"nobody in {dataset.path} has written a document; give people `tools: [word_processor]`")
    exporter, label = ArtifactExporter(folder), _label(dataset)
    return [exporter.export(_name(row), _content(row, label, file_format), file_format) for row in written]


def _label(dataset: Dataset) -> str:
    kind = "a placeholder of a rehearsal" if dataset.is_rehearsal else "written by a language model"
    return f"Synthetic document of a simulated person: {kind}."


def _name(row: Mapping[str, Any]) -> str:
    """Unit and place keep names apart, and the files of a folder in the order of the run."""
    return f"{row['unit_id']} {row['order']:04d} {orjson.loads(row['details']).get('title', 'untitled')}"


def _content(row: Mapping[str, Any], label: str, file_format: ArtifactFormat) -> Any:
    details = orjson.loads(row["details"])
    if file_format == "json":
        author = {"person_id": row["actor_id"], "author": details.get("author") or row["actor"]}
        return {"synthetic": True, "label": label, **author, "title": details.get("title"), "content": row["content"]}
    return f"# {details.get('title', 'Untitled')}\n\n*{label}*\n\n{row['content'] or ''}"
