"""Reads a population file with everything it refers to, so that what comes out needs no other file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from troupe_batch.errors import SpecError
from troupe_batch.persona import parse_agent, parse_fragment
from troupe_batch.population.dimensions import Dimension, Distributed
from troupe_batch.population.draw import Population
from troupe_batch.population.factors import Places
from troupe_batch.population.spec import PopulationSpec
from troupe_batch.population.tables import read_csv_table
from troupe_batch.spec_files import SpecFile, read_spec_file


@dataclass(frozen=True)
class PopulationFile:
    """A population as read from a file: self-contained, checked, ready to draw from."""

    path: str
    population: Population

    @property
    def spec(self) -> PopulationSpec:
        """What the file says, tables, agents and fragments included."""
        return self.population.spec

    @property
    def digest(self) -> str:
        """SHA-256 of the canonical JSON, hex."""
        return self.spec.digest

    def to_json(self) -> str:
        """Canonical JSON, which `PopulationSpec.from_json` reads back."""
        return self.spec.to_json()


def load_population(path: Path) -> PopulationFile:
    """The population in a YAML or JSON file; SpecError names every mistake with its file, line, place and cure."""
    return resolve_population(read_spec_file(path), path.parent)


def resolve_population(file: SpecFile, folder: Path) -> PopulationFile:
    """As `load_population`, from a file already read (or a part of one); other files are looked up in `folder`."""
    spec = file.parse(PopulationSpec)
    dimensions, csv_lines = _with_tables(spec.dimensions, folder, file)
    people = tuple(
        parse_agent(_file_at(entry, folder, file, ("people", i))).as_dict() for i, entry in enumerate(spec.people)
    )
    fragments = tuple(
        f.model_copy(
            update={"file": _fragment_data(_file_at(f.file, folder, file, ("persona", "fragments", i, "file")))}
        )
        for i, f in enumerate(spec.persona.fragments)
    )
    persona = spec.persona.model_copy(update={"fragments": fragments})
    # A spec of its own: what a model copy keeps cached (its digest) would be that of the file without its tables.
    fields = {name: getattr(spec, name) for name in PopulationSpec.model_fields if name != "schema_"}
    whole = PopulationSpec.model_construct(
        schema_=spec.schema_, **(fields | {"dimensions": dimensions, "people": people, "persona": persona})
    )
    return PopulationFile(file.name, Population(whole, places=Places(file, csv_lines)))


def _with_tables(
    dimensions: Mapping[str, Dimension], folder: Path, file: SpecFile
) -> tuple[dict[str, Dimension], dict[str, tuple[str, tuple[int, ...]]]]:
    resolved: dict[str, Dimension] = {}
    lines: dict[str, tuple[str, tuple[int, ...]]] = {}
    for name, dimension in dimensions.items():
        resolved[name] = dimension
        if isinstance(dimension, Distributed) and isinstance(dimension.table, str):
            path = folder / dimension.table
            try:
                table = read_csv_table(path, name, dimension.given)
            except SpecError as error:
                raise file.naming(("dimensions", name, "table"), error) from error
            resolved[name] = dimension.model_copy(update={"table": table.rows})
            lines[name] = (str(path), table.lines)
    return resolved, lines


def _file_at(entry: str | dict[Any, Any], folder: Path, file: SpecFile, place: tuple[str | int, ...]) -> SpecFile:
    if not isinstance(entry, str):
        return file.part(*place)
    try:
        return read_spec_file(folder / entry)
    except SpecError as error:
        raise file.naming(place, error) from error


def _fragment_data(file: SpecFile) -> dict[str, Any]:
    return {"type": "Fragment", "persona": parse_fragment(file).as_dict()}
