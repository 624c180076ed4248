"""Scene of an act: who is in reach, what was brought to see last, which documents there are."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

_NOW, _NOW_ENDS = "<now>\n", "</now>"
_MEMORY_ENDS = "</memory>"
_BLOCK_ENDS = ("</persona>", _MEMORY_ENDS, _NOW_ENDS)
_IN_REACH = "\n- in reach:\n"
_PERSON = "  - "
# An entry of the memory, on lines of its own: "- (Monday ...) CONSULT showed you: the text of a document".
_RESULT = re.compile(r"\n- (?:\([^\n)]*\) )?([A-Z][A-Z0-9_]*) showed you:[ \n]")
# What was shown stands behind bars.
_DOCUMENTS = re.compile(r"\bdocuments:\n(([ |]*)- [^\n]+(?:\n\2- [^\n]+)*)", re.IGNORECASE)


def people_in_reach(texts: Sequence[str]) -> list[str]:
    """The names that the latest `<now>` block lists under `- in reach:`, without the relation behind a colon."""
    block = _latest_block(texts)
    start = block.find(_IN_REACH)
    names = []
    for line in block[start + len(_IN_REACH) :].split("\n") if start >= 0 else ():
        if not line.startswith(_PERSON):
            break
        names.append(line.removeprefix(_PERSON).partition(": ")[0].strip().replace("&lt;", "<"))
    return names


def action_that_showed(texts: Sequence[str]) -> str | None:
    """The faculty's action whose result is the latest entry of the memory; None where that is something else."""
    for text in reversed(texts):
        end = text.rfind(_MEMORY_ENDS)
        if end >= 0:
            found = _RESULT.match(text, max(0, text.rfind("\n- ", 0, end)), end)
            return found[1] if found else None
    return None


def question_put(texts: Sequence[str], ids: Iterable[str]) -> str | None:
    """The first of these questions that is put now, behind all that the person knows; None where none of them is."""
    text = texts[-1] if texts else ""
    start = max(0, *[text.rfind(closing) for closing in _BLOCK_ENDS])
    return next((name for name in ids if text.find(f'<question id="{name}"', start) >= 0), None)


def documents_named(texts: Sequence[str]) -> list[str]:
    """The names in the latest list of documents that the prompt shows."""
    for text in reversed(texts):
        if found := _DOCUMENTS.findall(text):
            lines: str = found[-1][0]
            return [line.lstrip(" |").removeprefix("- ") for line in lines.split("\n")]
    return []


def _latest_block(texts: Sequence[str]) -> str:
    for text in reversed(texts):
        start = text.rfind(_NOW)
        if start >= 0:
            # From the line break on, so that a first line is found like any other.
            return text[start + len(_NOW) - 1 : text.find(_NOW_ENDS, start)]
    return ""
