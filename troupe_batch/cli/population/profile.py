"""`troupe population profile`: what people look like, against their targets or against others."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
from rich import box

from troupe_batch.cli.options import json_option, read_settings, settings_options
from troupe_batch.cli.output import data, print_json, say
from troupe_batch.simulation.judging.profiles import AttributeProfile, Difference
from troupe_batch.terminal import TextTable
from troupe_batch.use_cases.profiles import ProfileReport, profile_report

_MOST_VALUES = 12


@click.command("profile")
@click.argument("reference", metavar="PANEL|FILE|RUN")
@click.option("--against", metavar="PANEL|FILE|RUN", help="Compare with these people; default: with the targets.")
@click.option("--people", type=click.IntRange(min=1), help="Only the first so many; default: all.")
@json_option
@settings_options
def command(
    *,
    reference: str,
    against: str | None,
    people: int | None,
    as_json: bool,
    config_file: Path | None,
    assignments: tuple[str, ...],
) -> None:
    r"""Show how people are spread over each attribute, and how far they are from their targets or from others.

    The distance is total variation: the share of people who would have to change. Below the noise, which is what 95 of
    100 pairs of random samples of these sizes keep below, it says nothing. A population file has no noise: its shares
    are taken as they stand. Design weights count where there are any.

    \b
    Examples:
      troupe population profile panel.parquet
      troupe population profile my-run --against populations/us_adults.yaml
    """
    report = profile_report(read_settings(config_file, assignments), reference, against, people=people)
    if as_json:
        print_json(_as_json(report))
        return
    data().print(_report_table(report))
    unlike = ", ".join(report.unlike)
    say(f"further from {report.against} than chance: {unlike}" if unlike else f"as near to {report.against} as chance")


def _report_table(report: ProfileReport) -> TextTable:
    weighted = ", weighted" if report.group.weights is not None else ""
    title = f"{report.group.name}: {report.group.people:,} simulated people{weighted}, against {report.against}"
    table = TextTable(box=box.SIMPLE_HEAD, pad_edge=False, title=title, title_justify="left")
    for name in ("attribute", "value"):
        table.add_column(name)
    for name in ("people", "share %", "other %", "pp", "distance", "noise"):
        table.add_column(name, justify="right")
    for attribute in report.profile.attributes.values():
        difference = report.differences.get(attribute.name)
        style = "red" if difference is not None and difference.is_beyond_noise else None
        for row in _value_rows(attribute, difference):
            table.add_row(*row, style=style)
    return table


def _value_rows(attribute: AttributeProfile, difference: Difference | None) -> Iterator[tuple[str, ...]]:
    head = [_figures_text(attribute), f"{attribute.known:,}", "", "", ""]
    known = difference is not None and difference.distance is not None and difference.noise is not None
    head += [f"{difference.distance:.3f}", f"{difference.noise:.3f}"] if known and difference else ["", ""]
    yield (attribute.name, *head)
    # In the categories of the targets, or in the bins of both, where there is something to compare with.
    both = difference.shares if difference is not None else {v: (s, None) for v, s in attribute.shares.items()}
    for number, (value, (share, other)) in enumerate(both.items()):
        if number == _MOST_VALUES:
            yield ("", f"{len(both) - number:,} more values", "", "", "", "", "", "")
            return
        compared = ("", "") if other is None else (f"{100 * other:.1f}", f"{100 * (share - other):+.1f}")
        count = f"{attribute.counts[value]:,}" if value in attribute.counts else ""
        yield ("", value, count, f"{100 * share:.1f}", *compared, "", "")


def _figures_text(attribute: AttributeProfile) -> str:
    figures = attribute.figures
    if figures is None:
        return ""
    spread = "" if figures.sd is None else f", sd {figures.sd:.3g}"
    return f"mean {figures.mean:.4g}{spread}"


def _as_json(report: ProfileReport) -> dict[str, Any]:
    return {
        "people": report.group.people,
        "of": report.group.name,
        "is_weighted": report.group.weights is not None,
        "against": report.against,
        "beyond_noise": report.unlike,
        "attributes": {
            name: {
                "known": one.known,
                "worth": one.base,
                "counts": one.counts,
                "shares": one.shares,
                "figures": None
                if one.figures is None
                else {f: getattr(one.figures, f) for f in type(one.figures).__slots__},
                **_difference_json(report.differences.get(name)),
            }
            for name, one in report.profile.attributes.items()
        },
    }


def _difference_json(difference: Difference | None) -> dict[str, Any]:
    if difference is None:
        return {}
    return {
        "distance": difference.distance,
        "noise": difference.noise,
        "is_beyond_noise": difference.is_beyond_noise,
        "compared": {value: {"here": here, "there": there} for value, (here, there) in difference.shares.items()},
    }
