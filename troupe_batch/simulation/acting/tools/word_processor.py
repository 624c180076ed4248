"""Word processor: people write documents, which can be exported to files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from troupe_batch.simulation.acting.faculties import ActionSpec, FacultyFailed
from troupe_batch.simulation.acting.tools.tool import TinyTool
from troupe_batch.simulation.people import Person
from troupe_batch.simulation.record.artifacts import ArtifactExporter, ArtifactFormat
from troupe_batch.simulation.record.events import Action
from troupe_batch.simulation.record.word_files import MOST_CHARACTERS


@dataclass(frozen=True, slots=True)
class WrittenDocument:
    """A document that a person wrote. `content` is Markdown; `author` is who it says wrote it."""

    title: str
    content: str
    author: str
    author_id: str


class TinyWordProcessor(TinyTool):
    """WRITE_DOCUMENT: keeps each document, in the order of writing."""

    actions = (
        ActionSpec(
            "WRITE_DOCUMENT",
            "write a document with your word processor, whole and ready for its readers",
            {
                "title": "title of the document",
                "content": "its full text, in Markdown",
                "author": "name of its author, usually yours",
            },
        ),
    )
    constraints = "A document that you speak of as written is written by WRITE_DOCUMENT, with all of its text."

    def __init__(self, *, owner: Person | str | None = None) -> None:
        super().__init__("word processor", owner=owner)
        self._documents: list[WrittenDocument] = []

    @property
    def documents(self) -> tuple[WrittenDocument, ...]:
        """All documents written with it, the first one first."""
        return tuple(self._documents)

    async def used_by(self, person: Person, action: Action) -> None:
        """Keeps the document."""
        title, content = action.details.get("title", "").strip(), (action.content or "").strip()
        if not title or not content:
            raise FacultyFailed("a document needs a title and a text")
        if len(content) > MOST_CHARACTERS:
            raise FacultyFailed(f"a document holds {MOST_CHARACTERS:,} characters at most")
        author = action.details.get("author", "").strip() or person.name or person.person_id
        self._documents.append(WrittenDocument(title, content, author, person.person_id))

    def export(
        self, exporter: ArtifactExporter, formats: Sequence[ArtifactFormat] = ("md", "docx", "json")
    ) -> tuple[Path, ...]:
        """The files that now hold the documents, each in all `formats`; equal titles are numbered."""
        paths: list[Path] = []
        for name, document in self._named():
            text = document.content if document.content.startswith("#") else f"# {document.title}\n\n{document.content}"
            contents = {each: asdict(document) if each == "json" else text for each in formats}
            paths += [exporter.export(name, content, each) for each, content in contents.items()]
        return tuple(paths)

    def state(self) -> dict[str, Any]:
        """All documents."""
        return {"documents": [asdict(document) for document in self._documents]}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Hold the documents of `state`."""
        self._documents = [WrittenDocument(**document) for document in state["documents"]]

    def _named(self) -> Iterator[tuple[str, WrittenDocument]]:
        seen: dict[str, int] = {}
        for document in self._documents:
            number = seen[document.title.casefold()] = seen.get(document.title.casefold(), 0) + 1
            yield (document.title if number == 1 else f"{document.title} ({number})"), document
