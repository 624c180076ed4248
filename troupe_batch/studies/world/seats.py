"""Seats of a world as they stand in a job file: how many people of which kind, and what is theirs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, TypeAlias

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    StrictBool,
    StrictFloat,
    StrictInt,
    StrictStr,
    StringConstraints,
    Tag,
    field_validator,
    model_validator,
)

from troupe_batch.errors import SpecError
from troupe_batch.expressions.expression import Expression
from troupe_batch.expressions.kinds import BadExpression
from troupe_batch.expressions.parsing import MAX_LENGTH
from troupe_batch.persona.files import load_fragment, parse_fragment
from troupe_batch.scalars import TruthValue, fact_of, label_of
from troupe_batch.spec_files import SpecFile
from troupe_batch.spec_messages import Place
from troupe_batch.studies.equipment import (
    Documents,
    DocumentSpec,
    NamedFiles,
    ToolName,
    Tools,
    equipment_mistakes,
    read_documents,
)
from troupe_batch.studies.questions.options import Label, Prose
from troupe_batch.studies.script import Lines, PlacedMistake

MOST_PEOPLE = 1_000

Fact: TypeAlias = str | int | float | bool
_FactName: TypeAlias = Annotated[str, StringConstraints(min_length=1, max_length=200), BeforeValidator(label_of)]
_Number: TypeAlias = Annotated[float, Field(ge=-1e15, le=1e15, allow_inf_nan=False)]


class SeatRange(BaseModel):
    """Numbers from `at_least` to `at_most`, both included."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    at_least: _Number | None = Field(default=None, description="The least value that fits.")
    at_most: _Number | None = Field(default=None, description="The greatest value that fits.")

    @model_validator(mode="after")
    def _bounds_something(self) -> SeatRange:
        if self.at_least is None and self.at_most is None:
            raise ValueError("`at_least` and `at_most` are both missing; write one of them or both")
        if self.at_least is not None and self.at_most is not None and self.at_least > self.at_most:
            raise ValueError(f"at_least ({self.at_least:g}) is greater than at_most ({self.at_most:g})")
        return self

    def __str__(self) -> str:
        parts = [f"from {self.at_least:g}" if self.at_least is not None else ""]
        parts += [f"up to {self.at_most:g}" if self.at_most is not None else ""]
        return " ".join(part for part in parts if part)


def _form_of(value: Any) -> str:
    if isinstance(value, Mapping | SeatRange):
        return "range"
    return "values" if isinstance(value, list | tuple) else "value"


def _is_a_fact(value: Any) -> Any:
    value = fact_of(value)
    if not isinstance(value, Fact):
        raise ValueError(f"a {type(value).__name__} is no fact; write text, a number, true or false")  # noqa: TRY004 -- pydantic turns only ValueError into a mistake with a place
    return value


_Fact: TypeAlias = Annotated[StrictBool | StrictInt | StrictFloat | StrictStr, BeforeValidator(_is_a_fact)]
WantedFact: TypeAlias = Annotated[
    Annotated[_Fact, Tag("value")]
    | Annotated[tuple[_Fact, ...], Tag("values"), Field(min_length=1, max_length=1_000)]
    | Annotated[SeatRange, Tag("range")],
    Discriminator(_form_of),
]


class SeatSpec(BaseModel):
    """One or more seats that are alike: who may sit there, and what those people bring."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    count: int = Field(default=1, ge=1, le=MOST_PEOPLE, strict=True, description="How many such seats a world has.")
    name: Label | None = Field(default=None, description="What the script and relations call these seats.")
    where: Annotated[
        Annotated[str, Tag("text"), Field(min_length=1, max_length=MAX_LENGTH)]
        | Annotated[dict[_FactName, WantedFact], Tag("facts"), Field(max_length=50)],
        Discriminator(lambda value: "text" if isinstance(value, str) else "facts"),
    ] = Field(
        default_factory=dict,
        description="Who sits here: an expression over their facts; or facts, each a value, a list of values, or "
        "{at_least, at_most}, of which all must fit.",
    )
    fragment: Annotated[str, StringConstraints(min_length=1, max_length=1_000)] | dict[str, Any] | None = Field(
        default=None, description="A *.fragment.json beside the job file, or a partial persona written here."
    )
    overwrite: TruthValue = Field(default=False, description="true: the fragment wins where it and a persona disagree.")
    goal: Prose | None = Field(default=None, description="An aim that these people have from the start.")
    think: Prose | None = Field(default=None, description="A thought that these people begin with.")
    context: Lines | None = Field(default=None, description="What the situation is to these people, a line or several.")
    documents: Documents = ()
    tools: Tools = ()

    @field_validator("fragment", mode="after")
    @classmethod
    def _is_a_persona(cls, value: str | dict[str, Any] | None) -> str | dict[str, Any] | None:
        """A partial persona is checked as a fragment file would be, and stands without its envelope."""
        if not isinstance(value, dict):
            return value
        whole = (
            value if value.get("type") == "Fragment" and "persona" in value else {"type": "Fragment", "persona": value}
        )
        try:
            return parse_fragment(SpecFile("fragment", whole, {})).as_dict()
        except SpecError as error:
            raise ValueError("; ".join(str(mistake).removeprefix(": ") for mistake in error.mistakes)) from error

    @property
    def partial_persona(self) -> Mapping[str, Any]:
        """The fragment of the people who sit here; ValueError while it is only a path."""
        if isinstance(self.fragment, str):
            raise ValueError(f"the fragment {self.fragment} was not read yet; call `resolved` first")  # noqa: TRY004 -- the type is right, the moment is wrong
        return self.fragment or {}

    @property
    def rule(self) -> str:
        """Who may sit here, in words."""
        if isinstance(self.where, str):
            return self.where
        return ", ".join(f"{fact}: {_wanted_text(wanted)}" for fact, wanted in self.where.items()) or "anybody"

    @property
    def rule_key(self) -> str:
        """The same for seats whose rules are the same, in whatever order their facts stand."""
        return self.where if isinstance(self.where, str) else repr(sorted(self.where.items(), key=lambda item: item[0]))

    def resolved(self, files: NamedFiles, place: Place) -> SeatSpec:
        """The same with what its files hold in place of their paths; `files` has what is wrong with them."""
        fragment = self.fragment
        if isinstance(fragment, str):
            persona = files.read(fragment, (*place, "fragment"), load_fragment)
            fragment = fragment if persona is None else persona.as_dict()
        documents = read_documents(self.documents, files, place)
        return self.model_copy(update={"fragment": fragment, "documents": documents})

    def with_equipment(self, documents: Sequence[DocumentSpec], tools: Sequence[ToolName]) -> SeatSpec:
        """The same with what everybody of the world has at hand, before what is theirs."""
        both = {"documents": (*documents, *self.documents), "tools": tuple(dict.fromkeys((*tools, *self.tools)))}
        return self.model_copy(update=both)

    def mistakes(self, shared: Sequence[DocumentSpec] = ()) -> Iterator[PlacedMistake]:
        """What is wrong within these seats, beside documents that everybody has: place, problem, cure."""
        yield from equipment_mistakes(self.documents, self.tools)
        yield from self._unreadable()
        everybodys = {one.title.casefold() for one in shared}
        for index, one in enumerate(self.documents):
            if one.title.casefold() in everybodys:
                yield ("documents", index), "everybody has a document of this name", "give this one another `name`"
        if self.overwrite and self.fragment is None:
            yield ("overwrite",), "there is no fragment that could overwrite anything", "remove it"
        if isinstance(self.fragment, str) or self.overwrite or isinstance(self.where, str):
            return
        for fact, value in (self.fragment or {}).items():
            wanted = self.where.get(fact)
            if isinstance(wanted, Fact) and isinstance(value, Fact) and wanted != value:
                problem = f"the fragment says {value!r}, and `where` only lets in people with {wanted!r}"
                yield ("fragment",), f"{fact}: {problem}", "change one, or add `overwrite: true`"

    def _unreadable(self) -> Iterator[PlacedMistake]:
        """What is wrong with an expression whatever the facts are."""
        try:
            Expression.parse(self.where if isinstance(self.where, str) else "True")
        except BadExpression as error:
            yield ("where",), str(error), error.cure


def _wanted_text(wanted: Fact | tuple[Fact, ...] | SeatRange) -> str:
    return " or ".join(str(value) for value in wanted) if isinstance(wanted, tuple) else str(wanted)
