"""`troupe population compile`: a population file from a TinyTroupe demography, or proposed by a model from prose."""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from troupe_batch.cli.options import json_option, read_settings, rehearse_option, settings_options
from troupe_batch.cli.output import print_json, print_text, say
from troupe_batch.demography import Choices, Overlaps, Wanted, compile_demography
from troupe_batch.errors import FixTheInput, Mistake, SpecError
from troupe_batch.population.load import resolve_population
from troupe_batch.scalars import plain
from troupe_batch.spec_files import read_spec_file, read_spec_text, read_text_file
from troupe_batch.use_cases.proposals import propose_population

STDIN = "-"
_AGES = re.compile(r"(\d{1,3})-(\d{1,3})")


@click.command("compile")
@click.argument("demography", required=False, type=click.Path(path_type=Path))
@click.option("--from-text", metavar="FILE", help="Have a model propose a population from this prose; - reads stdin.")
@click.option("--to", type=click.Path(path_type=Path), help="Where to write; default: beside the file, as .yaml.")
@click.option("--size", type=click.IntRange(1, 10_000_000), default=1_000, show_default=True, help="How many people.")
@click.option("--ages", default="18-99", show_default=True, metavar="LO-HI", help="Ages to keep; 0-99 keeps children.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Changes who the people are.")
@click.option("--country", help="Where the people live; default: the country that the file names.")
@click.option("--locale", help="For names and prose, such as pt_BR; default: that of the country.")
@click.option(
    "--overlaps",
    type=click.Choice([str(one) for one in Overlaps]),
    default=str(Overlaps.LEAVE_OUT),
    show_default=True,
    help="What becomes of categories that sum to more than 100 percent, and to no more than 150.",
)
@click.option("--without", multiple=True, metavar="BLOCK", help="Leave out this block. May be given several times.")
@click.option("--report", default=STDIN, metavar="PATH", help="Write the report there instead of to stdout.")
@click.option("--force", is_flag=True, help="Overwrite what is there.")
@rehearse_option
@json_option
@settings_options
def command(  # a flag each
    *,
    demography: Path | None,
    from_text: str | None,
    to: Path | None,
    size: int,
    ages: str,
    seed: int,
    country: str | None,
    locale: str | None,
    overlaps: str,
    without: tuple[str, ...],
    report: str,
    force: bool,
    rehearse: bool,
    as_json: bool,
    config_file: Path | None,
    assignments: tuple[str, ...],
) -> int:
    r"""Turn a TinyTroupe demography into a population file, with a report of every repair and omission.

    No model is asked: code reads the figures. With --from-text a model reads prose and proposes a population, which
    nobody is drawn from until you have read it, corrected it and removed `proposed: true`.

    \b
    Examples:
      troupe population compile usa.json --to usa.yaml --size 5000
      troupe population compile usa.json --without "Public Opinions" --ages 16-85
      troupe population compile --from-text notes.txt --to village.yaml --rehearse
    """
    if (demography is None) == (from_text is None):
        raise FixTheInput("name a demography file, or --from-text with a file of prose, and not both")
    if from_text is not None:
        settings = read_settings(config_file, assignments)
        target = _Target.beside(from_text if from_text != STDIN else "proposed.txt", to, report, force=force)
        name, text = _prose(from_text)
        wanted = Wanted(target.path.stem, size, seed)
        proposed = asyncio.run(propose_population(settings, text, name=name, wanted=wanted, rehearse=rehearse))
        made = _Made(proposed.text, str(proposed.report), proposed.report.to_json())
    else:
        assert demography is not None  # noqa: S101 (one of the two is there)
        target = _Target.beside(str(demography), to, report, force=force)
        choices = Choices(_range_of(ages), Overlaps(overlaps), without, name=demography.stem)
        made = _made_from(demography, size=size, seed=seed, locale=locale, country=country, choices=choices)
    target.write(made, as_json=as_json)
    say(f"wrote {target.path}")
    say(_next(target.path, is_proposed=from_text is not None))
    return 0


@dataclass(frozen=True, slots=True)
class _Made:
    text: str
    report: str
    report_json: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Target:
    """Where the file and the report go; checked before anything is read, computed or asked."""

    path: Path
    report: str

    @classmethod
    def beside(cls, source: str, to: Path | None, report: str, *, force: bool) -> _Target:
        path = to or Path(source).with_suffix(".yaml")
        if path.suffix.lower() not in (".yaml", ".yml"):
            raise FixTheInput(f"--to {path}: population files with comments are YAML; name a file that ends in .yaml")
        for one in (path, *([] if report == STDIN else [Path(report)])):
            if _is_there(one) and not force:
                raise FixTheInput(f"{one} is there already, and not overwritten; name another file, or add --force")
            if not one.parent.is_dir():
                raise FixTheInput(f"{one}: there is no folder {one.parent}; make it first")
            _try_to_write(one)
        return cls(path, report)

    def write(self, made: _Made, *, as_json: bool) -> None:
        with _writing(self.path):
            self.path.write_text(made.text, encoding="utf-8")
        if self.report != STDIN:
            with _writing(Path(self.report)):
                Path(self.report).write_text(made.report, encoding="utf-8")
        if as_json:
            print_json({"population": str(self.path), **made.report_json})
        elif self.report == STDIN:
            print_text(made.report.rstrip("\n"))


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:
        # A name that is too long, say: told when it is tried to write there.
        return False


def _try_to_write(path: Path) -> None:
    """FixTheInput where nothing can be written there; leaves everything as it was."""
    with _writing(path):
        if _is_there(path):
            path.open("ab").close()
        else:
            path.open("xb").close()
            path.unlink()


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise FixTheInput(f"{path}: cannot be written: {error.strerror or error}; name another place") from error


def _made_from(path: Path, *, size: int, seed: int, locale: str | None, country: str | None, choices: Choices) -> _Made:
    file = read_spec_file(path)
    try:
        compiled = compile_demography(
            plain(file.data), size=size, seed=seed, locale=locale, country=country, choices=choices
        )
    except FixTheInput as error:
        raise SpecError(str(path), [Mistake(str(error))]) from error
    # As anybody would read it: what cannot be loaded is never written.
    resolve_population(read_spec_text("compiled.yaml", compiled.text), path.parent)
    return _Made(compiled.text, str(compiled.report), compiled.report.to_json())


def _prose(source: str) -> tuple[str, str]:
    """The name of the prose and its text."""
    text = sys.stdin.read() if source == STDIN else read_text_file(Path(source))
    if not text.strip():
        raise FixTheInput(f"{source}: there is no text to propose a population from")
    return ("stdin" if source == STDIN else Path(source).name), text


def _range_of(ages: str) -> tuple[int, int]:
    match = _AGES.fullmatch(ages.strip())
    if match is None:
        raise FixTheInput(f"--ages {ages}: write the youngest and the oldest, such as 18-99")
    return int(match[1]), int(match[2])


def _next(path: Path, *, is_proposed: bool) -> str:
    if is_proposed:
        return (
            f"next: read {path} and correct it; name a source for every figure; then remove `proposed: true` "
            f"and look at it with: troupe population {path}"
        )
    return f"next: troupe population {path}"
