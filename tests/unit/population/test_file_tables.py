"""Conditional tables and controls are read alike from CSV and Parquet files; what is wrong in them is named by cell."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from troupe_batch.errors import SpecError
from troupe_batch.population.dimensions import Row
from troupe_batch.population.tables.reading import FileTable, read_conditional_table, read_control_table

ROWS = (
    Row(when={"sex": "f", "age": "1"}, values={"a": 0.1, "b": 0.9}),
    Row(when={"sex": "m", "age": "*"}, values={"a": 1 / 3, "b": 0.0}),
)
WIDE = "sex,age,a,b\nf,1,0.1,0.9\n# men\nm,*,0.3333333333333333,0\n"
LONG = "x,sex,age,share\na,f,1,0.1\nb,f,1,0.9\na,m,*,0.3333333333333333\nb,m,*,0\n"


def as_parquet(text: str, path: Path) -> Path:
    pd.read_csv(io.StringIO(text), comment="#").to_parquet(path)
    return path


def as_csv(text: str, path: Path) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def message_of(path: Path, *, is_control: bool = False) -> str:
    with pytest.raises(SpecError) as caught:
        read_control_table(path, ("sex", "age", "x")) if is_control else read_conditional_table(
            path, "x", ("sex", "age")
        )
    return str(caught.value).replace(f"{path.parent}/", "")


@pytest.mark.parametrize("text", [WIDE, LONG], ids=["wide", "long"])
def test_csv_and_parquet_say_the_same_of_a_dimension_and_of_a_control(tmp_path: Path, text: str) -> None:
    paths = [as_csv(text, tmp_path / "x.csv"), as_parquet(text, tmp_path / "x.parquet")]

    tables = [read_conditional_table(path, "x", ("sex", "age")) for path in paths]
    tables += [read_control_table(path, ("sex", "age", "x")) for path in paths]

    assert [table.rows for table in tables] == [ROWS] * 4


@pytest.mark.parametrize(("separator", "word"), [(";", "semicolons"), ("\t", "tabs")])
def test_another_separator_than_the_comma_is_named(tmp_path: Path, separator: str, word: str) -> None:
    text = WIDE.replace(",", separator).replace("0.", "0,")

    assert message_of(as_csv(text, tmp_path / "x.csv")) == (
        f"x.csv:1: its cells are separated by {word}; "
        "save it with commas between the cells and points in the numbers (0.6, not 0,6)"
    )


def test_a_decimal_comma_is_told_with_its_cure(tmp_path: Path) -> None:
    assert message_of(as_csv(WIDE.replace("0.9", "0,9"), tmp_path / "x.csv")) == (
        "x.csv:2: 5 cells, the header has 4; "
        "put a cell that holds a comma in quotes, and write numbers with a point (0.6)"
    )


def test_rows_know_where_they_stand(tmp_path: Path) -> None:
    def where(table: FileTable) -> list[str]:
        return [table.places.where(i).removeprefix(f"{tmp_path}/") for i in range(2)]

    assert where(read_control_table(as_csv(WIDE, tmp_path / "x.csv"), ("sex", "age", "x"))) == [
        "x.csv, line 2",
        "x.csv, line 4",
    ]
    assert where(read_control_table(as_csv(LONG, tmp_path / "y.csv"), ("sex", "age", "x"))) == [
        "y.csv, line 2",
        "y.csv, line 4",
    ]
    assert where(read_control_table(as_parquet(WIDE, tmp_path / "x.pq"), ("sex", "age", "x"))) == [
        "x.pq, row 1",
        "x.pq, row 2",
    ]


def test_a_control_of_one_dimension_is_one_row(tmp_path: Path) -> None:
    expected = (Row(when={}, values={"f": 51.0, "m": 49.0}),)
    wide, long = "f,m\n51,49\n", "sex,percent\nf,51\nm,49\n"

    assert read_control_table(as_csv(wide, tmp_path / "a.csv"), ("sex",)).rows == expected
    assert read_control_table(as_csv(long, tmp_path / "b.csv"), ("sex",)).rows == expected
    assert read_control_table(as_parquet(wide, tmp_path / "a.pq"), ("sex",)).rows == expected
    assert read_control_table(as_parquet(long, tmp_path / "b.pq"), ("sex",)).rows == expected


def test_codes_of_a_parquet_file_are_text_however_they_are_stored(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {
            "sex": pd.Categorical(["1", "2"]),
            "age": pd.array([1.0, 2.0], dtype="Float64"),
            "a": np.array([3, 4], dtype=np.uint8),
            "b": np.array([0.5, 0.25], dtype=np.float32),
        }
    )
    frame.to_parquet(tmp_path / "x.parquet")

    rows = read_control_table(tmp_path / "x.parquet", ("sex", "age", "x")).rows

    assert rows == (
        Row(when={"sex": "1", "age": "1"}, values={"a": 3, "b": 0.5}),
        Row(when={"sex": "2", "age": "2"}, values={"a": 4, "b": 0.25}),
    )


MISTAKES = {
    "an empty number": (
        "sex,age,a,b\nf,1,1,0\nm,1,,1\n",
        "x.csv:3: a: the cell is empty; write 0 for a category that cannot occur",
        "x.pq: row 2, column a: the cell is empty; write 0 for a category that cannot occur",
    ),
    "a word for a number": (
        "sex,age,a,b\nf,1,half,0\n",
        "x.csv:2: a: 'half' is no number; write a plain number such as 12.5",
        "x.pq: row 1, column a: 'half' is no number; write a plain number such as 12.5",
    ),
    "no column for the parent": (
        "gender,age,a\nf,1,1\n",
        "x.csv:1: there is no column for the parent 'sex'; known here: a, age, gender",
        "x.pq: there is no column for the parent 'sex'; known here: a, age, gender",
    ),
    "an empty parent": (
        "sex,age,a\nf,,1\n",
        "x.csv:2: age: the cell is empty; write a category, or * for any",
        "x.pq: row 1, column age: the cell is empty; write a category, or * for any",
    ),
    "no category": (
        "sex,age\nf,1\n",
        "x.csv:1: there is no column for any category; add one per category",
        "x.pq: there is no column for any category; add one per category",
    ),
    "the same twice": (
        "sex,age,x,share\nf,1,a,1\nf,1,a,1\n",
        "x.csv:3: x: 'a' stands twice for the same parents, or is empty; remove one",
        "x.pq: row 2, column x: 'a' stands twice for the same parents, or is empty; remove one",
    ),
    "no numbers": (
        "sex,age,x\nf,1,a\n",
        "x.csv:1: one column must hold the numbers; name it share or percent or count",
        "x.pq: one column must hold the numbers; name it share or percent or count",
    ),
}


@pytest.mark.parametrize(("text", "in_csv", "in_parquet"), MISTAKES.values(), ids=MISTAKES.keys())
def test_a_mistake_is_named_by_line_or_row_and_column(tmp_path: Path, text: str, in_csv: str, in_parquet: str) -> None:
    assert message_of(as_csv(text, tmp_path / "x.csv")) == in_csv
    assert message_of(as_parquet(text, tmp_path / "x.pq")) == in_parquet


def test_mistakes_in_a_control_speak_of_dimensions_and_offer_no_wildcard(tmp_path: Path) -> None:
    empty = message_of(as_csv("sex,age,a\nf,,1\n", tmp_path / "x.csv"), is_control=True)
    missing = message_of(as_csv("age,a\n1,1\n", tmp_path / "x.csv"), is_control=True)
    twice = message_of(as_csv("sex,age,x,count\nf,1,a,1\nf,1,a,1\n", tmp_path / "x.csv"), is_control=True)

    assert empty == "x.csv:2: age: the cell is empty; write a category"
    assert "there is no column for the dimension 'sex'" in missing
    assert "stands twice for the same dimensions" in twice


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (pd.DataFrame({"sex": []}), "x.pq: the table has no rows; write at least one"),
        (pd.DataFrame({"sex": ["f"], " sex": ["m"]}), "x.pq: the column 'sex' stands twice or has no name"),
        (pd.DataFrame({"sex": ["f"], "": ["m"]}), "x.pq: the column '' stands twice or has no name"),
        (
            pd.DataFrame({"sex": ["f"], "age": [[1]]}),
            "x.pq: column age: a ndarray is neither text nor a number; store the column as text or numbers",
        ),
    ],
    ids=["no rows", "twice", "no name", "lists"],
)
def test_a_parquet_file_that_is_no_table_is_named(tmp_path: Path, frame: pd.DataFrame, message: str) -> None:
    frame.to_parquet(tmp_path / "x.pq")

    assert message_of(tmp_path / "x.pq").startswith(message)


@pytest.mark.parametrize("form", ["wide", "long"])
def test_more_categories_than_a_dimension_has_are_refused(tmp_path: Path, form: str) -> None:
    labels = [f"c{n}" for n in range(2_001)]
    wide = "sex,age," + ",".join(labels) + "\nf,1" + ",0" * len(labels) + "\n"
    long = "sex,age,x,count\n" + "".join(f"f,1,{label},1\n" for label in labels)

    found = message_of(as_csv(wide if form == "wide" else long, tmp_path / "x.csv"))

    assert found == "x.csv: 2,001 categories, at most 2,000 are read; group the rare ones"


@settings(max_examples=200)
@given(
    content=st.one_of(
        st.binary(max_size=80),
        st.text(st.sampled_from('sexag,\n1*#"\r.-é\x00'), max_size=60).map(str.encode),
        st.binary(max_size=60).map(lambda inner: b"PAR1" + inner + b"PAR1"),
    ),
    name=st.sampled_from(["x.csv", "x.parquet"]),
)
@example(content=b"sex,age,a\nf,1,1e999\n", name="x.csv")
@example(content=b"sex,age,x,share\nf,1,\x85,1\n", name="x.csv")
def test_any_bytes_are_a_table_or_a_spec_error(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, name: str
) -> None:
    path = tmp_path_factory.getbasetemp() / name
    path.write_bytes(content)

    for dims in (("sex", "x"), ("s", "x"), ("x",)):
        try:
            assert read_conditional_table(path, dims[-1], dims[:-1]).rows == read_control_table(path, dims).rows
        except SpecError as error:
            assert all(mistake.problem for mistake in error.mistakes)
