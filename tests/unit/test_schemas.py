"""The schema files in the package are those of the models, and every file that we ship or write names its own."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import orjson
import pytest
from pydantic import BaseModel

from troupe_batch.planning.job import job_json_schema
from troupe_batch.population.spec import PopulationSpec
from troupe_batch.rehearsal import Respondents
from troupe_batch.schemas import KINDS, schema_file, schema_text

PROJECT = Path(__file__).resolve().parents[2]
LINE = re.compile(r"# yaml-language-server: \$schema=(\S+)")


def of_models(kind: str) -> dict[str, Any]:
    if kind == "job":
        return job_json_schema()
    models: dict[str, type[BaseModel]] = {"population": PopulationSpec, "respondents": Respondents}
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    return {**head, **models[kind].model_json_schema(by_alias=True), "title": f"troupe_batch {kind}"}


@pytest.mark.parametrize("kind", KINDS)
def test_the_schema_in_the_package_is_that_of_the_model(kind: str) -> None:
    written = orjson.dumps(of_models(kind), option=orjson.OPT_INDENT_2).decode() + "\n"

    assert schema_text(kind) == written, f"write it anew: python -m tests.unit.test_schemas {kind}"


@pytest.mark.parametrize("file", sorted((*PROJECT.glob("jobs/*.yaml"), *PROJECT.glob("populations/**/*.yaml"))))
def test_every_shipped_file_names_the_schema_of_its_kind(file: Path) -> None:
    first, *_ = text = file.read_text().splitlines()
    kind = next(line for line in text if line.startswith("schema:")).split("/")[1]

    named = LINE.fullmatch(first)

    assert named is not None
    assert (file.parent / named[1]).resolve() == PROJECT / "troupe_batch" / "schemas" / schema_file(kind)


if __name__ == "__main__":
    for one in KINDS:
        text = orjson.dumps(of_models(one), option=orjson.OPT_INDENT_2).decode() + "\n"
        (PROJECT / "troupe_batch" / "schemas" / schema_file(one)).write_text(text)
