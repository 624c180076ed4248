"""A population as loaded needs no other file, and is the same from YAML and from JSON."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
import yaml

from tests.doubles.microdata import HEAD, POPULATION, microdata, write_csv, write_population
from troupe_batch.errors import SpecError
from troupe_batch.population import Population, PopulationSpec, load_population
from troupe_batch.population.draw import compiled

TABLES = """\
dimensions:
  sex: {type: categorical, source: s, values: {f: 0.5, m: 0.5}}
  age: {type: numeric, source: s, integer: true, bins: {18-39: 0.5, 40-99: 0.5}}
  work: {type: categorical, source: s, given: sex, table: work.csv}
controls:
  - {dims: [sex, age], table: sex_age.csv, source: s, unit: percent}
"""
FRAGMENT = '{"type": "Fragment", "persona": {"beliefs": ["Soup is a winter dish."]}}'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "work.csv").write_text("sex,yes,no\nf,0.6,0.4\nm,0.7,0.3\n", encoding="utf-8")
    (tmp_path / "sex_age.csv").write_text("sex,18-39,40-99\nf,30,20\nm,20,30\n", encoding="utf-8")
    (tmp_path / "soup.fragment.json").write_text(FRAGMENT, encoding="utf-8")
    write_csv(microdata(60), tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    "text",
    [
        HEAD + TABLES + "persona: {fragments: [{file: soup.fragment.json, share: 0.5}]}\n",
        POPULATION,
        "schema: troupe_batch/population/1\nid: x\npeople: [a.agent.json]\n",
    ],
    ids=["tables and controls", "records", "by name"],
)
def test_a_json_file_is_the_same_population_as_a_yaml_file(folder: Path, text: str) -> None:
    (folder / "a.agent.json").write_text('{"type": "TinyPerson", "persona": {"name": "A"}}', encoding="utf-8")
    (folder / "town.json").write_text(json.dumps(yaml.safe_load(text)), encoding="utf-8")

    from_yaml = load_population(write_population(folder, text))
    from_json = load_population(folder / "town.json")

    assert from_json.digest == from_yaml.digest
    assert from_json.to_json() == from_yaml.to_json()


def test_the_canonical_json_of_a_population_is_a_population_file(folder: Path) -> None:
    first = load_population(write_population(folder, HEAD + TABLES))
    (folder / "elsewhere").mkdir()
    (folder / "elsewhere" / "copy.json").write_text(first.to_json(), encoding="utf-8")

    assert load_population(folder / "elsewhere" / "copy.json").digest == first.digest


def test_no_name_of_a_file_is_left(folder: Path) -> None:
    text = HEAD + TABLES + "persona: {fragments: [{file: soup.fragment.json}]}\n"
    loaded = load_population(write_population(folder, text))

    for file in folder.iterdir():
        file.unlink()

    assert not any(suffix in loaded.to_json() for suffix in (".csv", ".json", ".parquet"))
    assert Population(PopulationSpec.from_json(loaded.to_json())).digest == loaded.digest


@pytest.mark.parametrize("write", [pd.DataFrame.to_csv, pd.DataFrame.to_parquet], ids=["csv", "parquet"])
def test_tables_from_csv_and_parquet_and_inline_ones_are_the_same_population(
    folder: Path, write: Callable[..., None]
) -> None:
    inline = TABLES.replace("work.csv", "{f: {'yes': 0.6, 'no': 0.4}, m: {'yes': 0.7, 'no': 0.3}}").replace(
        "sex_age.csv", "{f: {18-39: 30, 40-99: 20}, m: {18-39: 20, 40-99: 30}}"
    )
    for name in ("work", "sex_age"):
        write(pd.read_csv(folder / f"{name}.csv"), folder / f"{name}.table", index=False)

    expected = load_population(write_population(folder, HEAD + inline)).digest
    found = load_population(write_population(folder, HEAD + TABLES.replace(".csv", ".table"))).digest

    assert found == expected


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_mistake_in_the_file_of_a_control_is_named_where_it_stands(folder: Path, kind: str) -> None:
    table = pd.read_csv(folder / "sex_age.csv").assign(sex=["f", "women"])
    table.to_csv(folder / "sex_age.csv", index=False)
    table.to_parquet(folder / "sex_age.parquet")

    with pytest.raises(SpecError) as caught:
        load_population(write_population(folder, HEAD + TABLES.replace("sex_age.csv", f"sex_age.{kind}")))

    place = "line 3" if kind == "csv" else "row 2"
    assert f"controls[0].table: {folder}/sex_age.{kind}, {place}: " in str(caught.value)
    assert "women" in str(caught.value)


def test_a_control_whose_file_is_missing_is_named(folder: Path) -> None:
    with pytest.raises(SpecError, match=r"town\.yaml:10: controls\[0\]\.table: .*agesex\.csv: no such file"):
        load_population(write_population(folder, HEAD + TABLES.replace("sex_age.csv", "agesex.csv")))


def test_a_population_without_parquet_files_needs_no_pandas(folder: Path) -> None:
    path = write_population(folder)
    code = (
        "import sys\nfrom pathlib import Path\nfrom troupe_batch.population import load_population\n"
        f"load_population(Path({str(path)!r}))\nassert 'pandas' not in sys.modules and 'pyarrow' not in sys.modules"
    )

    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).resolve().parents[3])


@pytest.mark.parametrize("text", [HEAD + TABLES, POPULATION], ids=["tables and controls", "records"])
def test_a_population_that_was_loaded_is_not_compiled_again_for_its_plan(folder: Path, text: str) -> None:
    loaded = load_population(write_population(folder, text)).population

    assert compiled(PopulationSpec.from_json(loaded.spec.to_json())) is loaded


def test_people_whose_facts_stand_in_another_order_are_compiled_on_their_own() -> None:
    def three(*names: str) -> Population:
        persona = {name: f"{name} of Ada" for name in names}
        agent = {"type": "TinyPerson", "persona": persona}
        spec = {"schema": "troupe_batch/population/1", "id": "one", "people": [agent]}
        return compiled(PopulationSpec.from_json(json.dumps(spec)))

    first, second = three("name", "job", "city"), three("name", "city", "job")

    assert list(first.facts(0, 1)) == ["job", "city"]
    assert list(second.facts(0, 1)) == ["city", "job"]
