"""`troupe population freeze`: people drawn, and written about, once, and kept."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from troupe_batch.cli.options import json_option, read_settings, rehearse_option, settings_options
from troupe_batch.cli.output import print_json, print_text, say, talk
from troupe_batch.population.spec import EnrichLevel
from troupe_batch.results.money_text import cost_text
from troupe_batch.use_cases.panels import (
    FreezeEstimate,
    FreezeOptions,
    FrozenPanel,
    freeze_estimate,
    freeze_people,
    load_unfrozen,
)


@click.command("freeze")
@click.argument("population_file", metavar="FILE", type=click.Path(path_type=Path))
@click.option(
    "--to", required=True, type=click.Path(path_type=Path, dir_okay=False), help="The panel, a .parquet file."
)
@click.option("--people", type=click.IntRange(min=1), help="The first so many people; default: all.")
@click.option(
    "--enrich",
    type=click.Choice([str(level) for level in EnrichLevel]),
    help="Prose that a model writes about each person; default: as the population file says.",
)
@click.option("--allow-missing", is_flag=True, help="Keep people about whom no prose could be had, without it.")
@rehearse_option
@json_option
@settings_options
def command(
    *,
    population_file: Path,
    to: Path,
    people: int | None,
    enrich: str | None,
    allow_missing: bool,
    rehearse: bool,
    as_json: bool,
    config_file: Path | None,
    assignments: tuple[str, ...],
) -> None:
    r"""Write the people of a population to a panel, which jobs name in place of the population file.

    What a model writes about them is written now, once: all jobs, and all waves, then have the same people.
    Exit code 4: nothing could be written about some of them, and there is no panel; 3: the budget was spent.

    \b
    Examples:
      troupe population freeze populations/us_adults.yaml --people 1000 --to panel.parquet
      troupe population freeze populations/us_adults.yaml --people 200 --enrich bio --rehearse --to panel.parquet
    """
    settings = read_settings(config_file, assignments)
    population = load_unfrozen(population_file)
    level = None if enrich is None else EnrichLevel(enrich)
    options = FreezeOptions(people, level, rehearse=rehearse, allow_missing=allow_missing)
    if (estimate := freeze_estimate(settings, population, options)) is not None and not as_json:
        _say_estimate(estimate, is_rehearsal=rehearse)
    columns = (TextColumn("freezing"), BarColumn(bar_width=28), MofNCompleteColumn(), TimeRemainingColumn(compact=True))
    with Progress(*columns, console=talk(), transient=True, disable=as_json or not talk().is_terminal) as bar:
        task = bar.add_task("", total=people or population.size)
        frozen = asyncio.run(
            freeze_people(settings, population, to, options, lambda done: bar.update(task, completed=done))
        )
    if as_json:
        print_json(
            {
                "path": str(to),
                "panel": frozen.info.as_json(),
                "cost_usd": frozen.spent_usd,
                "unchecked": frozen.unchecked,
            }
        )
    else:
        _say_frozen(frozen)


def _say_estimate(estimate: FreezeEstimate, *, is_rehearsal: bool) -> None:
    prose, cost = estimate.prose, "at no known price"
    if estimate.cost_usd is not None:
        cost = f"about {cost_text(estimate.cost_usd, is_rehearsal=is_rehearsal)}"
    tokens = f"{prose.prompt_tokens:,} prompt and {prose.completion_tokens:,} completion tokens"
    say(f"estimate: {prose.calls:,} calls to {estimate.model}, {tokens}, {cost}; less where replies are in the cache")


def _say_frozen(frozen: FrozenPanel) -> None:
    info = frozen.info
    prose = "facts only"
    if info.model is not None:
        cost = cost_text(frozen.spent_usd, is_rehearsal=info.is_rehearsal)
        prose = f"{info.enrich} written by {info.model}, {cost}"
    say(f"panel of {info.people:,} people ({prose}), digest {info.digest[:16]}")
    if info.without_prose:
        say(f"nothing could be written about {info.without_prose:,} of them: their persona is what the facts say")
    if frozen.unchecked:
        say(f"whether the prose about {frozen.unchecked:,} of them contradicts the facts could not be told")
    say(f"use it in a job with `population: {frozen.path.name}`, written relative to the job file")
    print_text(str(frozen.path))
