"""`troupe init`: a job and a population to start from."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import click

from troupe_batch.cli.output import say
from troupe_batch.errors import FixTheInput
from troupe_batch.planning.outline import JOB_ID_PATTERN
from troupe_batch.schemas import KINDS, schema_file, schema_text
from troupe_batch.settings import CONFIG_FILE, default_config_text


@click.command("init")
@click.argument("name")
@click.option("--folder", type=click.Path(path_type=Path, file_okay=False), default=Path(), help="Where to write.")
def command(*, name: str, folder: Path) -> None:
    r"""Write jobs/NAME.yaml and populations/NAME.yaml, both with comments, and a config.ini if there is none.

    Their first lines name the JSON Schemas in schemas/, by which editors with a YAML language server (in VS Code the
    YAML extension) complete and check them, offline.

    \b
    Example:
      troupe init my_study
      troupe run jobs/my_study.yaml --rehearse
    """
    if not JOB_ID_PATTERN.fullmatch(name):
        raise FixTheInput(f"{name!r} cannot name a job: use letters, digits, and single . _ or - between them")
    written = {
        folder / "jobs" / f"{name}.yaml": _filled_template("job.yaml", name),
        folder / "populations" / f"{name}.yaml": _filled_template("population.yaml", name),
    }
    if there := [str(path) for path in written if path.exists()]:
        raise FixTheInput(f"{', '.join(there)}: there already, and not overwritten; choose another name")
    if not (folder / CONFIG_FILE).exists():
        written[folder / CONFIG_FILE] = default_config_text()
    # Generated, and the same for all studies of a folder: those of an older release are replaced.
    written |= {folder / "schemas" / schema_file(kind): schema_text(kind) for kind in KINDS}
    for path, text in written.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        say(f"wrote {path}")
    say(f"next: troupe plan {folder / 'jobs' / name}.yaml")


def _filled_template(file: str, name: str) -> str:
    text = resources.files("troupe_batch.cli").joinpath("templates", file).read_text(encoding="utf-8")
    return text.replace("@NAME@", name)
