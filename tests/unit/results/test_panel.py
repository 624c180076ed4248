"""Panels: the people who were frozen, however the file is stored, and nobody else."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.doubles.panels import frozen, population
from troupe_batch.errors import ResultsDamaged, SpecError
from troupe_batch.factory import TinyPersonFactory
from troupe_batch.population import Population
from troupe_batch.results import blocks
from troupe_batch.results.blocks import STATED_KEY
from troupe_batch.results.objects import Objects
from troupe_batch.results.panel import POPULATION_KEY, Panel
from troupe_batch.results.panel_writing import PanelMember, PanelWriter, Written
from troupe_batch.use_cases import panels

BLOCK = 16


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (blocks, panels):
        monkeypatch.setattr(module, "BLOCK", BLOCK)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    frozen(tmp_path / "panel.parquet")
    return tmp_path / "panel.parquet"


def rewritten(
    path: Path,
    change: Callable[[pa.Table], pa.Table] = lambda rows: rows,
    *,
    group: int = 7,
    says: Mapping[bytes, bytes] | None = None,
) -> None:
    """The file stored anew, its metadata as it was but for what it `says` now."""
    metadata = {k: v for k, v in pq.ParquetFile(path).metadata.metadata.items() if k != b"ARROW:schema"}
    rows = change(pq.read_table(path))
    with pq.ParquetWriter(path, rows.schema, compression="gzip") as writer:
        writer.write_table(rows, row_group_size=group)
        writer.add_key_value_metadata({**metadata, **(says or {})})


def test_the_people_of_a_panel_are_those_of_the_population(path: Path) -> None:
    panel, drawn = Panel.at(path), Population(population())

    for start, stop in ((0, 40), (0, 0), (3, 5), (14, 35), (39, 40)):
        mine, theirs = panel.people(start, stop), TinyPersonFactory(drawn).people(start, stop)
        assert [p.persona for p in mine] == [p.persona for p in theirs]
        assert [p.facts for p in mine] == [p.facts for p in theirs]
        assert [p.person_id for p in mine] == [p.person_id for p in theirs]
        assert [p.block for p in mine] == [p.block for p in theirs]
        facts = panel.facts(start, stop)
        assert {name: list(values) for name, values in facts.items()} == {
            name: values.tolist() for name, values in drawn.facts(start, stop).items()
        }
    assert panel.spec.digest == drawn.digest
    assert panel.fact_types == {"age": pa.int64(), "region": pa.string(), "height": pa.float64()}
    with pytest.raises(IndexError):
        panel.people(0, 41)


def test_a_panel_of_fewer_people_has_the_first_of_them(tmp_path: Path) -> None:
    info = frozen(tmp_path / "few.parquet", 10)

    panel = Panel.at(tmp_path / "few.parquet")
    assert (info.people, panel.info) == (10, info)
    assert [p.persona for p in panel.people(0, 10)] == [
        p.persona for p in TinyPersonFactory(Population(population())).people(0, 10)
    ]


def test_the_digest_is_that_of_the_people_however_they_are_stored(path: Path, tmp_path: Path) -> None:
    info = Panel.at(path).info
    rewritten(path, group=7)

    again = Panel.at(path)
    assert pq.ParquetFile(path).metadata.num_row_groups == 6
    assert again.info == info
    assert [p.name for p in again.people(5, 36)] == [
        p.name for p in TinyPersonFactory(Population(population())).people(5, 36)
    ]
    assert frozen(tmp_path / "same.parquet").digest == info.digest
    assert frozen(tmp_path / "other.parquet", seed=8).digest != info.digest
    assert frozen(tmp_path / "fewer.parquet", 39).digest != info.digest


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(row=st.integers(0, 39), column=st.integers(0, 7), is_gone=st.booleans())
def test_whoever_reads_an_altered_person_is_told(path: Path, row: int, column: int, is_gone: bool) -> None:
    def change(rows: pa.Table) -> pa.Table:
        values = rows.column(column).to_pylist()
        old = values[row]
        values[row] = None if is_gone else old + 1 if isinstance(old, int | float) else f"{old} Jr"
        return rows.set_column(column, pa.field(rows.schema.names[column], rows.schema.types[column]), pa.array(values))

    sound = path.read_bytes()
    try:
        rewritten(path, change)
        with pytest.raises(SpecError, match=f"people|rows {row // BLOCK * BLOCK} to .* not those that were written"):
            Panel.at(path)
        with pytest.raises(ResultsDamaged):
            Panel(Objects.open(path.parent), path.name).people(row, row + 1)
    finally:
        path.write_bytes(sound)


def test_people_who_changed_places_are_found(path: Path) -> None:
    rewritten(path, lambda rows: rows.take([1, 0, *range(2, 40)]))

    with pytest.raises(SpecError, match="rows 0 to 15 are not those that were written"):
        Panel.at(path)


def test_a_file_that_lost_people_is_found(path: Path) -> None:
    rewritten(path, lambda rows: rows.slice(0, 39))

    with pytest.raises(SpecError, match="has 39 rows and was written with 40"):
        Panel.at(path)


def test_what_a_panel_says_of_itself_cannot_be_changed(path: Path) -> None:
    stated = orjson.loads(pq.ParquetFile(path).metadata.metadata[STATED_KEY])
    stated["panel"]["enrich"] = "full"
    rewritten(path, says={STATED_KEY: orjson.dumps(stated)})

    with pytest.raises(SpecError, match="its digest is not that of what it says of itself"):
        Panel.at(path)


def test_another_population_cannot_be_put_into_it(path: Path) -> None:
    rewritten(path, says={POPULATION_KEY: population(seed=8).to_json().encode()})

    with pytest.raises(SpecError, match="its people were drawn from another population"):
        Panel.at(path)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (None, "no such file; check the path, or make it with `troupe population freeze`"),
        (b"", "is no Parquet file"),
        (b"PAR1 and then nothing", "is no Parquet file"),
        ("table", "is no panel; bring the frozen file back, or freeze the population with `troupe population freeze`"),
    ],
)
def test_what_is_no_panel_is_told_with_a_cure(tmp_path: Path, content: bytes | str | None, problem: str) -> None:
    path = tmp_path / "panel.parquet"
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content is not None:
        pq.write_table(pa.table({"name": ["Ana"]}), path)

    with pytest.raises(SpecError, match=problem) as caught:
        Panel.at(path)
    assert caught.value.file == str(path)
    assert str(caught.value).count(path.name) == 1


CURE = (
    "bring the frozen file back, or freeze the population with `troupe population freeze`; "
    "people are changed in the population file"
)


@pytest.mark.parametrize("by", ["pyarrow", "pandas"])
def test_a_panel_that_another_program_wrote_anew_is_told_from_a_file_that_is_none(path: Path, by: str) -> None:
    rows = pq.read_table(path)
    if by == "pyarrow":
        pq.write_table(rows, path)
    else:
        rows.replace_schema_metadata({}).to_pandas().to_parquet(path)

    with pytest.raises(SpecError) as caught:
        Panel.at(path)

    lost = "was written anew by another program, which dropped the record that a panel keeps of itself"
    assert str(caught.value) == f"{path}: {lost}; {CURE}"


def test_an_edited_person_is_told_with_the_cure(path: Path) -> None:
    def older(rows: pa.Table) -> pa.Table:
        place = rows.schema.names.index("age")
        return rows.set_column(place, rows.schema.field(place), pa.array([99, *rows["age"].to_pylist()[1:]]))

    rewritten(path, older)

    with pytest.raises(SpecError) as caught:
        Panel.at(path)
    assert str(caught.value) == f"{path}: was altered: rows 0 to 15 are not those that were written; {CURE}"


def test_half_a_file_is_found(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-200])

    with pytest.raises(SpecError, match="no Parquet file"):
        Panel.at(path)


def test_a_run_reads_only_the_panel_that_it_was_planned_with(path: Path) -> None:
    panel = Panel(Objects.open(path.parent), path.name, expected="0" * 64)

    with pytest.raises(ResultsDamaged, match=r"is another panel .* than the plan's .*; remove that file and give"):
        panel.people(0, 1)


def test_the_file_says_that_its_people_are_synthetic_and_is_typed(path: Path) -> None:
    file = pq.ParquetFile(path)

    assert file.metadata.metadata[b"synthetic"] == b"true"
    assert file.metadata.metadata[b"troupe_batch.schema"] == b"troupe_batch/panel/1"
    assert file.schema_arrow.field("age").type == pa.int64()
    assert file.schema_arrow.field("height").type == pa.float64()
    assert file.metadata.num_row_groups == 3
    assert all(field.metadata[b"description"] for field in file.schema_arrow)


def test_a_fact_that_bears_the_name_of_a_column_keeps_its_own_name_as_a_fact(tmp_path: Path) -> None:
    words = {"type": "categorical", "values": {"verse": 0.5, "none": 0.5}, "source": "invented"}
    frozen(tmp_path / "panel.parquet", dimensions={"prose": words})

    panel = Panel.at(tmp_path / "panel.parquet")

    assert set(panel.facts(0, 40)) == {"prose"}
    assert {person.facts["prose"] for person in panel.people(0, 40)} == {"verse", "none"}
    assert {"prose", "fact_prose"} <= set(pq.read_schema(tmp_path / "panel.parquet").names)


def test_a_panel_that_was_left_unfinished_leaves_nothing_and_replaces_nothing(path: Path) -> None:
    before = path.read_bytes()
    people = TinyPersonFactory(Population(population())).people(0, 2)
    with PanelWriter(path, population(), {}, Written()) as writer:
        writer.add([PanelMember(person) for person in people], {})

    assert path.read_bytes() == before
    assert [one.name for one in path.parent.iterdir()] == [path.name]


def test_people_by_name_are_frozen_too(tmp_path: Path) -> None:
    agents = [
        {"type": "TinyPerson", "persona": {"name": name, "age": 30 + n, "beliefs": ["Soup is for winter."]}}
        for n, name in enumerate(("Ana", "Bo", "Cleo"))
    ]
    frozen(tmp_path / "panel.parquet", 2, size=None, dimensions={}, people=agents)

    panel = Panel.at(tmp_path / "panel.parquet")

    assert [(p.name, p.facts, p.get("beliefs")) for p in panel.people(0, 2)] == [
        ("Ana", {"age": 30}, ["Soup is for winter."]),
        ("Bo", {"age": 31}, ["Soup is for winter."]),
    ]


def test_derived_facts_weights_and_strata_are_typed_columns_and_weights_are_no_part_of_a_persona(
    tmp_path: Path,
) -> None:
    frozen(
        tmp_path / "panel.parquet",
        derive={"old": "age >= 65", "half": "age / 2", "band": "cut(age, [18, 40, 91])"},
        strata={"by": ["region"], "allocation": "explicit", "sizes": {"North": 30, "South": 10}},
    )

    panel = Panel.at(tmp_path / "panel.parquet")

    derived = {"old": pa.bool_(), "half": pa.float64(), "band": pa.string()}
    assert {name: panel.fact_types[name] for name in derived} == derived
    assert (panel.fact_types["weight"], panel.fact_types["stratum"]) == (pa.float64(), pa.string())
    for person in panel.people(0, 40):
        assert person.facts["weight"] == pytest.approx(20 / 30 if person.facts["region"] == "North" else 2)
        assert person.facts["stratum"] == person.facts["region"]
        assert not {"weight", "stratum"} & set(person.persona)
        assert person.facts["half"] == float(str(person.facts["age"])) / 2
