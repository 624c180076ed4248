"""Populations for tests, from the text of a file, without drawing anybody."""

from __future__ import annotations

import pytest

from troupe_batch.errors import SpecError
from troupe_batch.population.checks import check
from troupe_batch.population.factors import Places
from troupe_batch.population.joint.compiling import compile_model
from troupe_batch.population.model import Model
from troupe_batch.population.spec import PopulationSpec
from troupe_batch.spec_files import read_spec_text

HEAD = "schema: troupe_batch/population/1\nid: town\nsize: 1000\ndimensions:\n"


def model_of(text: str, head: str = HEAD) -> Model:
    """The model of the population in `head` and `text`, checked as when a file is loaded."""
    file = read_spec_text("town.yaml", head + text)
    spec = file.parse(PopulationSpec)
    places = Places(file)
    check(spec, places)
    return compile_model(spec, places)


def mistakes_in(text: str, head: str = HEAD) -> list[str]:
    """What is said of a population that has mistakes, one line each."""
    with pytest.raises(SpecError) as caught:
        model_of(text, head)
    return str(caught.value).splitlines()
