"""Documents that people have written during a run, exported as files that say that they are synthetic."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson

from troupe_batch.analysis.events import WRITTEN
from troupe_batch.errors import FixTheInput
from troupe_batch.results.dataset import Dataset
from troupe_batch.simulation.record.artifacts import ArtifactExporter, ArtifactFormat, safe_name
from troupe_batch.simulation.record.events import EventStatus

_COLUMNS = ["unit_id", "order", "step", "type", "status", "actor_id", "actor", "content", "details"]


def export_documents(dataset: Dataset, folder: Path, file_format: ArtifactFormat) -> list[Path]:
    """The files, one per document, in the order of units and events. FixTheInput where nobody has written any."""
    events = dataset.arrow("events", _COLUMNS) if dataset.manifest.files_of("events") else None
    rows = events.to_pylist() if events is not None else []
    written = [row for row in rows if row["type"] == WRITTEN and row["status"] == EventStatus.HAPPENED]
    if not written:
        raise FixTheInput(f"nobody in {dataset.path} has written a document; give people `tools: [word_processor]`")
    exporter, label = ArtifactExporter(folder), _document_label(dataset)
    files = zip(_file_names(written), written, strict=True)
    return [exporter.export(name, _content(row, label, file_format), file_format) for name, row in files]


def _document_label(dataset: Dataset) -> str:
    kind = "a placeholder of a rehearsal" if dataset.is_rehearsal else "written by a language model"
    return f"Synthetic document of a simulated person: {kind}."


def _file_names(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Unit, step and title of each; those that would be one file also say their place among the events of the unit."""
    placed: set[int] = set()
    while True:
        names = [_name(row, has_place=index in placed) for index, row in enumerate(rows)]
        files = [safe_name(name).casefold() for name in names]
        shared = Counter(files)
        # Again, because a title may look like a place: with their places all names differ.
        crowded = {index for index, file in enumerate(files) if shared[file] > 1} - placed
        if not crowded:
            return names
        placed |= crowded


def _name(row: Mapping[str, Any], *, has_place: bool) -> str:
    step = "" if row["step"] is None else f" step {row['step']}"
    # The place stands before the title, of which a long one is cut.
    place = f" ({row['order']})" if has_place else ""
    return f"{row['unit_id']}{step}{place} {orjson.loads(row['details'] or '{}').get('title', 'untitled')}"


def _content(row: Mapping[str, Any], label: str, file_format: ArtifactFormat) -> Any:
    details = orjson.loads(row["details"])
    if file_format == "json":
        author = {"person_id": row["actor_id"], "author": details.get("author") or row["actor"]}
        return {"synthetic": True, "label": label, **author, "title": details.get("title"), "content": row["content"]}
    return f"# {details.get('title', 'Untitled')}\n\n*{label}*\n\n{row['content'] or ''}"
