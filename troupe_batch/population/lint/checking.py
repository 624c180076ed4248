"""Findings about a population file that is allowed to be as it is: each with its place and its cure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from troupe_batch.population.design import Control
from troupe_batch.population.dimensions import Dimension, Distributed, NumericDimension, ShareUnit
from troupe_batch.population.lint.labels import open_ended, remarks_on
from troupe_batch.population.lint.numbers import codes_among_numbers, holes_between_bins
from troupe_batch.population.lint.shares import categories_of, labels_of_some_rows, stated_groups, without_share
from troupe_batch.population.lint.texts import texts_for_nobody
from troupe_batch.population.margins import ControlCell, Level, Margin, PopulationFinding
from troupe_batch.population.shares import TOLERANCE
from troupe_batch.population.spec import PopulationSpec
from troupe_batch.spec_files import did_you_mean

# Published tables are rounded to a percent: a sum within 2 percent is rounding, beyond it is something else.
_ROUNDING = 0.02
_MOST_NAMED = 5
# A citation in words says of when it is as well as a field does.
_YEAR = re.compile(r"(?<!\d)(?:1[89]|20)\d\d(?!\d)")
_ADD = "add it to `sources` with citation, url and year"
_ADD_DATED = "add it to `sources` with citation and url"


def lint(spec: PopulationSpec) -> list[PopulationFinding]:
    """Findings on the file alone, whose tables have been read; warnings first. Nobody is drawn."""
    found = [
        *_on_the_whole(spec),
        *_on_sources(spec),
        *_on_use_of_sources(spec),
        *(finding for name, dimension in spec.dimensions.items() for finding in _on_dimension(name, dimension)),
        *(finding for i, control in enumerate(spec.controls) for finding in _on_control(i, control)),
        *texts_for_nobody(spec),
        *codes_among_numbers(spec),
    ]
    return warnings_first(found)


def too_fine(margins: Sequence[Margin], cells: Sequence[ControlCell], people: int) -> list[PopulationFinding]:
    """A finding for each dimension and control with categories or cells that expect less than one of these people."""
    fine = [(f"dimensions.{m.dimension}", m.category) for m in margins if 0 < m.target * people < 1]
    fine += [
        (f"control of {' by '.join(c.dims)}", " / ".join(c.categories)) for c in cells if 0 < c.target * people < 1
    ]
    by_place: dict[str, list[str]] = {}
    for place, label in fine:
        by_place.setdefault(place, []).append(label)
    cure = "merge it with another, or take more people" if people else ""
    return [
        PopulationFinding(
            Level.WARNING, place, f"less than one of {people:,} people is expected in {_some(labels)}", cure
        )
        for place, labels in by_place.items()
    ]


def warnings_first(findings: Sequence[PopulationFinding]) -> list[PopulationFinding]:
    """The findings, those that a statistician would want to change first, each once."""
    return sorted(dict.fromkeys(findings), key=lambda finding: finding.level is not Level.WARNING)


def _on_the_whole(spec: PopulationSpec) -> Iterator[PopulationFinding]:
    if spec.proposed:
        problem = "a model proposed this file and nobody has said that it was read"
        yield PopulationFinding(
            Level.WARNING, "proposed", problem, "check every figure against its source, then remove the line"
        )
    if spec.universe is None:
        yield PopulationFinding(
            Level.NOTE, "universe", "the file does not say whom the people stand for", "add `universe:`"
        )
    elif spec.universe.as_of is None:
        yield PopulationFinding(
            Level.NOTE, "universe.as_of", "the file does not say of when its figures are", "add `as_of:`"
        )


def _on_sources(spec: PopulationSpec) -> Iterator[PopulationFinding]:
    times = Counter(source.id for source in spec.sources)
    for index, source in enumerate(spec.sources):
        place = f"sources[{index}]"
        if times[source.id] > 1:
            yield PopulationFinding(
                Level.WARNING, place, f"the id {source.id!r} stands {times[source.id]} times", "rename one"
            )
        lacking = [field for field in ("url", "year") if getattr(source, field) is None]
        if "year" in lacking and _YEAR.search(source.citation):
            lacking.remove("year")
        if lacking:
            problem = f"the source {source.id!r} has no {' and no '.join(lacking)}"
            yield PopulationFinding(Level.NOTE, place, problem, "add it, so that others can check the figures")
    used = {name for _, names in uses_of_sources(spec) for name in names}
    for index, source in enumerate(spec.sources):
        if source.id not in used:
            problem = f"nothing uses the source {source.id!r}"
            yield PopulationFinding(
                Level.NOTE, f"sources[{index}]", problem, "name it where its figures are, or remove it"
            )


def _on_use_of_sources(spec: PopulationSpec) -> Iterator[PopulationFinding]:
    known = {source.id for source in spec.sources}
    for place, names in uses_of_sources(spec):
        for name in names:
            if name in known:
                continue
            if is_assumption(name):
                yield PopulationFinding(
                    Level.NOTE, f"{place}.source", f"rests on an {name}", "find a source, or say so in results"
                )
            elif " " in name:
                problem = f"its source is a line of text and no entry of `sources`: {name}"
                yield PopulationFinding(
                    Level.NOTE, f"{place}.source", problem, _ADD_DATED if _YEAR.search(name) else _ADD
                )
            else:
                cure = did_you_mean(name, sorted(known)) if known else "add it to `sources`, or write `assumption: …`"
                yield PopulationFinding(Level.WARNING, f"{place}.source", f"there is no source {name!r}", cure)


def uses_of_sources(spec: PopulationSpec) -> list[tuple[str, tuple[str, ...]]]:
    """Each place of the file that names sources, and what it names."""
    uses = [(f"dimensions.{name}", dimension.source) for name, dimension in spec.dimensions.items()]
    uses += [(f"controls[{index}]", control.source) for index, control in enumerate(spec.controls)]
    if spec.seed_data is not None:
        uses.append(("seed_data", spec.seed_data.source))
    return uses


def is_assumption(source: str) -> bool:
    """Whether a `source` says that nobody published the figures."""
    return source.casefold().lstrip().startswith(("assumption", "assumed"))


def _on_dimension(name: str, dimension: Dimension) -> Iterator[PopulationFinding]:
    place = f"dimensions.{name}"
    yield from _on_labels(place, dimension)
    yield from holes_between_bins(place, dimension)
    yield from labels_of_some_rows(place, dimension)
    if isinstance(dimension, Distributed) and dimension.unit != ShareUnit.COUNT:
        sums = [(sum(shares.values()), where) for where, shares in stated_groups(dimension)]
        yield from _on_sums(place, sums, dimension.unit, dimension.on_sum)
    if empty := without_share(dimension):
        problem = f"nobody can be {_some(empty)}: the share is 0"
        yield PopulationFinding(Level.NOTE, place, problem, "remove it, unless it is there to say that there are none")


def _on_labels(place: str, dimension: Dimension) -> Iterator[PopulationFinding]:
    labels = categories_of(dimension)
    for remark in remarks_on(labels):
        level = Level.WARNING if remark.is_sure else Level.NOTE
        yield PopulationFinding(level, place, remark.problem, remark.cure)
    spans = [] if isinstance(dimension, NumericDimension) else open_ended(labels)
    if spans:
        names = _some([span.label for span in spans])
        problem = f"the range of {names} has no end, so the people there have a label and no number"
        yield PopulationFinding(Level.NOTE, place, problem, "for numbers, use `type: numeric` with an end of your own")


def _on_control(index: int, control: Control) -> Iterator[PopulationFinding]:
    if control.unit == ShareUnit.COUNT:
        return
    # The table of a control is one distribution: all of its rows together have the sum.
    total = sum(share for row in control.rows for share in row.values.values())
    yield from _on_sums(f"controls[{index}]", [(total, "")], control.unit, control.on_sum)


def _on_sums(
    place: str, sums: Sequence[tuple[float, str]], unit: ShareUnit, on_sum: str
) -> Iterator[PopulationFinding]:
    """One finding for all sums (and whose they are) that `on_sum` mends, with the one that is furthest off."""
    if on_sum == "error" or not sums:
        return
    whole, sign = (1.0, "") if unit == ShareUnit.SHARE else (100.0, " percent")
    residual = on_sum.removeprefix("residual:")
    if residual != on_sum:
        rests = [whole - total for total, _ in sums]
        shown = f"{min(rests):.4g}" if len(sums) == 1 else f"{min(rests):.4g} to {max(rests):.4g}"
        yield PopulationFinding(
            Level.NOTE, place, f"the residual {residual!r} gets the rest, {shown}{sign}", "check that it is so"
        )
        return
    off = [(total, where) for total, where in sums if abs(total - whole) > TOLERANCE * whole]
    if not off:
        return
    total, where = max(off, key=lambda pair: abs(pair[0] - whole))
    rows = f" in {len(off)} of {len(sums)} rows, most in {where}" if len(sums) > 1 else ""
    problem = (
        f"the numbers sum to {total:.6g}, not {whole:g}{rows}; `renormalize` multiplies them by {whole / total:.4g}"
    )
    if abs(total - whole) <= _ROUNDING * whole:
        yield PopulationFinding(Level.NOTE, place, problem, "nothing, if that is the rounding of the source")
    else:
        cure = "more than rounding: write `unit: count` if they are parts of a group, else correct them"
        yield PopulationFinding(Level.WARNING, place, problem, cure)


def _some(labels: Sequence[str]) -> str:
    """The first few labels, and how many more there are."""
    named = ", ".join(repr(label) for label in labels[:_MOST_NAMED])
    more = len(labels) - _MOST_NAMED
    return f"{named} and {more:,} more" if more > 0 else named
