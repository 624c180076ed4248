"""Form of a question: all that the library asks of one, so that each stands in a room of its own below `forms`."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

from pydantic import ConfigDict, Field

from troupe_batch.simulation.templates import Templates
from troupe_batch.spec_files import BuiltSpec
from troupe_batch.studies.questions.options import Prose, QuestionId
from troupe_batch.studies.questions.ordering import ShownOptions
from troupe_batch.studies.questions.reading import Reader
from troupe_batch.studies.questions.when import ASKED_WHEN, FLOW, When
from troupe_batch.studies.study import QuestionInfo
from troupe_batch.studies.values import ValueKind

LONG_LISTS = Templates(Path(__file__).parent / "prompts" / "long", "survey/long")
EXCLUSIVE = Templates(Path(__file__).parent / "prompts" / "exclusive", "survey/exclusive")
QUESTION = Templates(Path(__file__).parent / "prompts", "survey")
# No text that users write can hold this character, so a hole is never mistaken for text.
_HOLE = "\x00"


class Blank:
    """A template that was rendered with holes in it, and is filled by joining: no template runs per answer."""

    __slots__ = ("_between",)

    def __init__(self, templates: Templates, template: str, holes: tuple[str, ...], **facts: Any) -> None:
        rendered = templates.render(template, **{name: f"{_HOLE}{name}{_HOLE}" for name in holes}, **facts)
        pieces = rendered.split(_HOLE)
        if tuple(pieces[1::2]) != holes:
            raise ValueError(f"{template} must use {', '.join(holes)} once each, in this order")
        self._between = tuple(pieces[::2])

    def fill(self, *values: str) -> str:
        """The text with the values in its holes, in the order in which the holes were named."""
        text = self._between[0]
        for value, after in zip(values, self._between[1:], strict=True):
            text += value + after
        return text


class QuestionForm(BuiltSpec):
    """A question as it stands in a job file or is built in Python; each form is a class of its own.

    `kind` is what the form is called in the data, `value_kind` what its answers are there. `called_elsewhere` holds
    names that other tools have for it, each with what to write here.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    names_elsewhere: ClassVar[Mapping[str, str]] = FLOW
    kind: ClassVar[str]
    value_kind: ClassVar[ValueKind]
    called_elsewhere: ClassVar[Mapping[str, str]] = {}

    id: QuestionId = Field(description="Name of the question and of its column: letters, digits, single underscores.")
    text: Prose = Field(description="The question as people read it.")
    when: When = ASKED_WHEN

    @property
    @abstractmethod
    def info(self) -> QuestionInfo:
        """The question as tables and reports need it."""

    @abstractmethod
    def node(self, order: Sequence[str] | None) -> dict[str, Any]:
        """The property of the reply's schema, options in the `order` shown, None for that of the file."""

    @abstractmethod
    def blank(self) -> Blank:
        """The question as people read it, with a hole for its options where it has a `listing`."""

    @abstractmethod
    def reader(self, *, seed: int) -> Reader:
        """What reads the replies to it."""

    @property
    def listing(self) -> ShownOptions | None:
        """Its options as they are shown; None where there are none."""
        return None

    @property
    def names_in_schema(self) -> tuple[str, ...]:
        """What of its options a schema spells out."""
        return ()

    @property
    def asks_for_chances(self) -> bool:
        """Whether a reply states chances, so that the rules of a survey must say how."""
        return False

    @property
    def asks_yes_or_no(self) -> bool:
        """Whether a reply says yes or no to each option, so that the rules of a survey must say how."""
        return False

    @property
    def spoken_words(self) -> int | None:
        """About how many words of a person who acts answer it aloud; None where the answer is typed."""
        return None

    @property
    def amounts(self) -> tuple[float, float, str] | None:
        """The least and the greatest number that an answer can have, and what these are called; None without any."""
        return None

    @property
    def template_digests(self) -> Mapping[str, str]:
        """SHA-256 (hex) of the templates that only this form needs, by name: plans without it keep their digests."""
        return {}

    def named_outright(self) -> Self:
        """The same question where an answer is named, and no chances are stated."""
        return self

    def as_replied(self, value: Any) -> Any:
        """A value that a study in Python returned, in the form of a model's reply."""
        return value
