"""`troupe population FILE`: what a population is, before anything is spent on it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from troupe_batch.cli.exit_codes import FAILED, OK
from troupe_batch.cli.options import json_option
from troupe_batch.cli.output import data, print_json, say
from troupe_batch.errors import FixTheInput
from troupe_batch.population.draw import Population
from troupe_batch.population.lint.checking import lint
from troupe_batch.population.load import resolve_population
from troupe_batch.population.spec import PopulationSpec
from troupe_batch.report.population.console import console_report, findings_text
from troupe_batch.report.population.data import PopulationReport
from troupe_batch.report.population.look import look_at
from troupe_batch.report.population.page import MARK, page
from troupe_batch.scalars import is_true
from troupe_batch.use_cases.given_files import read_population_file

_MANY = 1_000_000


@click.command("show")
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path))
@click.option("--people", type=click.IntRange(min=1), help="Report on the first so many people; default: all.")
@click.option(
    "--html",
    "html",
    metavar="PATH",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where the page goes; default: <id>_report.html in this folder, none with --json.",
)
@click.option("--no-html", is_flag=True, help="Write no page.")
@click.option("--strict", is_flag=True, help="Exit with 1 on any warning, or a share beyond the allowed error.")
@json_option
def command(*, file: Path, people: int | None, html: Path | None, no_html: bool, strict: bool, as_json: bool) -> int:
    r"""Report on the population in FILE, and write the report as one HTML page. No model is called.

    Targets, realised shares and allowed errors, joint controls, design effect, rare cells, doubtful labels and sums,
    sources. The page stands alone: it needs no network.

    \b
    Examples:
      troupe population populations/us_adults.yaml
      troupe population populations/us_adults.yaml --people 1000 --html first_1000.html
      troupe population populations/us_adults.yaml --json --no-html
      troupe population populations/us_adults.yaml --strict --no-html     exit code 1 on any warning
    """
    if html is not None and no_html:
        raise click.UsageError("--html and --no-html contradict each other; keep one")
    population = _loaded(file)
    if people is not None and people > population.size:
        raise FixTheInput(f"--people {people:,}: {file} has {population.size:,} people; ask for as many or fewer")
    target = _page_path(html, population.spec.id, wanted=not no_html and not (as_json and html is None))
    if (counted := people or population.size) > _MANY:
        say(f"counting {counted:,} people, a few seconds per million; `--people` counts fewer")
    report = look_at(population, people)
    if as_json:
        print_json(_as_json(report, target))
    else:
        data().print(console_report(report))
    if target is not None:
        _write(target, page(report))
        say(f"page written to {target}")
    return FAILED if strict and not report.is_clean else OK


def _loaded(file: Path) -> Population:
    """The population; FixTheInput that says what to do instead where the file is something else."""
    read = read_population_file(file, wanted="report on")
    if isinstance(read.data, dict) and is_true(read.data.get("proposed")):
        # Whoever is to read a proposal is told what to look at, although nobody is drawn from it.
        spec = read.parse(PopulationSpec)
        for line in findings_text(tuple(lint(spec))):
            data().print(line)
    return resolve_population(read, file.parent).population


def _page_path(html: Path | None, name: str, *, wanted: bool) -> Path | None:
    """Where the page goes; FixTheInput where a file of somebody's would be lost."""
    if not wanted:
        return None
    path = html or Path(f"{name}_report.html")
    if not path.parent.is_dir():
        raise FixTheInput(f"{path}: there is no folder {path.parent}; make it first")
    if path.is_dir():
        raise FixTheInput(f"{path}: this is a folder; name a file in it")
    if path.exists() and MARK.encode() not in path.read_bytes()[:10_000]:
        raise FixTheInput(f"{path}: this file is no report and is not overwritten; give another name with --html")
    return path


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise FixTheInput(f"{path}: cannot be written: {error.strerror}") from error


def _as_json(report: PopulationReport, target: Path | None) -> dict[str, Any]:
    fields = {name: getattr(report, name) for name in PopulationReport.__slots__}
    return {"synthetic": True, **fields, "is_clean": report.is_clean, "html": target}
