"""Remarks on a job before anybody answers: placeholders that people would read as they stand, and scales in doubt."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from troupe_batch.errors import Mistake
from troupe_batch.spec_files import SpecFile
from troupe_batch.studies.scales import FEWEST_STEPS_FOR_BOXES
from troupe_batch.studies.study import QuestionInfo
from troupe_batch.studies.values import ValueKind

# Fields whose texts no person reads: names in the data, kinds, files, and documents, which may be code.
_NOT_READ = frozenset(
    {"id", "kind", "type", "title", "function", "fragment", "documents", "tools", "where", "when", "to", "file", "path"}
)
_MOST_CHARACTERS = 50_000
_MOST_TOLD = 20
_NAME = r"[^\W\d]\w*(?:[ .-]\w+){0,4}"
_FORMS = (
    r"\{\{-?\s*[^\W\d][^{}\n]{0,80}\}\}",
    r"[$#]\{[^{}\n]{1,80}\}",
    rf"\{{(?:{_NAME}|[A-Z_]+:[A-Za-z0-9_.:]+)\}}",
    rf"\[\[\s*{_NAME}\s*\]\]",
    rf"<<\s*{_NAME}\s*>>",
    r"<%=?[^%\n]{1,80}%>",
    rf"%\({_NAME}\)[sdf]",
    r"(?<![\w%])%[^\W\d]\w*%(?!\w)",
)
_PLACEHOLDER = re.compile("|".join(_FORMS))
# Braces that belong to a formula or to code, and are no placeholders: \frac{a}{b}, if (x) {stop}.
_FORMULA = re.compile(r"\\[A-Za-z]{1,40}(?:\{[^{}\n]{0,200}\})+|\)\s{0,3}\{[^{}\n]{0,200}\}")


def unfilled_placeholders(file: SpecFile) -> list[Mistake]:
    """What a job's file shows people that looks like a placeholder, each with its line; the first twenty."""
    study = file.data.get("study") if isinstance(file.data, dict) else None
    found: list[Mistake] = []
    for place, text in _texts_in(study, ("study",)):
        shown = _FORMULA.sub(" ", text[:_MOST_CHARACTERS])
        for placeholder in dict.fromkeys(_PLACEHOLDER.findall(shown)):
            problem = f"`{placeholder}` reaches people as it stands: nothing fills it in"
            found.append(file.mistake(place, problem, "write the words themselves, one arm for each version"))
            if len(found) == _MOST_TOLD:
                return found
    return found


def _texts_in(value: Any, place: tuple[str | int, ...]) -> Iterator[tuple[tuple[str | int, ...], str]]:
    if isinstance(value, dict):
        for key, item in value.items():
            if key not in _NOT_READ:
                yield from _texts_in(item, (*place, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _texts_in(item, (*place, index))
    elif isinstance(value, str):
        yield place, value


def scale_remarks(questions: Iterable[QuestionInfo]) -> Iterator[str]:
    """Labels that look as if they were no steps, numbers with other codes, and scales without a known best end."""
    for question in questions:
        if question.value_kind is not ValueKind.CODE:
            continue
        scale = question.scale
        if scale.suspects:
            named = " and ".join(step.named for step in scale.suspects)
            yield f"{question.id}: {named} will be in no mean and no box; {scale.cure_of_suspects}"
        if scale.disagrees:
            first = next(step for step in scale.steps if step.label != str(step.code))
            yield (
                f"{question.id}: the label {first.label!r} has the code {first.code}, and means are of codes; "
                "write numbers without quotes, or as {code, label}"
            )
        if scale.best is None and len(scale.steps) >= FEWEST_STEPS_FOR_BOXES:
            yield f"{question.id}: no top 2, as nothing says which end is the best; {scale.cure_of_direction}"
