"""Compilation of a demography, in which people write what they know of a country, to a strict population file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from troupe_batch.demography.ages import ages
from troupe_batch.demography.conditional import broken_down_by, by_category, demographic_blocks
from troupe_batch.demography.cumulative import cumulative
from troupe_batch.demography.distributions import distribution
from troupe_batch.demography.draft import FILE_SOURCE, Choices, Draft, spec_text
from troupe_batch.demography.figures import FigureKind
from troupe_batch.demography.home import Home, home_of
from troupe_batch.demography.medians import check_medians
from troupe_batch.demography.naming import slug
from troupe_batch.demography.nested import is_nested, nested
from troupe_batch.demography.outline import Leaf, Section, one_line, outline
from troupe_batch.demography.report import CompilingReport, ValueOutcome
from troupe_batch.demography.status import employment, is_of_workers, who_works
from troupe_batch.demography.work import is_population_size, of_those_who_work, workers_of
from troupe_batch.errors import FixTheInput
from troupe_batch.population.margins import Level
from troupe_batch.population.spec import SCHEMA, PopulationSpec

_MADE_UP = re.compile(
    r"\b(gpt|chatgpt|openai|llm|llms|language model|claude|gemini|llama|copilot|ai|synthe[st]i[sz]ed|synthetic|"
    r"generated|made up|invented|fictional|fictitious)\b|gpt-",
    re.IGNORECASE,
)
_ADULT = 18
# A span such as 2018-22 is no single year.
_A_YEAR = re.compile(r"(?<![\w.,/-])(?:19|20)\d\d(?![\w/-]|[.,]\d)")


@dataclass(frozen=True)
class Compiled:
    """A population made from a demography: its fields, the file as text with comments, and the report."""

    spec: dict[str, Any]
    text: str
    report: CompilingReport

    def population_spec(self) -> PopulationSpec:
        """The fields, checked."""
        return PopulationSpec.model_validate(self.spec)


def compile_demography(
    demography: Mapping[str, Any],
    *,
    size: int,
    seed: int = 0,
    locale: str | None = None,
    country: str | None = None,
    choices: Choices | None = None,
) -> Compiled:
    """A population of `size` people from a TinyTroupe demography `{title, description, source, content}`.

    Every value of the file has an entry in the report: taken, repaired, used as a check, or left out. No model is
    asked. FixTheInput where it is no demography, or nothing in it can be drawn from. `country` is a fact of everybody,
    and `locale` that of their names and of prose about them: what is not given follows from the file's own words.
    """
    choices = choices or Choices()
    _check_ages(choices)
    root = outline(_content_of(demography))
    head, draft = _Head.of(demography), Draft(choices)
    _walk(root, draft)
    check_medians(root, draft)
    draft.record_sources()
    for group in root.walk():
        _leave_out_the_rest(group, draft)
    made = dict(sorted(draft.made.items(), key=lambda item: item[1].order))
    entries = tuple(entry for _, entry in sorted(draft.numbered, key=lambda pair: pair[0]))
    if not made:
        raise FixTheInput(
            "nothing in the demography can be drawn from: no block holds shares of people. Write them as "
            '`"Gender": {"Female": "51%", "Male": "49%"}`'
        )
    _find(draft, head, set(made))
    where = home_of(head.title, head.description, draft, country=country, locale=locale)
    findings = sorted(draft.findings, key=lambda finding: finding.place != "source")
    dimensions = where.dimension(made) | {name: one.fields for name, one in made.items()}
    report = CompilingReport(head.title or "demography", entries, tuple(findings), tuple(dimensions))
    spec = _spec(head, draft, dimensions, where) | {"size": size, "seed": seed} | where.fields
    spec = {key: spec[key] for key in _ORDER if key in spec}
    comments = {name: f"{one.place}: {one.found}" for name, one in made.items()}
    return Compiled(spec, spec_text(spec, _top(head, report), comments), report)


_ORDER = ("schema", "id", "title", "size", "seed", "locale", "names", "universe", "sources", "dimensions")


@dataclass(frozen=True, slots=True)
class _Head:
    """What the file says about itself."""

    title: str
    description: str
    source: str

    @classmethod
    def of(cls, demography: Mapping[str, Any]) -> _Head:
        texts = (demography.get(key) for key in ("title", "description", "source"))
        return cls(*(one_line(text) if isinstance(text, str) else "" for text in texts))

    @property
    def is_made_up(self) -> bool:
        """Whether the file itself says that its figures are no statistic."""
        return _MADE_UP.search(f"{self.source} {self.description}") is not None

    @property
    def citation(self) -> str:
        """The source of every dimension, in a line."""
        what = self.title or "a demography without a title"
        whence = self.source or "no source is named"
        flag = " (not an official statistic)" if self.is_made_up else ""
        return f"{what}: {whence}"[:1_900] + flag


def _content_of(demography: Any) -> Mapping[Any, Any]:
    content = demography.get("content") if isinstance(demography, Mapping) else None
    if not isinstance(content, Mapping) or not content:
        raise FixTheInput("this is no demography: it needs `content`, a group of labelled blocks of figures")
    return content


def _check_ages(choices: Choices) -> None:
    youngest, oldest = choices.ages
    if not 0 <= youngest <= oldest <= 120:
        raise FixTheInput(f"the ages {youngest} to {oldest} cannot be kept; write for example 18-99")


def _walk(root: Section, draft: Draft) -> None:
    """Every block in the order of the file; those that speak of another block wait until all the others are made."""
    blocks = demographic_blocks(root)
    employment(root, draft)
    later: list[partial[None]] = []
    about_work: list[Section] = []
    queue = [root]
    while queue:
        group = queue.pop(0)
        if draft.is_unwanted(group):
            leaves = [leaf for below in group.walk() for leaf in below.leaves]
            draft.record(ValueOutcome.LEFT_OUT, group, leaves, "left out, as was asked")
            continue
        _context(group, draft)
        block = broken_down_by(group, draft, blocks)
        if block is not None:
            later.append(partial(by_category, group, draft, block))
        elif is_of_workers(group, draft):
            about_work.append(group)
            if is_nested(group, draft) or workers_of(group, draft) is not None:
                continue
        elif not any(rule(group, draft) for rule in (ages, cumulative, nested)):
            distribution(group, draft)
        queue = [*group.groups, *queue]
    _about_work(about_work, root, draft)
    for rest in later:
        rest()


def _about_work(groups: list[Section], root: Section, draft: Draft) -> None:
    among = who_works(root, draft)
    for group in groups:
        of_those_who_work(group, draft, root, among)


def _context(group: Section, draft: Draft) -> None:
    """What the file says about whom it is about."""
    for leaf in draft.open(group.leaves):
        if leaf.label.casefold() in ("country", "nation", "place", "area") and isinstance(leaf.value, str):
            draft.universe.setdefault("country", one_line(leaf.value)[:200])
            draft.record(ValueOutcome.USED, group, [leaf], "whom the population stands for")
        elif is_population_size(leaf):
            draft.record(ValueOutcome.USED, group, [leaf], "how many people the file is about, for headcounts in it")


def _leave_out_the_rest(group: Section, draft: Draft) -> None:
    if group.source is not None:
        draft.record(ValueOutcome.USED, group, [group.source], "the source of a block from which nothing is drawn")
    open_leaves = draft.open(group.leaves)
    for why in dict.fromkeys(_why_not(leaf) for leaf in open_leaves):
        draft.record(ValueOutcome.LEFT_OUT, group, [leaf for leaf in open_leaves if _why_not(leaf) == why], why)


def _why_not(leaf: Leaf) -> str:
    if isinstance(leaf.value, list | tuple):
        return "a list without figures: nothing says how many people each holds for"
    if leaf.figure is None:
        has_percent = isinstance(leaf.value, str) and "%" in leaf.value
        return "a percent within a text" if has_percent else "words without a figure"
    if leaf.figure.kind in (FigureKind.MONEY, FigureKind.YEARS):
        return "an amount, and no share of people"
    return "a figure that does not say what it is a share of"


def _find(draft: Draft, head: _Head, made: set[str]) -> None:
    if head.is_made_up:
        draft.warn("source", f"{head.source!r} is not an official statistic", "check the figures at their sources")
        if draft.sources:
            cited = "sources that blocks of such a file cite are taken from it, and were not looked up"
            draft.warn("source", cited, "look them up")
    elif not head.source:
        draft.warn("source", "the demography names no source", "add `source:` to it, or sources to the population")
    youngest, oldest = draft.choices.ages
    if "age" not in made:
        draft.warn("dimensions", "there is no age: the file has no ranges of ages with shares")
    elif youngest < _ADULT:
        problem = "children are kept, and all other facts hold for them as for adults (work, marriage, opinions)"
        draft.warn("dimensions.age", problem, "make those facts depend on age with `given`, or keep adults only")
    else:
        problem = f"shares of the whole population stand for those of {youngest} to {oldest}"
        draft.warn("dimensions", problem, "where you know the shares of these ages, write them", level=Level.NOTE)
    problem = "the file does not say which facts go together, so most are drawn independently of each other"
    draft.warn("dimensions", problem, "add `given`, `controls` or `constraints` for those that matter to the study")


def _spec(head: _Head, draft: Draft, dimensions: dict[str, dict[str, Any]], where: Home) -> dict[str, Any]:
    youngest, oldest = draft.choices.ages
    who = draft.universe.get("country") or head.title or where.country or "people"
    aged = f", aged {youngest} to {oldest}" if "age" in dimensions else ""
    sources = [{"id": FILE_SOURCE, "citation": head.citation} | ({} if head.is_made_up else _year(head.source))]
    sources += [{"id": name, "citation": citation} | _year(citation) for name, citation in draft.sources.items()]
    spec: dict[str, Any] = {
        "schema": SCHEMA,
        "id": _id(draft.choices.name or head.title),
        "universe": {"description": f"{who}{aged}"[:1_900]},
        "sources": sources,
        "dimensions": dimensions,
    }
    return spec | ({"title": head.title[:1_900]} if head.title else {})


def _year(citation: str) -> dict[str, int]:
    """The year that a citation names; nothing where it names none, or several."""
    years = set(_A_YEAR.findall(citation))
    return {"year": int(years.pop())} if len(years) == 1 else {}


def _id(name: str) -> str:
    plain = re.sub(r"[^A-Za-z0-9]+", "-", slug(name).encode("ascii", "ignore").decode()).strip("-")
    return plain[:100].rstrip("-") or "demography"


def _top(head: _Head, report: CompilingReport) -> str:
    left_out = [entry.place for entry in report.of(ValueOutcome.LEFT_OUT)]
    lines = [
        f"Compiled from {head.citation}.",
        "Above each dimension stand the place and the figures that it was made from; `note` says what was repaired.",
    ]
    if left_out:
        shown = "; ".join(left_out[:40]) + (f"; and {len(left_out) - 40} more" if len(left_out) > 40 else "")
        lines.append(f"Left out: {shown}.")
    return "\n".join(lines)
