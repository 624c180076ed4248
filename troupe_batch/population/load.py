"""Population file with everything it refers to, read so that what comes out needs no other file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from troupe_batch.errors import SpecError
from troupe_batch.persona.files import parse_agent, parse_fragment
from troupe_batch.plain_files import named_file
from troupe_batch.population.design import Control, SeedData
from troupe_batch.population.dimensions import Dimension, Distributed
from troupe_batch.population.draw import Population, compiled
from troupe_batch.population.factors import Places, RowsInFile
from troupe_batch.population.records import columns_named, place_of_column
from troupe_batch.population.spec import PopulationSpec
from troupe_batch.population.tables.file_values import NoSuchColumn
from troupe_batch.population.tables.reading import FileTable, read_conditional_table, read_control_table
from troupe_batch.population.tables.seed_files import cure_of_column, read_seed_columns
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
    around = _Around(file, folder)
    people = tuple(parse_agent(around.file_at(entry, ("people", i))).as_dict() for i, entry in enumerate(spec.people))
    fragments = tuple(
        f.model_copy(update={"file": _fragment_data(around.file_at(f.file, ("persona", "fragments", i, "file")))})
        for i, f in enumerate(spec.persona.fragments)
    )
    parts = {
        "dimensions": {name: around.dimension(name, one) for name, one in spec.dimensions.items()},
        "controls": tuple(around.control(i, one) for i, one in enumerate(spec.controls)),
        "seed_data": around.seed_data(spec),
        "people": people,
        "persona": spec.persona.model_copy(update={"fragments": fragments}),
    }
    # A spec of its own: what a model copy keeps cached (its digest) would be that of the file without its tables.
    fields = {name: getattr(spec, name) for name in PopulationSpec.model_fields if name != "schema_"}
    whole = PopulationSpec.model_construct(schema_=spec.schema_, **(fields | parts))
    return PopulationFile(file.name, compiled(whole, places=Places(file, around.rows)))


class _Around:
    """The files that a population file names; `rows` gathers where the rows of their tables stand."""

    def __init__(self, file: SpecFile, folder: Path) -> None:
        self._file = file
        self._folder = folder
        self.rows: dict[tuple[str | int, ...], RowsInFile] = {}

    def dimension(self, name: str, dimension: Dimension) -> Dimension:
        """The dimension with its table."""
        if not isinstance(dimension, Distributed) or not isinstance(dimension.table, str):
            return dimension
        named = dimension.table
        place = ("dimensions", name, "table")
        table = self._table(
            place, lambda: read_conditional_table(named_file(self._folder, named), name, dimension.given)
        )
        return dimension.model_copy(update=_stated_by(table, dimension))

    def control(self, index: int, control: Control) -> Control:
        """The control with its table."""
        if not isinstance(control.table, str):
            return control
        named = control.table
        table = self._table(
            ("controls", index, "table"), lambda: read_control_table(named_file(self._folder, named), control.dims)
        )
        return control.model_copy(update=_stated_by(table, control))

    def seed_data(self, spec: PopulationSpec) -> SeedData | None:
        """The columns of the records that dimensions name, instead of the name of their file."""
        seed = spec.seed_data
        wanted = columns_named(spec)
        if seed is None or seed.path is None or seed.columns or wanted.keys() <= {seed.weight}:
            return seed
        path = self._folder / seed.path
        try:
            read = read_seed_columns(named_file(self._folder, path), wanted)
        except NoSuchColumn as error:
            raise self._file.errors(
                [
                    self._file.mistake(
                        place_of_column(spec, name), f"{path} has no column {name!r}", cure_of_column(name, error.known)
                    )
                    for name in error.missing
                ]
            ) from error
        except SpecError as error:
            raise self._file.naming(("seed_data", "path"), error) from error
        self.rows["seed_data",] = read.places
        # In the order that their canonical JSON has: a plan then finds this very population compiled.
        return seed.model_copy(update={"path": None, "columns": dict(sorted(read.columns.items()))})

    def file_at(self, entry: str | dict[Any, Any], place: tuple[str | int, ...]) -> SpecFile:
        """The file that is named at a place, or what stands there itself."""
        if not isinstance(entry, str):
            return self._file.part(*place)
        try:
            return read_spec_file(named_file(self._folder, entry))
        except SpecError as error:
            raise self._file.naming(place, error) from error

    def _table(self, place: tuple[str | int, ...], read: Callable[[], FileTable]) -> FileTable:
        try:
            table = read()
        except SpecError as error:
            raise self._file.naming(place, error) from error
        self.rows[place] = table.places
        return table


def _stated_by(table: FileTable, part: Distributed | Control) -> dict[str, Any]:
    """The rows of a table, and the unit that its file names where the population file names none."""
    unit = part.unit if table.unit is None or "unit" in part.model_fields_set else table.unit
    return {"table": table.rows, "unit": unit}


def _fragment_data(file: SpecFile) -> dict[str, Any]:
    return {"type": "Fragment", "persona": parse_fragment(file).as_dict()}
