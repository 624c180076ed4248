"""The population of the guide to microdata loads, and does what the guide says."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from tests.doubles.microdata import microdata, write_csv, write_population
from troupe_batch.population import Population, load_population

GUIDE = (Path(__file__).resolve().parents[3] / "docs" / "microdata.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Population:
    folder = tmp_path_factory.mktemp("guide")
    write_csv(microdata(800), folder)
    (fence,) = re.findall(r"```yaml\n(.*?)```", GUIDE, flags=re.DOTALL)
    return load_population(write_population(folder, fence)).population


def test_the_population_of_the_guide_loads_and_keeps_its_promises(town: Population) -> None:
    facts = town.facts(0, town.size)

    records = microdata(800)
    known = set(zip(records["AGEP"], records["PINCP"], strict=True))
    assert set(zip(facts["age"].tolist(), facts["income"].tolist(), strict=True)) <= known
    assert facts["age"].min() >= 18
    assert not np.any(facts["work"] == "is a child")
    assert set(facts["phone"]) == {"has a phone", "has none"}
