"""Records of microdata are compiled to what their file says, whatever its format."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.doubles.microdata import HEAD, POPULATION, microdata, write_csv, write_population
from troupe_batch.population import PopulationSpec, load_population
from troupe_batch.population.factors import Places
from troupe_batch.population.model import Records
from troupe_batch.population.records import compile_records, copies
from troupe_batch.spec_files import SpecFile, read_spec_text


def compiled(spec: PopulationSpec) -> Records:
    return compile_records(spec, Places(SpecFile("town.yaml", {}, {})))


def loaded(folder: Path, text: str, records: str) -> PopulationSpec:
    (folder / "people.csv").write_text(records, encoding="utf-8")
    return load_population(write_population(folder, text)).spec


def test_records_say_what_their_file_says(tmp_path: Path) -> None:
    frame = microdata(300)
    write_csv(frame, tmp_path)

    records = compiled(load_population(write_population(tmp_path)).spec)

    factors = {factor.name: (factor, records.codes[:, i]) for i, factor in enumerate(records.factors)}
    labels = {name: np.array(factor.labels)[codes].tolist() for name, (factor, codes) in factors.items()}
    assert labels["sex"] == frame["SEX"].map({1: "male", 2: "female"}).tolist()
    assert (
        labels["work"]
        == frame["ESR"].map({1: "works", 3: "looks for work", 6: "does not"}).fillna("is a child").tolist()
    )
    assert labels["age"] == pd.cut(frame["AGEP"], [-1, 17, 39, 64, 99], labels=factors["age"][0].labels).tolist()
    assert records.numbers["age"].dtype == np.int64
    assert records.numbers["age"].tolist() == frame["AGEP"].tolist()
    assert records.numbers["income"].tolist() == frame["PINCP"].tolist()
    assert records.weights == pytest.approx(frame["PWGTP"] / frame["PWGTP"].sum())
    assert factors["sex"][0].probs[1] == pytest.approx(
        frame.loc[frame["SEX"] == 2, "PWGTP"].sum() / frame["PWGTP"].sum()
    )
    assert records.codes.dtype == np.int16
    assert list(factors) == ["age", "sex", "schooling", "work"]


def test_labels_keep_their_order_and_may_stand_for_several_codes(tmp_path: Path) -> None:
    frame = microdata(300)
    write_csv(frame, tmp_path)

    records = compiled(load_population(write_population(tmp_path)).spec)

    labels = {factor.name: factor.labels for factor in records.factors}
    assert labels["schooling"] == ("none", "school", "degree")
    assert labels["work"] == ("works", "looks for work", "does not", "is a child")
    assert labels["age"] == ("0-17", "18-39", "40-64", "65-99")


def test_codes_without_labels_are_sorted_as_people_would(tmp_path: Path) -> None:
    text = HEAD + "seed_data: {path: people.csv, source: s}\ndimensions:\n  room: {type: record}\n"

    spec = loaded(tmp_path, text, "room\n10\nb\n2\n1\na\n10\n")

    assert compiled(spec).factors[0].labels == ("1", "2", "10", "a", "b")
    assert compiled(spec).factors[0].probs.tolist() == pytest.approx([1 / 6, 1 / 6, 2 / 6, 1 / 6, 1 / 6])


def test_a_category_that_no_record_has_is_kept_with_probability_zero(tmp_path: Path) -> None:
    text = HEAD + "seed_data: {path: people.csv, source: s}\ndimensions:\n  a: {type: record, labels: {1: x, 2: y}}\n"

    factor = compiled(loaded(tmp_path, text, "a\n1\n1\n")).factors[0]

    assert (factor.labels, factor.probs.tolist()) == (("x", "y"), [1.0, 0.0])


def test_records_of_weight_zero_are_left_out_whatever_they_say(tmp_path: Path) -> None:
    text = (
        HEAD
        + "seed_data: {path: people.csv, weight: W, source: s}\ndimensions:\n"
        + "  a: {type: record, labels: {1: x}}\n  n: {type: record, numeric: true}\n"
    )

    records = compiled(loaded(tmp_path, text, "a,n,W\n9,,0\n1,5,3\n1,6,1\n"))

    assert records.weights.tolist() == [0.75, 0.25]
    assert records.numbers["n"].tolist() == [5.0, 6.0]


def test_weights_of_any_size_sum_to_one(tmp_path: Path) -> None:
    text = HEAD + "seed_data: {path: people.csv, weight: W, source: s}\ndimensions:\n  a: {type: record}\n"

    records = compiled(loaded(tmp_path, text, "a,W\nx,1e308\ny,1e308\nz,1e308\n"))

    assert records.weights.tolist() == pytest.approx([1 / 3] * 3)


def test_one_column_can_be_both_a_category_and_a_number(tmp_path: Path) -> None:
    text = (
        HEAD
        + "seed_data: {path: people.csv, source: s}\ndimensions:\n"
        + "  has_car: {type: record, column: cars, labels: {'00': none, '01': some, '02': some}}\n"
        + "  cars: {type: record, numeric: true, integer: true}\n"
    )

    records = compiled(loaded(tmp_path, text, "cars\n00\n02\n01\n"))

    assert records.numbers["cars"].tolist() == [0, 2, 1]
    assert records.codes[:, 0].tolist() == [0, 1, 1]


def test_numbers_are_rounded_before_they_are_put_into_bins(tmp_path: Path) -> None:
    text = (
        HEAD
        + "seed_data: {path: people.csv, source: s}\n"
        + "dimensions:\n  n: {type: record, numeric: true, decimals: 1, bins: [10-20, 0-10]}\n"
    )

    records = compiled(loaded(tmp_path, text, "n\n9.96\n9.94\n-0.01\n0\n"))

    assert records.numbers["n"].tolist() == [10.0, 9.9, 0.0, 0.0]
    assert not np.signbit(records.numbers["n"]).any()
    assert [records.factors[0].labels[code] for code in records.codes[:, 0]] == ["10-20", "0-10", "0-10", "0-10"]


def test_only_the_columns_that_dimensions_name_are_kept(tmp_path: Path) -> None:
    write_csv(microdata(50), tmp_path)

    spec = load_population(write_population(tmp_path)).spec

    assert spec.seed_data is not None
    assert set(spec.seed_data.columns) == {"AGEP", "SEX", "SCHL", "ESR", "PINCP", "PWGTP"}
    assert "2022GQ" not in spec.to_json()
    assert spec.seed_data.path is None


def test_a_loaded_population_needs_no_other_file(tmp_path: Path) -> None:
    path = write_csv(microdata(80), tmp_path)
    spec = load_population(write_population(tmp_path)).spec
    path.unlink()

    again = PopulationSpec.from_json(spec.to_json())

    assert again.digest == spec.digest
    first, second = compiled(spec), compiled(again)
    assert first.codes.tolist() == second.codes.tolist()
    assert {n: v.tolist() for n, v in first.numbers.items()} == {n: v.tolist() for n, v in second.numbers.items()}


def test_the_same_records_from_csv_and_parquet_have_the_same_digest(tmp_path: Path) -> None:
    frame = microdata(80)
    write_csv(frame, tmp_path)
    frame.to_parquet(tmp_path / "people.parquet")
    frame.set_index("SEX").to_parquet(tmp_path / "indexed.parquet")
    frame.astype({"ESR": "Float64", "SEX": "category"}).to_parquet(tmp_path / "floats.parquet")
    frame.rename(columns={"SERIALNO": "PWGTP1"})[frame.columns[::-1].drop("SERIALNO")].to_parquet(tmp_path / "x.pq")
    (tmp_path / "unnamed").write_bytes((tmp_path / "people.parquet").read_bytes())
    names = ["people.csv", "people.parquet", "indexed.parquet", "floats.parquet", "x.pq", "unnamed"]

    digests = {
        load_population(write_population(tmp_path, POPULATION.replace("people.csv", name))).digest for name in names
    }

    assert len(digests) == 1


def test_other_records_have_another_digest(tmp_path: Path) -> None:
    digests = set()
    for seed in (1, 2):
        write_csv(microdata(80, seed), tmp_path)
        digests.add(load_population(write_population(tmp_path)).digest)

    assert len(digests) == 2


@pytest.mark.parametrize(
    "text",
    [
        "\ufeffAGEP\n30\n31\n",
        "# a census\n\nAGEP\n30\n31",
        ' AGEP ,"x\ny"\n30,\n\n 31 ,"\n"\n',
        "AGEP\r\n30\r\n31\r\n",
        '"AGEP"\n"30"\n31.0\n',
    ],
)
def test_a_csv_file_is_read_as_people_write_them(tmp_path: Path, text: str) -> None:
    population = (
        HEAD
        + "seed_data: {path: people.csv, source: s}\ndimensions:\n"
        + "  age: {type: record, column: AGEP, numeric: true, bins: [0-99]}\n"
    )

    assert compiled(loaded(tmp_path, population, text)).numbers["age"].tolist() == [30.0, 31.0]


@given(
    rows=st.lists(
        st.tuples(st.sampled_from("ab"), st.integers(-3, 3), st.integers(0, 2)), min_size=1, max_size=12
    ).filter(lambda rows: any(weight for *_, weight in rows))
)
def test_any_records_are_compiled_as_they_stand(rows: list[tuple[str, int, int]]) -> None:
    columns = {name: [row[i] for row in rows] for i, name in enumerate(("kind", "n", "w"))}
    spec = read_spec_text("x.yaml", POPULATION).parse(PopulationSpec).model_copy(update={"dimensions": {}})
    spec = PopulationSpec.model_validate(
        {
            **spec.model_dump(by_alias=True),
            "seed_data": {"source": "s", "weight": "w", "columns": columns},
            "dimensions": {
                "kind": {"type": "record"},
                "n": {"type": "record", "numeric": True, "integer": True, "bins": ["-3--1", "0-3"]},
            },
        }
    )

    records = compiled(spec)

    total = sum(weight for *_, weight in rows)
    kinds = np.array(records.factors[0].labels)[records.codes[:, 0]]
    assert list(zip(kinds, records.numbers["n"], strict=True)) == [(kind, n) for kind, n, weight in rows if weight]
    assert records.weights == pytest.approx([weight / total for *_, weight in rows if weight])
    assert [factor.probs.sum() for factor in records.factors] == pytest.approx([1, 1])
    assert records.codes[:, 1].tolist() == [int(n >= 0) for _, n, weight in rows if weight]


def test_people_who_share_records_are_reported() -> None:
    equal = np.full(100, 0.01)
    uneven = np.array([0.5, *np.full(50, 0.01)])

    assert copies(199, equal) is None
    assert copies(200, equal) is not None
    found = copies(1_000, uneven)

    assert found is not None
    # One over the sum of squares, 0.25 and fifty times 0.0001.
    assert found.problem == (
        "1,000 people are copies of 51 records, which are worth 4 of equal weight; up to 500 people share one"
    )
