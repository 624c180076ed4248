"""`troupe documents`: what the people of a run have written, as files."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import get_args

import click

from troupe_batch.cli.options import json_option, read_settings, settings_options
from troupe_batch.cli.output import print_json, say
from troupe_batch.report.documents import export_documents
from troupe_batch.results.dataset import Dataset
from troupe_batch.simulation.record.artifacts import ArtifactFormat
from troupe_batch.use_cases.runs import stored_run


@click.command("documents")
@click.argument("run_id", metavar="RUN")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--format",
    "file_format",
    type=click.Choice(get_args(ArtifactFormat)),
    default="md",
    show_default=True,
    help="Kind of file.",
)
@json_option
@settings_options
def command(
    *,
    run_id: str,
    folder: Path,
    file_format: ArtifactFormat,
    as_json: bool,
    config_file: Path | None,
    assignments: tuple[str, ...],
) -> int:
    r"""Write what the people of a run have written into FOLDER, a file per document.

    \b
    Examples:
      troupe documents synthetic-documents-rehearsal documents
      troupe documents synthetic-documents-rehearsal documents --format docx
    """
    run = asyncio.run(stored_run(read_settings(config_file, assignments), run_id))
    exported = export_documents(Dataset(run.store), folder, file_format)
    if as_json:
        print_json({"folder": str(folder), "synthetic": True, "files": [str(path) for path in exported]})
    else:
        say(f"documents of simulated people written to {folder}: {len(exported)}")
    return 0
