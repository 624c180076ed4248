"""A damaged file of records is a SpecError or records that can be compiled; never another exception."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.doubles.microdata import POPULATION, microdata
from troupe_batch.errors import SpecError
from troupe_batch.population import PopulationSpec
from troupe_batch.population.factors import Places
from troupe_batch.population.records import columns_named, compile_records
from troupe_batch.population.tables.file_values import NoSuchColumn
from troupe_batch.population.tables.seed_files import read_seed_columns
from troupe_batch.spec_files import read_spec_text

FILE = read_spec_text("town.yaml", POPULATION)
SPEC = FILE.parse(PopulationSpec)
ROWS = microdata(12).to_csv(index=False)
PARQUET = microdata(12).to_parquet(None)
CELLS = st.sampled_from(
    ["", " ", "NA", "nan", "inf", "-1", "1e400", "1_0", '"', '""', ",", "\n", "\r", "\x00", "é", "\u0661", "#"]
)


def survives(path: Path) -> None:
    try:
        read = read_seed_columns(path, columns_named(SPEC))
        assert SPEC.seed_data is not None
        seed = SPEC.seed_data.model_copy(update={"path": None, "columns": read.columns})
        places = Places(FILE, {("seed_data",): read.places})
        records = compile_records(SPEC.model_copy(update={"seed_data": seed}), places)
    except SpecError as error:
        str(error).encode()
        assert all(mistake.problem for mistake in error.mistakes)
    except NoSuchColumn as error:
        assert error.missing
    else:
        assert len(records.codes) == len(records.weights) > 0
        assert records.weights.sum() == pytest.approx(1)


@settings(max_examples=300)
@given(damages=st.lists(st.tuples(st.integers(0, len(ROWS)), st.integers(0, 6), CELLS), min_size=1, max_size=4))
def test_csv_with_cells_cut_or_put_in(
    tmp_path_factory: pytest.TempPathFactory, damages: list[tuple[int, int, str]]
) -> None:
    text = ROWS
    for at, cut, put in damages:
        text = text[:at] + put + text[at + cut :]
    path = tmp_path_factory.getbasetemp() / "people.csv"
    path.write_text(text, encoding="utf-8")

    survives(path)


@settings(max_examples=200)
@given(content=st.binary(max_size=200))
@example(content=b"AGEP,SEX,SCHL,ESR,PINCP,PWGTP\n" + b"9" * 200_000)
@example(content=b"AGEP,SEX,SCHL,ESR,PINCP,PWGTP\n" + b"9" * 5_000 + b",1,1,1,1,1\n")
def test_any_bytes(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "people.csv"
    path.write_bytes(content)

    survives(path)


@settings(max_examples=300)
@given(damages=st.lists(st.tuples(st.integers(0, len(PARQUET) - 1), st.integers(0, 255)), min_size=1, max_size=6))
def test_parquet_with_bytes_changed(tmp_path_factory: pytest.TempPathFactory, damages: list[tuple[int, int]]) -> None:
    content = bytearray(PARQUET)
    for at, byte in damages:
        content[at] = byte
    path = tmp_path_factory.getbasetemp() / "people.parquet"
    path.write_bytes(content)

    survives(path)
