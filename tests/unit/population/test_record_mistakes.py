"""Every mistake in records, and in what a population says of them, is counted and named with its line and its cure."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from tests.doubles.microdata import HEAD, POPULATION, microdata, write_csv, write_population
from troupe_batch.errors import SpecError
from troupe_batch.population import Population, PopulationSpec, load_population
from troupe_batch.population.tables.seed_files import MAX_RECORDS

SEED = "seed_data: {path: people.csv, source: s}\n"
AGE = "dimensions:\n  age: {type: record, column: AGEP, numeric: true, integer: true, bins: [0-120]}\n"
SEX = "dimensions:\n  sex: {type: record, column: SEX, labels: {1: m, 2: f}}\n"


def message_of(folder: Path, text: str, records: str | bytes | None = None) -> str:
    if records is not None:
        (folder / "people.csv").write_bytes(records if isinstance(records, bytes) else records.encode())
    path = write_population(folder, text)
    with pytest.raises(SpecError) as caught:
        load_population(path)
    return str(caught.value).replace(str(folder) + "/", "")


VALUES = {
    "codes without a label": (
        HEAD + SEED + SEX,
        "SEX\n1\n3\n9\n9\n",
        (
            "town.yaml:7: dimensions.sex.labels: SEX has codes without a label: '9' (2 records), '3' (1 record); "
            "add them to `labels` as the file writes them, or recode them in the file"
        ),
    ),
    "a code as somebody else writes it": (HEAD + SEED + SEX, "SEX\n1\n02\n", "codes without a label: '02' (1 record)"),
    "a missing code": (
        HEAD + SEED + SEX,
        "AGEP,SEX\n1,1\n1,\n1, \n",
        (
            "town.yaml:7: dimensions.sex: SEX is empty in 2 of 3 records (first: people.csv, line 3); "
            "add `missing: <category>` for them, fill them in, or take these records out of the file"
        ),
    ),
    "a missing number": (
        HEAD + SEED + AGE,
        "SEX,AGEP\n1,30\n\n1,\n",
        (
            "town.yaml:7: dimensions.age: AGEP is empty in 1 of 2 records (first: people.csv, line 4); "
            "fill it in, take these records out of the file, or name codes under `missing`"
        ),
    ),
    "a word for a number": (
        HEAD + SEED + AGE,
        "AGEP\n30\nold\n1_0\n",
        "AGEP is no number, such as 'old', in 2 of 3 records (first: people.csv, line 3); write plain numbers",
    ),
    "no finite number": (HEAD + SEED + AGE, "AGEP\n30\ninf\n", "AGEP is no number, such as 'inf', in 1 of 2 records"),
    "half a year": (
        HEAD + SEED + AGE,
        "AGEP\n30\n31.5\n",
        "AGEP is no whole number in 1 of 2 records (first: people.csv, line 3); write `integer: false`",
    ),
    "an absurd number": (HEAD + SEED + AGE, "AGEP\n30\n1e300\n", "AGEP is beyond 1e15 in 1 of 2 records"),
    "numbers beyond the bins": (
        HEAD + SEED + AGE.replace("0-120", "18-39, 50-99"),
        "AGEP\n17\n18\n39\n40\n49\n50\n99\n100\n",
        (
            "town.yaml:7: dimensions.age.bins: AGEP is outside of the bins (17 to 100) in 4 of 8 records "
            "(first: people.csv, line 2); add a bin for them"
        ),
    ),
    "too many categories": (
        HEAD + SEED + "dimensions:\n  job: {type: record}\n",
        "job\n" + "".join(f"{n}\n" for n in range(2_001)),
        "job has 2,001 different values, too many for categories; write `numeric: true` if it is a number",
    ),
    "a missing weight": (
        HEAD + SEED.replace("path", "weight: W, path") + SEX,
        "SEX,W\n1,1\n1,\n",
        "town.yaml:5: seed_data.weight: W is empty in 1 of 2 records (first: people.csv, line 3); fill it in, with 0",
    ),
    "a word for a weight": (
        HEAD + SEED.replace("path", "weight: W, path") + SEX,
        "SEX,W\n1,1\n1,NA\n",
        "seed_data.weight: W is no number, such as 'NA', in 1 of 2 records (first: people.csv, line 3)",
    ),
    "a negative weight": (
        HEAD + SEED.replace("path", "weight: W, path") + SEX,
        "SEX,W\n1,1\n1,-1\n1,-2\n",
        "seed_data.weight: W is negative in 2 of 3 records (first: people.csv, line 3)",
    ),
    "no weight above 0": (
        HEAD + SEED.replace("path", "weight: W, path") + SEX,
        "SEX,W\n1,0\n1,0\n",
        "seed_data.weight: W is 0 in all records; name a column with weights above 0",
    ),
}


@pytest.mark.parametrize(("text", "records", "message"), VALUES.values(), ids=VALUES.keys())
def test_what_is_wrong_with_the_values_is_counted(tmp_path: Path, text: str, records: str, message: str) -> None:
    assert message in message_of(tmp_path, text, records)


FILES = {
    "no column": (
        "SEX,AGE,PWGTP\n1,3,1\n",
        "town.yaml:7: dimensions.age.column: people.csv has no column 'AGEP'; did you mean `AGE`?",
    ),
    "semicolons": ("SEX;AGEP;PWGTP\n1;3;1\n", "has no column 'AGEP'; separate the columns of the file by commas"),
    "uneven rows": ("AGEP,SEX\n30,1,1\n30,1\n\n30\n", "people.csv:2: 3 cells, the header has 2\npeople.csv:5: 1 cells"),
    "a column twice": ("AGEP,AGEP\n30,1\n", "people.csv:1: the column 'AGEP' stands twice; name every column once"),
    "an empty file": ("", "people.csv: there are no records"),
    "only comments": ("# a\n\n# b\n", "people.csv: there are no records"),
    "only a header": ("AGEP\n\n", "people.csv: there are no records; write a header line and a line per record"),
    "bytes": (b"AGEP\n\xff\xfe\n", "people.csv: not UTF-8 text (byte 5); save it as UTF-8"),
    "an open quote": ('AGEP\n"30\n', "people.csv:2: not valid CSV: unexpected end of data"),
}


@pytest.mark.parametrize(("records", "message"), FILES.values(), ids=FILES.keys())
def test_what_is_wrong_with_the_file_is_named(tmp_path: Path, records: str | bytes, message: str) -> None:
    assert message in message_of(tmp_path, HEAD + SEED + AGE, records)


def test_a_column_that_a_wide_file_lacks_is_named_without_listing_all_of_them(tmp_path: Path) -> None:
    found = message_of(tmp_path, HEAD + SEED + AGE, ",".join(f"PWGTP{n}" for n in range(80)) + "\n")

    assert "its columns are PWGTP0, PWGTP1, " in found
    assert found.endswith("PWGTP11 and 68 more")


def test_a_missing_file_is_named_with_one_that_is_near(tmp_path: Path) -> None:
    (tmp_path / "peoples.csv").touch()

    assert "people.csv: no such file; did you mean peoples.csv?" in message_of(tmp_path, HEAD + SEED + AGE)


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "people.csv").mkdir()

    assert "people.csv: this is a folder; name a file in it" in message_of(tmp_path, HEAD + SEED + AGE)


@pytest.mark.parametrize("content", [b"", b"PAR1", b"PAR1" + bytes(40) + b"PAR1", b"AGEP\n30\n"])
def test_a_damaged_parquet_file_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "people.parquet").write_bytes(content)

    found = message_of(tmp_path, HEAD + SEED.replace("csv", "parquet") + AGE)

    assert "town.yaml:5: seed_data.path: people.parquet: cannot be read as Parquet: " in found
    assert "\n" not in found


def test_mistakes_in_a_parquet_file_are_named_by_row(tmp_path: Path) -> None:
    pd.DataFrame({"AGEP": [30, None, 3], "SEX": [1, 2, 3]}).to_parquet(tmp_path / "people.parquet")

    found = message_of(tmp_path, HEAD + SEED.replace("csv", "parquet") + AGE + SEX.removeprefix("dimensions:\n"))

    assert "AGEP is empty in 1 of 3 records (first: people.parquet, row 2)" in found
    assert "SEX has codes without a label: '3' (1 record)" in found


def test_a_column_that_a_parquet_file_lacks_is_named(tmp_path: Path) -> None:
    pd.DataFrame({"AGE": [30]}).to_parquet(tmp_path / "people.parquet")

    found = message_of(tmp_path, HEAD + SEED.replace("csv", "parquet") + AGE)

    assert "dimensions.age.column: people.parquet has no column 'AGEP'; did you mean `AGE`?" in found


def test_lists_in_a_parquet_column_are_no_values(tmp_path: Path) -> None:
    pd.DataFrame({"AGEP": [[30], [31]]}).to_parquet(tmp_path / "people.parquet")

    found = message_of(tmp_path, HEAD + SEED.replace("csv", "parquet") + AGE)

    assert "people.parquet: column AGEP: its values are lists or groups; store it as text or numbers" in found


@pytest.mark.parametrize(
    ("kind", "problem"),
    [
        ("csv", "people.csv: more than 300,000 records"),
        ("parquet", "people.parquet: 300,001 rows, at most 300,000 are"),
    ],
)
def test_more_records_than_a_spec_can_hold_are_refused(tmp_path: Path, kind: str, problem: str) -> None:
    frame = pd.DataFrame({"AGEP": [30] * (MAX_RECORDS + 1)})
    path = tmp_path / f"people.{kind}"
    frame.to_csv(path, index=False) if kind == "csv" else frame.to_parquet(path)

    found = message_of(tmp_path, HEAD + SEED.replace("csv", kind) + AGE)

    assert problem in found
    assert found.endswith("; draw a sample of 300,000 records first, with chances by their weights")


SPECS = {
    "no records to come from": (HEAD + AGE, "dimensions.age: there are no records for age to come from"),
    "records for nothing": (
        HEAD + SEED + "dimensions:\n  a: {type: categorical, values: {x: 1}, source: s}\n",
        "town.yaml:5: seed_data: nothing comes from these records",
    ),
    "nothing but numbers without bins": (
        HEAD + SEED + "dimensions:\n  AGEP: {type: record, numeric: true}\n",
        "town.yaml:5: seed_data: only numbers without bins come from these records; add `bins` to one of them",
    ),
    "no path": (HEAD + "seed_data: {source: s}\n" + AGE, "town.yaml:5: seed_data: `path` is required"),
    "labels of a number": (
        HEAD + SEED + AGE.replace("[0-120]", "[0-120], labels: {1: a}"),
        "dimensions.age.labels: `labels` is for categories; remove it, or remove `numeric: true`",
    ),
    "a category for a missing number": (
        HEAD + SEED + AGE.replace("[0-120]", "[0-120], missing: none"),
        "dimensions.age.missing: 'none' is no number",
    ),
    "bins of a category": (
        HEAD + SEED + "dimensions:\n  AGEP: {type: record, bins: [1-2]}\n",
        "dimensions.AGEP.bins: `bins` is for numbers; add `numeric: true`",
    ),
    "whole categories": (
        HEAD + SEED + "dimensions:\n  AGEP: {type: record, integer: true}\n",
        "dimensions.AGEP.integer: `integer` is for numbers",
    ),
    "overlapping bins": (
        HEAD + SEED + AGE.replace("0-120", "18-30, 30-99"),
        "dimensions.age.bins: the bins 18-30 and 30-99 overlap; whole numbers include both ends",
    ),
    "columns of several lengths": (
        HEAD
        + "seed_data: {source: s, columns: {AGEP: [1, 2], SEX: ['1']}}\n"
        + AGE
        + SEX.removeprefix("dimensions:\n"),
        "town.yaml:5: seed_data.columns: columns of 1 and of 2 records; let all have as many",
    ),
    "columns without records": (
        HEAD + "seed_data: {source: s, columns: {AGEP: []}}\n" + AGE,
        "seed_data.columns: there are no records",
    ),
    "a column that nobody reads": (
        HEAD + "seed_data: {source: s, columns: {AGEP: [1], SERIALNO: [1]}}\n" + AGE,
        "seed_data.columns.SERIALNO: no dimension comes from this column; remove it",
    ),
    "a column that is not there": (
        HEAD + "seed_data: {source: s, columns: {AGE: [1]}}\n" + AGE,
        "dimensions.age.column: there is no column 'AGEP'; did you mean `AGE`?",
    ),
    "both a path and columns": (
        HEAD + "seed_data: {path: people.csv, source: s, columns: {AGEP: [1]}}\n" + AGE,
        "town.yaml:5: seed_data.path: there are `columns` too; remove one of the two",
    ),
    "not a number in the file itself": (
        HEAD + "seed_data: {source: s, columns: {AGEP: [1, .nan, ~]}}\n" + AGE,
        "dimensions.age: AGEP is empty in 2 of 3 records (first: record 2)",
    ),
    "a wrong record in the file itself": (
        HEAD + "seed_data: {source: s, columns: {AGEP: [1, x, ~]}}\n" + AGE,
        "dimensions.age: AGEP is no number, such as 'x', in 1 of 3 records (first: record 2)",
    ),
}


@pytest.mark.parametrize(("text", "message"), SPECS.values(), ids=SPECS.keys())
def test_what_contradicts_itself_is_named(tmp_path: Path, text: str, message: str) -> None:
    assert message in message_of(tmp_path, text, "AGEP,SEX\n30,1\n")


def test_a_spec_whose_records_were_not_read_says_how_to_read_them() -> None:
    spec = PopulationSpec.model_validate(
        {
            "schema": "troupe_batch/population/1",
            "id": "x",
            "size": 10,
            "seed_data": {"path": "people.csv", "source": "s"},
            "dimensions": {"age": {"type": "record"}},
        }
    )

    with pytest.raises(SpecError, match=r"seed_data\.path: these records have not been read; load the population with"):
        Population(spec)


def test_all_columns_at_fault_are_named_at_once(tmp_path: Path) -> None:
    frame = microdata(50).assign(SEX="x", SCHL="y")
    write_csv(frame, tmp_path)

    assert len(message_of(tmp_path, POPULATION).splitlines()) == 2
