"""What stands beside the people of a panel: names of facts, labels, absent values, and prose that is missing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.doubles.panels import frozen, population
from troupe_batch.errors import SettingsError, SpecError
from troupe_batch.factory import TinyPersonFactory
from troupe_batch.population import Population
from troupe_batch.results.blocks import BlockFile, BlockWriter, Format
from troupe_batch.results.objects import Objects
from troupe_batch.results.panel import FACT_KEY, Panel
from troupe_batch.results.panel_writing import PanelMember, PanelWriter, Written

FORM = Format("tests/words/1", "file of words", "write it anew")
SCHEMA = pa.schema([pa.field("word", pa.string())])


@pytest.fixture
def path(tmp_path: Path) -> Path:
    frozen(tmp_path / "panel.parquet")
    return tmp_path / "panel.parquet"


def relabelled(path: Path, change: Callable[[pa.Schema], pa.Schema], **labels: str) -> None:
    """The file stored anew with other labels, of its columns or its own."""
    rows = pq.read_table(path)
    kept = {k: v for k, v in pq.ParquetFile(path).metadata.metadata.items() if k != b"ARROW:schema"}
    schema = change(rows.schema.remove_metadata())
    with pq.ParquetWriter(path, schema) as writer:
        writer.write_table(pa.table(rows.columns, schema=schema))
        writer.add_key_value_metadata({**kept, **{name.encode(): value.encode() for name, value in labels.items()}})


def test_a_file_with_the_same_labels_is_the_same_panel(path: Path) -> None:
    info = Panel.at(path).info

    relabelled(path, lambda schema: schema)

    assert Panel.at(path).info == info


def test_a_fact_cannot_be_given_another_name(path: Path) -> None:
    def shoe_sizes(schema: pa.Schema) -> pa.Schema:
        place = schema.get_field_index("age")
        return schema.set(place, schema.field("age").with_metadata({FACT_KEY: b"shoe_size"}))

    relabelled(path, shoe_sizes)

    with pytest.raises(SpecError, match="do not say which facts were frozen; "):
        Panel.at(path)


def test_a_fact_cannot_be_hidden(path: Path) -> None:
    relabelled(path, lambda schema: schema.set(5, schema.field(5).remove_metadata()))

    with pytest.raises(SpecError, match="do not say which facts were frozen"):
        Panel.at(path)


@pytest.mark.parametrize("labels", [{"synthetic": "false"}, {"digitalSourceType": ""}, {"disclosure": "People."}])
def test_that_people_are_synthetic_cannot_be_taken_back(path: Path, labels: dict[str, str]) -> None:
    relabelled(path, lambda schema: schema, **labels)

    with pytest.raises(SpecError, match="its labels, which say that it is synthetic, are not those"):
        Panel.at(path)


def test_a_panel_that_lost_its_labels_is_refused(path: Path) -> None:
    rows = pq.read_table(path)
    metadata = pq.ParquetFile(path).metadata.metadata
    kept = {name: metadata[name] for name in metadata if name.startswith(b"troupe_batch.")}
    pq.write_table(rows.replace_schema_metadata(kept), path)

    with pytest.raises(SpecError, match="its labels"):
        Panel.at(path)


def test_a_file_that_another_program_stored_anew_is_no_panel_any_more(path: Path) -> None:
    pq.write_table(pq.read_table(path).replace_schema_metadata(None), path)

    with pytest.raises(SpecError, match="was written anew by another program"):
        Panel.at(path)


def test_a_fact_that_a_person_does_not_have_is_absent_and_no_empty_text(tmp_path: Path) -> None:
    path = tmp_path / "panel.parquet"
    drawn = population()
    people = TinyPersonFactory(Population(drawn)).people(0, 3)
    facts: dict[str, list[Any]] = {"region": ["North", None, ""], "age": [30, None, 0]}
    types = {"region": pa.string(), "age": pa.int64()}
    with PanelWriter(path, drawn, types, Written()) as writer:
        writer.add([PanelMember(person) for person in people], facts)  # type: ignore[arg-type] # lists are columns too
        writer.close()

    panel = Panel.at(path)

    assert {name: list(values) for name, values in panel.facts(0, 3).items()} == facts
    assert [person.facts for person in panel.people(0, 3)] == [
        {"region": region, "age": age} for region, age in zip(facts["region"], facts["age"], strict=True)
    ]


def test_people_without_prose_are_counted_over_all_blocks(tmp_path: Path) -> None:
    drawn = population()
    people = TinyPersonFactory(Population(drawn)).people(0, 5)
    members = [PanelMember(person, "refused", is_missing=person.index != 2) for person in people]
    with PanelWriter(tmp_path / "panel.parquet", drawn, {}, Written()) as writer:
        writer.add(members[:3], {})
        writer.add(members[3:], {})
        info = writer.close()

    assert (info.people, info.without_prose) == (5, 4)


def words(*texts: str) -> pa.Table:
    return pa.table({"word": list(texts)}, schema=SCHEMA)


def test_two_who_write_one_file_at_once_do_not_meet(tmp_path: Path) -> None:
    path = tmp_path / "words.parquet"
    with BlockWriter(path, SCHEMA, FORM) as one, BlockWriter(path, SCHEMA, FORM) as other:
        one.add(words("a", "b"))
        other.add(words("c"))
        first = one.close({})
        assert BlockFile(Objects.open(tmp_path), path.name, FORM, expected=first).rows(0, 2)["word"].to_pylist() == [
            "a",
            "b",
        ]
        second = other.close({})

    assert BlockFile(Objects.open(tmp_path), path.name, FORM, expected=second).rows(0, 1)["word"].to_pylist() == ["c"]
    assert [one.name for one in tmp_path.iterdir()] == [path.name]


def test_a_writer_that_fails_leaves_nothing_and_does_not_touch_the_other(tmp_path: Path) -> None:
    path = tmp_path / "words.parquet"
    with BlockWriter(path, SCHEMA, FORM) as one:
        one.add(words("a"))
        with pytest.raises(ValueError, match="schema"), BlockWriter(path, SCHEMA, FORM) as other:
            other.add(pa.table({"number": [1]}))
        one.close({})

    assert [one.name for one in tmp_path.iterdir()] == [path.name]


def test_a_place_that_cannot_be_written_is_told_and_nothing_is_left(tmp_path: Path) -> None:
    path = tmp_path / "words.parquet"
    (path / "in").mkdir(parents=True)

    with BlockWriter(path, SCHEMA, FORM) as writer:
        writer.add(words("a"))
        with pytest.raises(SettingsError, match=r"words\.parquet: cannot be written: .*; name another place"):
            writer.close({})

    assert [one.name for one in tmp_path.iterdir()] == [path.name]
