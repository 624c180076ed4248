"""Equipment: what people have at hand, documents to look into and tools to use; and files that a study names."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, TypeAlias, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from troupe_batch.errors import Mistake, SpecError
from troupe_batch.plain_files import named_file
from troupe_batch.simulation.acting.faculties import GroundingFaculty, RecallFaculty
from troupe_batch.simulation.acting.tools import TinyCalendar, TinyWordProcessor, ToolUseFaculty
from troupe_batch.simulation.person.person import TinyPerson
from troupe_batch.simulation.record.documents import Document, read_text
from troupe_batch.spec_files import dotted
from troupe_batch.spec_messages import Place
from troupe_batch.studies.questions.options import Label
from troupe_batch.studies.script import PlacedMistake, repeats

_MOST_CHARACTERS = 500_000
_PathName: TypeAlias = Annotated[str, StringConstraints(min_length=1, max_length=1_000, pattern=r"^[^\x00-\x1f\x7f]+$")]
_T = TypeVar("_T")


class ToolName(StrEnum):
    """The tools that people of a study can be given."""

    WORD_PROCESSOR = "word_processor"
    CALENDAR = "calendar"
    MEMORY = "memory"


class DocumentSpec(BaseModel):
    """A document that people can look into: its text, or the file that holds it."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        json_schema_extra={"examples": [{"file": "brochure.pdf"}, {"name": "Prices", "text": "Tea costs 2 euros."}]},
    )

    name: Label | None = Field(default=None, description="What people call it; default: the name of the file.")
    text: Annotated[str, StringConstraints(min_length=1, max_length=_MOST_CHARACTERS)] | None = Field(
        default=None, description="What stands in it."
    )
    file: _PathName | None = Field(
        default=None, description="A file in its place, relative to the job file: text, Markdown, PDF or Word."
    )

    @model_validator(mode="after")
    def _has_one_source(self) -> DocumentSpec:
        if (self.text is None) == (self.file is None):
            problem = "are both missing" if self.text is None else "stand both"
            raise ValueError(f"`text` and `file` {problem}; write one of them")
        if self.name is None and self.file is None:
            raise ValueError("a document without a file needs a `name`")
        return self

    @property
    def title(self) -> str:
        """What people call it."""
        return self.name or Path(self.file or "").name


Documents: TypeAlias = Annotated[
    tuple[DocumentSpec, ...], Field(max_length=100, description="Documents that people can look into.")
]
Tools: TypeAlias = Annotated[
    tuple[ToolName, ...],
    Field(
        max_length=10,
        description="What people can use: word_processor, calendar, and memory, to look up what they know.",
    ),
]


def equipment_mistakes(documents: Sequence[DocumentSpec], tools: Sequence[ToolName]) -> Iterator[PlacedMistake]:
    """What is wrong with what people have at hand."""
    for place in repeats((("documents", i), one.title.casefold()) for i, one in enumerate(documents)):
        yield place, "two documents have the same name", "give one of them another `name`"
    for place in repeats((("tools", i), one) for i, one in enumerate(tools)):
        yield place, "this tool stands twice", "remove one"


def read_documents(documents: Sequence[DocumentSpec], files: NamedFiles, place: Place = ()) -> tuple[DocumentSpec, ...]:
    """The documents at this place of the study with their text in place of their path; `files` has what is wrong."""
    return tuple(_with_text(document, files, (*place, "documents", index)) for index, document in enumerate(documents))


class Equipment:
    """Equipment of some people, compiled once: documents are shared, tools are everybody's own."""

    def __init__(self, documents: Sequence[DocumentSpec], tools: Sequence[ToolName]) -> None:
        """ValueError where a document was not read yet."""
        if unread := [one.file for one in documents if one.text is None]:
            raise ValueError(f"the document {unread[0]} was not read yet; call `resolved` first")
        texts = [Document(one.title, one.text or "") for one in documents]
        self._grounding = GroundingFaculty(texts) if texts else None
        self._recall = RecallFaculty() if ToolName.MEMORY in tools else None
        self._tools = tuple(name for name in tools if name in _TOOLS)

    @property
    def is_searched(self) -> bool:
        """Whether there is a document that is too long to be shown whole, so that looking into it takes a call."""
        return self._grounding is not None and self._grounding.is_searched

    def give_to(self, person: TinyPerson) -> TinyPerson:
        """The same person, who can use it from now on."""
        if self._grounding is not None:
            person.add_faculty(self._grounding)
        if self._recall is not None:
            person.add_faculty(self._recall)
        if self._tools:
            person.add_faculty(ToolUseFaculty([_TOOLS[name](owner=person.person_id) for name in self._tools]))
        return person


def _with_text(document: DocumentSpec, files: NamedFiles, place: Place) -> DocumentSpec:
    if document.file is None:
        return document
    text = files.read(document.file, (*place, "file"), _read_bounded)
    return document if text is None else DocumentSpec(name=document.title, text=text)


def _read_bounded(path: Path) -> str:
    text = read_text(path)
    if len(text) > _MOST_CHARACTERS:
        problem = f"it has {len(text):,} characters, and {_MOST_CHARACTERS:,} is the most"
        raise SpecError(str(path), [Mistake(problem, "cut it, or split it into several documents")])
    return text


_TOOLS: Mapping[ToolName, type[TinyWordProcessor | TinyCalendar]] = {
    ToolName.WORD_PROCESSOR: TinyWordProcessor,
    ToolName.CALENDAR: TinyCalendar,
}


class NamedFiles:
    """Reads one file after the other beside the job file, and keeps what is wrong until all were tried."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._mistakes: list[Mistake] = []

    def read(self, name: str, place: Place, reader: Callable[[Path], _T]) -> _T | None:
        """What the reader makes of the file that the study names at this place; None where it cannot be had."""
        try:
            return reader(named_file(self._folder, name))
        except SpecError as error:
            at = dotted(("study", *place))
            for one in error.mistakes:
                # With the line in that file, where it has one; the line of the job is that of the place.
                said = f"{error.file}{Mistake(one.problem, '', one.place, one.line)}"
                self._mistakes.append(Mistake(said, one.cure, at))
            return None

    def raise_if_any(self) -> None:
        """SpecError with the mistakes of all files, each at the place that names the file."""
        if self._mistakes:
            raise SpecError("job", self._mistakes)
