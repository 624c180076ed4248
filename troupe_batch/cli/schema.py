"""`troupe schema`: JSON Schemas, so that editors complete and check the files."""

from __future__ import annotations

import click

from troupe_batch.schemas import KINDS, schema_text


@click.command("schema")
@click.argument("kind", type=click.Choice(KINDS))
def command(*, kind: str) -> None:
    r"""Print the JSON Schema of job, population or respondent files.

    The files that `troupe init` writes name theirs already.

    \b
    Example, for editors with a YAML language server:
      troupe schema job > job.schema.json
      then begin the job file with:  # yaml-language-server: $schema=job.schema.json
    """
    click.echo(schema_text(kind), nl=False)
