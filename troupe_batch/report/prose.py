"""Prose that a model wrote about the people of a run, in a few lines for the terminal."""

from __future__ import annotations

from collections.abc import Iterator

from troupe_batch.analysis.duplicates import MANY, Duplicates
from troupe_batch.analysis.prose import ProseCounts
from troupe_batch.terminal import SafeText

_WHAT = {"bio": "a bio", "full": "a full persona"}


def prose(found: ProseCounts) -> SafeText:
    """How many texts there are, were mended or left out, and whether they are too much alike."""
    shown = SafeText("Prose: ", style="bold")
    lines = [(_prose_line(found), ""), *_trouble(found), (_alike(found), "yellow" if found.duplicates.are_many else "")]
    for place, (line, style) in enumerate(lines):
        shown.append(("\n" if place else "") + line, style=f"not bold {style}".strip())
    return shown


def _prose_line(found: ProseCounts) -> str:
    line = f"{_WHAT.get(found.level, found.level)} about {found.written:,} of {_people(found.people)}"
    if found.repaired:
        line += f", {found.repaired:,} of them written again because the first text contradicted the facts"
    if found.cached_share is not None:
        line += f"; {found.cached_share:.0%} of the prompt tokens came from the endpoint's cache"
    return line


def _trouble(found: ProseCounts) -> Iterator[tuple[str, str]]:
    if found.contradicted:
        facts = ", ".join(f"{fact} {number:,}" for fact, number in found.contradicted.items())
        yield f"Contradicted at first: {facts}", ""
    if found.left_out:
        more = ", …" if found.left_out > len(found.left_out_ids) else ""
        line = f"Left out: the text about {_people(found.left_out)} contradicted the facts twice"
        yield f"{line} ({', '.join(found.left_out_ids)}{more}); they answered as their facts alone", "yellow"
    if found.unchecked:
        line = f"Not checked: whether the text about {_people(found.unchecked)} contradicts the facts"
        yield f"{line} could not be told; `llm_calls` says why", "yellow"
    if found.missing:
        yield f"Missing: no text was had about {_people(found.missing)}; `llm_calls` says why", "yellow"


def _alike(found: ProseCounts) -> str:
    duplicates = found.duplicates
    of = f"{duplicates.texts:,} texts"
    if duplicates.texts < found.written:
        of = f"{duplicates.texts:,} texts looked at, of {found.written:,}"
    line = f"Near-duplicates: {duplicates.alike:,} of {of} ({duplicates.share:.1%})"
    if duplicates.alike:
        line += f" in {duplicates.clusters:,} clusters, the largest of {duplicates.largest:,}; {_pair_text(duplicates)}"
    if duplicates.are_many:
        line += f". More than {MANY:.0%}: these people are less different than their facts"
    return line


def _pair_text(duplicates: Duplicates) -> str:
    return "for example " + ", ".join(f"{p.person_id} and {p.other_id} ({p.similarity:.2f})" for p in duplicates.pairs)


def _people(number: int) -> str:
    return f"{number:,} {'person' if number == 1 else 'people'}"
