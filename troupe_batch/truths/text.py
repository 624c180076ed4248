"""Text: an answer in own words, from templates that are filled in."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Annotated, Literal

from pydantic import Field, model_validator

from troupe_batch.seeded import DrawStream
from troupe_batch.truths.strings import MARK, sentence
from troupe_batch.truths.truth import AnswerMaker, QuestionTruth, SchemaNode, Scope, Situation, TextFacts, without_null

_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")

Words = dict[str, Annotated[list[str], Field(min_length=1)]]


class TextTemplate(Scope):
    """One way to answer in own words, and for whom; for everybody where no scope is given."""

    text: str = Field(min_length=1, max_length=4000, description="{fact} and {word list} are filled in.")

    def fits(self, facts: TextFacts, material: str, words: Words) -> bool:
        """Whether it holds for this person, and all that it speaks of is known."""
        return self.holds(facts, material) and all(name in words or name in facts for name in self._names)

    @cached_property
    def _names(self) -> tuple[str, ...]:
        return tuple(_PLACEHOLDER.findall(self.text))


class TextQuestion(QuestionTruth):
    """An open question; one fitting template is taken and filled in."""

    type: Literal["text"]
    templates: list[TextTemplate | str] = Field(min_length=1, description="Texts, or {text, when, material}.")
    words: Words = Field(default_factory=dict, description="Lists to fill {name} from, one word at random.")

    @model_validator(mode="after")
    def _placeholders_are_names(self) -> TextQuestion:
        check_placeholders("templates", self.templates)
        return self

    def maker(self, question_id: str, node: SchemaNode) -> AnswerMaker | None:  # noqa: ARG002 -- all are asked alike
        """A text, or null."""
        core = without_null(node)
        if core.get("type") != "string" or "enum" in core:
            return None
        rate = self.dont_know.rate if self.dont_know and core is not node else 0.0
        return lambda situation, draws: None if draws.uniform() < rate else self.said(situation, draws)

    def said(self, situation: Situation, draws: DrawStream) -> str:
        """One fitting template, filled in and marked; a sentence that says little where none fits."""
        facts, material = situation.facts, situation.material
        fitting = [one.text for one in self._templates if one.fits(facts, material, self.words)]
        return MARK + filled(draws.choice(fitting), facts, self.words, draws) if fitting else sentence(draws)

    @cached_property
    def _templates(self) -> tuple[TextTemplate, ...]:
        return tuple(one if isinstance(one, TextTemplate) else TextTemplate(text=one) for one in self.templates)


def filled(template: str, facts: TextFacts, words: Mapping[str, Sequence[str]], draws: DrawStream) -> str:
    """The template with each placeholder replaced: by a word of its list, drawn, or by the fact."""
    return _PLACEHOLDER.sub(lambda m: draws.choice(words[m[1]]) if m[1] in words else facts[m[1]], template)


def check_placeholders(place: str, templates: Sequence[TextTemplate | str]) -> None:
    """ValueError where a template has a placeholder without a name."""
    for number, template in enumerate(templates):
        text = template if isinstance(template, str) else template.text
        for name in _PLACEHOLDER.findall(text):
            if not name.strip():
                raise ValueError(f"{place}[{number}]: {{}} is empty; name a fact or a word list in it")
