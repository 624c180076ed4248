"""Proposal of a model from prose, made into a population file for a person to correct: checked, sourced, marked."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any

from troupe_batch.demography.draft import MOST_DIMENSIONS, spec_text
from troupe_batch.demography.naming import dimension_name, slug
from troupe_batch.demography.outline import one_line
from troupe_batch.demography.parts import plain
from troupe_batch.demography.report import CompilingReport, Entry, ValueOutcome
from troupe_batch.population.curves import BadBin, read_bins
from troupe_batch.population.facts.names import has_locale
from troupe_batch.population.margins import Level, PopulationFinding
from troupe_batch.population.spec import SCHEMA

ASSUMPTION = "assumption: not in the text"
_NUMBER = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+")
_MOST_SOURCES = 18
_MOST_QUOTED = 1_500


@dataclass(frozen=True, slots=True)
class SourceText:
    """The text that a proposal comes from: its name, what it says, and which model read it."""

    name: str
    text: str
    model: str

    def has(self, sentence: str) -> bool:
        """Whether the sentence stands in the text, whatever its line breaks."""
        return bool(sentence) and _folded_words(sentence) in _folded_words(self.text)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Wishes for a population: what it is to be called, how many people it is to have, and its seed."""

    id: str
    size: int
    seed: int = 0


@dataclass(frozen=True)
class Proposal:
    """A population file that a model proposed, as fields, as text with comments, and a report."""

    spec: dict[str, Any]
    text: str
    report: CompilingReport


@dataclass(frozen=True, slots=True)
class _Category:
    label: str
    percent: Decimal
    sentence: str | None

    @property
    def shown(self) -> str:
        return f"{self.label} {plain(self.percent)}"


@dataclass
class _Reading:
    """The proposal in the making."""

    prose: SourceText
    dimensions: dict[str, dict[str, Any]] = field(default_factory=dict)
    entries: list[Entry] = field(default_factory=list)
    findings: list[PopulationFinding] = field(default_factory=list)

    def leave_out(self, name: str, found: str, why: str) -> None:
        self.entries.append(Entry(ValueOutcome.LEFT_OUT, name, (name,), found, why))


def read_proposal(value: Mapping[str, Any], prose: SourceText, wanted: Wanted) -> Proposal | None:
    """The file that `value`, a reply of `proposal_schema`, proposes; None where no dimension of it can be used.

    It says `proposed: true`, so that nobody is drawn from it. A figure counts as found where its sentence stands in the
    text and the number in the sentence; else its source says that it is an assumption.
    """
    reading = _Reading(prose)
    for proposed in value["dimensions"]:
        _read_dimension(proposed, reading)
    if not reading.dimensions:
        return None
    locale = str(value["locale"])
    if re.fullmatch(r"[a-z]{2,3}(_[A-Z]{2})?", locale) is None or not has_locale(locale):
        problem = f"{one_line(locale)[:60]!r} is no locale with names; en_US is written"
        reading.findings.append(PopulationFinding(Level.WARNING, "locale", problem, "write that of the people"))
        locale = "en_US"
    universe = one_line(str(value["universe"]))[:1_900] or "not said"
    title = one_line(str(value["title"]))[:200]
    spec: dict[str, Any] = {"schema": SCHEMA, "id": _id(wanted.id)}
    spec |= {"title": title} if title else {}
    spec |= {"proposed": True, "size": wanted.size, "seed": wanted.seed, "locale": locale}
    spec |= {"universe": {"description": universe}, "dimensions": reading.dimensions}
    head = (
        f"Proposed by {prose.model} from {prose.name}. Nobody is drawn from this file while it says `proposed: true`.\n"
        "Read it, correct it, put a source in the place of each line that begins with `proposed by` or `assumption`, "
        "and remove `proposed`."
    )
    report = CompilingReport(
        f"proposed by {prose.model} from {prose.name}",
        tuple(reading.entries),
        tuple(reading.findings),
        tuple(reading.dimensions),
    )
    return Proposal(spec, spec_text(spec, head, {}), report)


def _read_dimension(proposed: Mapping[str, Any], reading: _Reading) -> None:
    asked = one_line(str(proposed["name"])) or "(no name)"
    categories, notes = _categories(proposed["categories"])
    found = ", ".join(c.shown for c in categories) or "nothing"
    total = sum((c.percent for c in categories), Decimal(0))
    if len(reading.dimensions) >= MOST_DIMENSIONS:
        reading.leave_out(asked, found, f"a population has at most {MOST_DIMENSIONS} dimensions")
        return
    if not total:
        reading.leave_out(asked, found, "; ".join([*notes, "no category has a share above 0"]))
        return
    name = dimension_name(slug(asked)[:60].rstrip("_"), taken=reading.dimensions)
    is_numeric = proposed["kind"] == "numeric"
    if is_numeric and (problem := _no_bins([c.label for c in categories])):
        notes.append(f"{problem}: written as categories")
        is_numeric = False
    fields: dict[str, Any] = {"type": "numeric", "integer": True} if is_numeric else {"type": "categorical"}
    fields["unit"] = "percent"
    if total != 100:
        notes.append(f"the figures sum to {plain(total)}: divided by their sum")
        fields["on_sum"] = "renormalize"
    fields["bins" if is_numeric else "values"] = {c.label: float(c.percent) for c in categories}
    fields["source"] = _source_lines(categories, reading.prose)
    if assumed := [c.shown for c in categories if not _is_in_text(c, reading.prose)]:
        problem = f"not in the text: {', '.join(assumed)}"
        reading.findings.append(
            PopulationFinding(Level.WARNING, f"dimensions.{name}", problem, "find a source, or correct it")
        )
    if notes:
        fields["note"] = "; ".join(notes)[:3_900]
    reading.dimensions[name] = fields
    outcome = ValueOutcome.REPAIRED if notes else ValueOutcome.TAKEN
    reading.entries.append(Entry(outcome, asked, tuple(c.label for c in categories), found, "; ".join(notes), name))


def _categories(proposed: Sequence[Mapping[str, Any]]) -> tuple[list[_Category], list[str]]:
    """The categories with figures that can be used, and what was wrong with the others."""
    kept: dict[str, _Category] = {}
    notes = []
    for one in proposed:
        label = one_line(str(one["label"]))[:200].strip()
        percent = _percent_of(one["percent"])
        if not label or percent is None:
            notes.append(f"left out: {label or 'a category without a name'}, {one['percent']}, which is no percent")
        elif label in kept:
            notes.append(f"left out: {label!r} stands twice")
        else:
            kept[label] = _Category(label, percent, one["sentence"] and one_line(str(one["sentence"])))
    return list(kept.values()), notes


def _percent_of(value: object) -> Decimal | None:
    try:
        percent = Decimal(str(value))
    except InvalidOperation:
        return None
    return percent if percent.is_finite() and 0 <= percent <= 100 else None


def _no_bins(labels: list[str]) -> str | None:
    """Why the labels are no bins; None where they are."""
    try:
        read_bins(labels, integer=True)
    except BadBin as error:
        return str(error)
    return None


def _source_lines(categories: Sequence[_Category], prose: SourceText) -> list[str]:
    """A line for each sentence that figures come from, and one for the figures that come from none."""
    quoted = dict.fromkeys(c.sentence for c in categories if c.sentence and _is_in_text(c, prose))
    lines = [
        f"proposed by {one_line(prose.model)} from {one_line(prose.name)}: '{sentence[:_MOST_QUOTED]}'"
        for sentence in list(quoted)[:_MOST_SOURCES]
    ]
    assumed = [c.shown for c in categories if not _is_in_text(c, prose)]
    return lines + ([f"{ASSUMPTION}: {', '.join(assumed)}"[:_MOST_QUOTED]] if assumed else [])


def _is_in_text(category: _Category, prose: SourceText) -> bool:
    """Whether the sentence stands in the text, and the figure in the sentence."""
    if category.sentence is None or not prose.has(category.sentence):
        return False
    numbers = {Decimal(number.replace(",", "")) for number in _NUMBER.findall(category.sentence)}
    return category.percent in numbers


def _folded_words(text: str) -> str:
    return " ".join(one_line(text).casefold().split())


def _id(name: str) -> str:
    plain_name = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-._")
    return plain_name[:100] or "proposed"
