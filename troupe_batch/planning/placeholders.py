"""Placeholders that nobody fills in: people would read `{brand}` itself."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from troupe_batch.errors import Mistake
from troupe_batch.spec_files import SpecFile

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
