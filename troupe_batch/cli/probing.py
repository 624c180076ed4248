"""Findings of a probe of an endpoint, as lines for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from troupe_batch.cli.output import say
from troupe_batch.llm.probing import Ability, Grade
from troupe_batch.terminal import SafeText

if TYPE_CHECKING:
    from troupe_batch.use_cases.probes import ProbeReport

_STYLES = {Grade.GOOD: "green", Grade.WARNING: "yellow", Grade.BAD: "bold red"}


def _probe_lines(report: ProbeReport) -> list[str]:
    """One line of what is good, and one for each remark; what is bad is said by the error that ends the command."""
    good = [one.says for one in report.abilities if one.verdict is Grade.GOOD]
    lines = [f"endpoint ({effort_of(report)}): {'; '.join(good)}"] if good else []
    return lines + [f"endpoint: note: {one.says}" for one in report.remarks]


def say_probe(report: ProbeReport) -> None:
    """Tells on stderr what a probe found."""
    for line in _probe_lines(report):
        say(line)


def effort_of(report: ProbeReport) -> str:
    """What it took to find out."""
    if report.is_kept:
        return "as found out within the last day"
    calls = f"{report.calls} call{'s' if report.calls != 1 else ''}"
    return f"{calls}, no price known" if report.cost_usd is None else f"{calls}, ${report.cost_usd:.4f}"


def ability_line(one: Ability) -> SafeText:
    """One ability with its verdict in front."""
    return SafeText(f"{one.verdict:<8}", style=_STYLES[one.verdict]).append(
        f" {one.what:<16} {one.says}", "not bold default"
    )
