"""`troupe schema`: JSON Schemas, so that editors complete and check the files."""

from __future__ import annotations

from typing import Any

import click

from troupe_batch.cli.output import print_json
from troupe_batch.planning.job import job_json_schema
from troupe_batch.population.spec import PopulationSpec


def _population_json_schema() -> dict[str, Any]:
    schema = PopulationSpec.model_json_schema(by_alias=True)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "troupe_batch population"}


_SCHEMAS = {"job": job_json_schema, "population": _population_json_schema}


@click.command("schema")
@click.argument("kind", type=click.Choice(sorted(_SCHEMAS)))
def command(*, kind: str) -> None:
    r"""Print the JSON Schema of job or population files.

    \b
    Example, for editors with a YAML language server:
      troupe schema job > job.schema.json
      then begin the job file with:  # yaml-language-server: $schema=job.schema.json
    """
    print_json(_SCHEMAS[kind]())
