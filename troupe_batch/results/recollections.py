"""Recollections of earlier waves: made once from the answers of the wave before, and read with the people."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby, islice
from operator import itemgetter
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from troupe_batch.errors import ResultsDamaged
from troupe_batch.expressions.kinds import Kind
from troupe_batch.factory.enrichment import Enriched
from troupe_batch.llm.chat import ChatModel
from troupe_batch.planning.job import WaveMemory
from troupe_batch.planning.waves import RememberedWave, bounded, entry, recollections_text
from troupe_batch.results.blocks import BLOCK, BlockFile, BlockWriter, Format
from troupe_batch.results.columns import column_field
from troupe_batch.results.manifest import REMAKE, Manifest
from troupe_batch.results.objects import Objects
from troupe_batch.results.run import PersonFactory
from troupe_batch.results.store import DATASET, RunStore
from troupe_batch.results.table import labels
from troupe_batch.results.tables.people import PeopleTable
from troupe_batch.simulation.person.person import TinyPerson
from troupe_batch.studies.study import AnswerStatus

RECOLLECTIONS = Format("troupe_batch/recollections/1", "file of recollections", "give the same command again")
_SCHEMA = pa.schema(
    [
        PeopleTable.columns.field("person_index"),
        column_field("waves", pa.string(), "What the person remembers, wave by wave, as JSON.", nullable=False),
    ]
)
_READ = ["person_index", "replicate", "question_id", "status", "label", "selected", "number", "text", "is_dont_know"]
_ROWS_AT_ONCE = 65_536

_Waves: TypeAlias = tuple[RememberedWave, ...]
_OfPerson: TypeAlias = tuple[int, _Waves]


class Recollections:
    """The recollections in a file; those without any do not stand in it."""

    def __init__(self, objects: Objects, path: str, *, expected: str | None = None) -> None:
        self._file = BlockFile(objects, path, RECOLLECTIONS, expected=expected)

    @property
    def digest(self) -> str:
        """SHA-256 (hex) of what all people remember."""
        return str(self._file.stated["digest"])

    @property
    def people(self) -> int:
        """How many people have something to remember."""
        return self._file.size

    def of(self, start: int, stop: int) -> Mapping[int, _Waves]:
        """Number -> waves, oldest first, of those of the people `start` to `stop - 1` who remember any."""
        firsts = np.asarray(self._file.stated["firsts"], np.int64)
        first = max(0, int(np.searchsorted(firsts, start, side="right")) - 1)
        last = int(np.searchsorted(firsts, stop, side="left"))
        return {
            index: waves
            for index, waves in self._between(first * BLOCK, min(last * BLOCK, self.people))
            if start <= index < stop
        }

    def all(self) -> Iterator[_OfPerson]:
        """Everybody, in the order of their numbers, a block in memory at a time."""
        for start in range(0, self.people, BLOCK):
            yield from self._between(start, min(start + BLOCK, self.people))

    def _between(self, start: int, stop: int) -> Iterator[_OfPerson]:
        rows = self._file.rows(start, max(start, stop))
        for index, text in zip(rows["person_index"].to_pylist(), rows["waves"].to_pylist(), strict=True):
            waves = (RememberedWave(w["number"], tuple(w["entries"]), w["left_out"]) for w in orjson.loads(text))
            yield index, tuple(waves)

    def for_people_of(self, factory: PersonFactory) -> PersonFactory:
        """Casts people as `factory` does, who remember then."""
        return _Recalling(factory, self)


class LocalRecollections(Recollections):
    """Recollections in a file on this machine's disk."""

    def __init__(self, path: Path) -> None:
        super().__init__(Objects.open(path.parent, make_folder=False), path.name)
        self.path = path


class _Recalling:
    """Casts people as `factory` does, and lets them remember what they answered before."""

    def __init__(self, factory: PersonFactory, recollections: Recollections) -> None:
        self._factory = factory
        self._recollections = recollections

    @property
    def kinds(self) -> Mapping[str, Kind]:
        """As the factory knows them."""
        return self._factory.kinds

    def people(self, start: int, stop: int) -> list[TinyPerson]:
        """People `start` to `stop - 1`, each with their recollections."""
        known = self._recollections.of(start, stop)
        return [
            person.recalling(recollections_text(known[person.index])) if person.index in known else person
            for person in self._factory.people(start, stop)
        ]

    async def enriched(self, person: TinyPerson, model: ChatModel) -> Enriched:
        """As the factory does it."""
        return await self._factory.enriched(person, model)


@dataclass(frozen=True)
class Earlier:
    """The wave before: its complete run, which wave it was, and what people remembered in it."""

    store: RunStore
    manifest: Manifest
    number: int
    recollections: Recollections | None = None


def write_recollections(path: Path, earlier: Earlier, memory: WaveMemory) -> LocalRecollections:
    """Everybody's answers in the first replicate of the wave before, behind what they remembered then.

    What was refused, left out, unreadable or never asked is no answer, so nobody remembers it. Answers of one person a
    time are in memory where the answers are in the order of people, as those of surveys and interviews are.
    """
    before = iter(()) if earlier.recollections is None else earlier.recollections.all()
    merged = heapq.merge(before, _answered(earlier, memory), key=itemgetter(0))
    everybody = (
        (index, bounded([wave for _, waves in parts for wave in waves]))
        for index, parts in groupby(merged, key=itemgetter(0))
    )
    schema = _SCHEMA.with_metadata(labels(is_rehearsal=earlier.manifest.is_rehearsal))
    firsts: list[int] = []
    with BlockWriter(path, schema, RECOLLECTIONS) as writer:
        while block := list(islice(everybody, BLOCK)):
            firsts.append(block[0][0])
            texts = [orjson.dumps([asdict(wave) for wave in waves]).decode() for _, waves in block]
            writer.add(pa.table([pa.array([index for index, _ in block], pa.int64()), texts], schema=schema))
        writer.close({"firsts": firsts})
    return LocalRecollections(path)


def _answered(earlier: Earlier, memory: WaveMemory) -> Iterator[_OfPerson]:
    """Number -> the wave before as they remember it, in the order of their numbers."""
    rows: Iterator[tuple[int, str]] = _entries(earlier, memory)
    if not _is_in_order(earlier):
        # Seats of worlds go across the population; sorting is stable, so each person's answers keep their order.
        rows = iter(sorted(rows, key=itemgetter(0)))
    for index, entries in groupby(rows, key=itemgetter(0)):
        yield index, (RememberedWave(earlier.number, tuple([text for _, text in entries])),)


def _entries(earlier: Earlier, memory: WaveMemory) -> Iterator[tuple[int, str]]:
    questions = {question.id: question for question in earlier.manifest.questions}
    for batch in _batches(earlier, _READ):
        is_answered = pc.equal(batch["status"].cast(pa.string()), AnswerStatus.ANSWERED)
        for row in batch.filter(pc.and_(is_answered, pc.equal(batch["replicate"], 0))).to_pylist():
            yield row["person_index"], entry(questions[row["question_id"]], row, memory)


def _is_in_order(earlier: Earlier) -> bool:
    last = -1
    for batch in _batches(earlier, ["person_index"]):
        indices = np.concatenate([[last], batch["person_index"].to_numpy()])
        if (np.diff(indices) < 0).any():
            return False
        last = int(indices[-1])
    return True


def _batches(earlier: Earlier, columns: Sequence[str]) -> Iterator[Any]:
    dataset = earlier.store.objects.within(DATASET)
    for file in earlier.manifest.files_of("answers"):
        try:
            part = pq.ParquetFile(dataset.source(file.path))
        except (FileNotFoundError, pa.ArrowException) as error:
            raise ResultsDamaged(f"{dataset.url}/{file.path} is missing or no Parquet file; {REMAKE}") from error
        yield from part.iter_batches(_ROWS_AT_ONCE, columns=list(columns))
