"""Open question: an answer in the person's own words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

from pydantic import Field

from troupe_batch.studies.questions.choosing import OFFERED
from troupe_batch.studies.questions.form import QUESTION, Blank, QuestionForm
from troupe_batch.studies.questions.options import Label
from troupe_batch.studies.questions.reading import Reader, Unreadable, or_null, short_text
from troupe_batch.studies.study import Answer, QuestionInfo
from troupe_batch.studies.values import ValueKind


class OpenText(QuestionForm):
    """An answer in the person's own words."""

    kind: ClassVar[str] = "open"
    value_kind: ClassVar[ValueKind] = ValueKind.TEXT
    called_elsewhere: ClassVar[Mapping[str, str]] = {
        **dict.fromkeys(("text", "free_text", "open_text", "open_ended", "textarea", "essay"), "write `type: open`"),
        "date": "write `type: open`, or `type: numeric` where a year will do",
    }

    type: Literal["open"] = Field(default="open", description="An answer in the person's own words.")
    words: int = Field(default=40, ge=1, le=2_000, description="About how many words an answer should have.")
    dont_know: Label | None = Field(default=None, description=OFFERED)

    @property
    def info(self) -> QuestionInfo:
        """Its wording."""
        return QuestionInfo(self.id, self.kind, self.value_kind, self.text, dont_know=self.dont_know)

    @property
    def spoken_words(self) -> int:
        """As many as it asks for."""
        return self.words

    def node(self, order: Sequence[str] | None) -> dict[str, Any]:  # noqa: ARG002 -- there are no options
        """A text, or null for don't know."""
        return {"type": "string"} if self.dont_know is None else or_null({"type": "string"})

    def blank(self) -> Blank:
        """With how many words are asked for."""
        facts = {"id": self.id, "text": self.text, "dont_know": self.dont_know}
        return Blank(QUESTION, "question.md", (), form="text", words=self.words, **facts)

    def reader(self, *, seed: int) -> Reader:  # noqa: ARG002 -- nothing is drawn
        """Any text that is not empty."""
        return _TextReader(self)

    def as_replied(self, value: Any) -> Any:
        """Null where it is what those say who do not know."""
        return None if self.dont_know is not None and value == self.dont_know else value


class _TextReader(Reader):
    def __init__(self, question: OpenText) -> None:
        super().__init__(question.id, question.kind)
        self._dont_know = question.dont_know
        self._words = question.words

    def said(self, answer: Answer) -> Any:
        return answer.text

    def example(self) -> Any:
        return " ".join(["something"] * self._words)

    def _fill(self, answer: Answer, value: Any) -> None:
        if value is None and self._dont_know is not None:
            answer.is_dont_know = True
            return
        if not isinstance(value, str):
            raise Unreadable(f"{short_text(value)} is no text")
        text = value.strip()
        if not text:
            raise Unreadable("the text is empty")
        if not text.isascii() and not _is_unicode(text):
            raise Unreadable("the text is broken: half of a character is missing")
        answer.text = text


def _is_unicode(text: str) -> bool:
    """False for lone surrogates, which JSON escapes can spell and UTF-8 files cannot hold."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
