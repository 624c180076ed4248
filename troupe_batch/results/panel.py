"""Panel: people who were drawn, and written about, once, in one Parquet file that is read a stretch at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
import orjson
import pyarrow as pa
from pydantic import ValidationError

from troupe_batch.errors import Mistake, ResultsDamaged, SettingsError, SpecError
from troupe_batch.expressions.kinds import Kind
from troupe_batch.factory.enrichment import Enriched, EnrichStatus
from troupe_batch.llm.chat import ChatModel
from troupe_batch.persona.persona import Persona
from troupe_batch.planning.panels import PanelInfo
from troupe_batch.population.draw import Population
from troupe_batch.population.spec import PopulationSpec
from troupe_batch.results.blocks import BlockFile, Format
from troupe_batch.results.objects import Objects
from troupe_batch.simulation.person.person import TinyPerson

PANEL = Format(
    "troupe_batch/panel/1",
    "panel",
    "bring the frozen file back, or freeze the population with `troupe population freeze`; "
    "people are changed in the population file",
    ("person_id", "person_index", "persona", "prose"),
)
POPULATION_KEY = b"troupe_batch.population"
FACT_KEY = b"fact"


class Panel:
    """The people of a panel, read when they are asked for; casts them as a factory does, and asks no model.

    ResultsDamaged where the file is missing, is no panel, or is not the one whose digest is `expected`.
    """

    def __init__(self, objects: Objects, path: str, *, expected: str | None = None) -> None:
        self._file = BlockFile(objects, path, PANEL, expected=expected)

    @classmethod
    def at(cls, path: Path) -> LocalPanel:
        """The panel in a local file, read through and checked; SpecError where it is none, or was altered."""
        if not path.is_file():
            raise SpecError(
                str(path), [Mistake("no such file", "check the path, or make it with `troupe population freeze`")]
            )
        try:
            panel = LocalPanel(path)
            panel.check()
        except (ResultsDamaged, SettingsError) as error:
            problem, _, cure = str(error).removeprefix(f"{path.resolve()} ").partition("; ")
            raise SpecError(str(path), [Mistake(problem, cure)]) from error
        return panel

    @cached_property
    def info(self) -> PanelInfo:
        """The panel in short."""
        stated = self._file.stated
        try:
            info = PanelInfo.from_json({**stated["panel"], "digest": stated["digest"], "people": stated["rows"]})
        except (KeyError, TypeError, ValueError) as error:
            raise self._file.damaged(PANEL.rewritten) from error
        assert info is not None  # noqa: S101 (there was something to read it from)
        return info

    @cached_property
    def spec(self) -> PopulationSpec:
        """The population that the people were drawn from."""
        try:
            spec = PopulationSpec.from_json(self._file.metadata[POPULATION_KEY])
        except (ValidationError, ValueError, KeyError) as error:
            raise self._file.damaged("does not say which population its people are of") from error
        if spec.digest != self._file.stated["population"]:
            raise self._file.damaged("was altered: its people were drawn from another population")
        return spec

    @cached_property
    def fact_types(self) -> Mapping[str, pa.DataType]:
        """Fact -> Arrow type, in the order of the population file; weight and stratum are among them."""
        return {fact: self._file.schema.field(column).type for fact, column in self._columns.items()}

    @cached_property
    def kinds(self) -> Mapping[str, Kind]:
        """What each dimension and derived field of the population is that the people were drawn from."""
        return Population(self.spec).kinds

    def check(self) -> None:
        """Reads all people once; ResultsDamaged where one of them is not as they were frozen."""
        self._file.check()
        assert len(self._columns) == len(self.fact_types)  # noqa: S101 (they are read for their own check)
        assert self.spec.count >= self.info.people  # noqa: S101 (both are read for their own checks)

    def facts(self, start: int, stop: int) -> Mapping[str, Sequence[object]]:
        """Fact -> values of the people `start` to `stop - 1`; None where a person does not have it."""
        rows = self._file.rows(start, stop, tuple(self._columns.values()))
        return {fact: _column_values(rows[column]) for fact, column in self._columns.items()}

    def people(self, start: int, stop: int) -> list[TinyPerson]:
        """People `start` to `stop - 1`, with all that was written about them."""
        rows = self._file.rows(start, stop)
        names = tuple(self._columns)
        values = zip(*(rows[column].to_pylist() for column in self._columns.values()), strict=True)
        facts = [dict(zip(names, one, strict=True)) for one in values] if names else [{} for _ in range(rows.num_rows)]
        return [
            TinyPerson.cast(index, Persona(orjson.loads(persona)), known)
            for index, persona, known in zip(range(start, stop), rows["persona"].to_pylist(), facts, strict=True)
        ]

    async def enriched(self, person: TinyPerson, model: ChatModel) -> Enriched:  # noqa: ARG002 -- other factories ask it
        """The same person: what was to be written about them was written when they were frozen."""
        return Enriched(person, EnrichStatus.NOT_ASKED)

    @cached_property
    def _columns(self) -> Mapping[str, str]:
        """Fact -> its column."""
        labelled = [
            [field.metadata[FACT_KEY].decode(), field.name]
            for field in self._file.schema
            if FACT_KEY in (field.metadata or {})
        ]
        # Other readers go by the labels of the columns, so they must say what was frozen.
        if labelled != self._file.stated.get("facts"):
            raise self._file.damaged("was altered: the labels of its columns do not say which facts were frozen")
        return dict(labelled)


def _column_values(column: pa.ChunkedArray) -> Sequence[object]:
    """The values; people of one category share its text, as there may be a million of them."""
    if not pa.types.is_string(column.type):
        found: Sequence[object] = column.to_pylist() if column.null_count else column.to_numpy()
        return found
    coded = column.combine_chunks().dictionary_encode() if column.num_chunks else None
    if coded is None:
        return []
    # The last one is what a code of -1 means: no value.
    labels = np.array([*coded.dictionary.to_pylist(), None], dtype=object)
    shared: Sequence[object] = labels[coded.indices.fill_null(-1).to_numpy(zero_copy_only=False)]
    return shared


class LocalPanel(Panel):
    """A panel on this machine's disk."""

    def __init__(self, path: Path) -> None:
        super().__init__(Objects.open(path.parent, make_folder=False), path.name)
        self.path = path
