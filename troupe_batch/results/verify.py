"""Recount a dataset against its plan: whether each planned answer is there once, and each file as it was written."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from troupe_batch.errors import ResultsDamaged
from troupe_batch.results.ledger import StatusCounts, StoredFile
from troupe_batch.results.manifest import MANIFEST, Manifest
from troupe_batch.results.run import Run
from troupe_batch.results.schema import Table
from troupe_batch.results.store import DATASET
from troupe_batch.studies.study import AnswerStatus

_MOST_EXAMPLES = 3
_BATCH_ROWS = 65_536
_VALUES = ("code", "label", "number", "text", "selected", "is_dont_know")


@dataclass(frozen=True, slots=True)
class Problem:
    """One way in which the dataset is not what was planned; `kind` is a fixed word, `examples` name the first few."""

    kind: str
    message: str
    examples: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.message + (f" (for example {', '.join(self.examples)})" if self.examples else "")


@dataclass(slots=True)
class Verification:
    """What the recount found. A dataset without problems may still be incomplete: `missing_shards` says so."""

    units: int = 0
    answers: int = 0
    counts: StatusCounts = field(default_factory=dict)
    missing_shards: tuple[int, ...] = ()
    problems: list[Problem] = field(default_factory=list)

    @property
    def is_sound(self) -> bool:
        """Nothing is missing, doubled or altered."""
        return not self.problems

    @property
    def is_complete(self) -> bool:
        """Sound, and every shard was simulated."""
        return self.is_sound and not self.missing_shards


async def verify(run: Run) -> Verification:
    """The recount of the run's dataset, reading every file once and holding one batch of rows at a time."""
    recount = _Recount(run)
    manifest = await recount.manifest()
    if manifest is not None:
        await recount.ledger(manifest)
        await recount.files(manifest)
        for table in Table:
            await recount.table(manifest, table)
        recount.compare(manifest)
    return recount.found


class _Recount:
    """The state of one recount: a byte per unit and question, and what was wrong so far."""

    def __init__(self, run: Run) -> None:
        plan = run.plan
        self.found = Verification(units=plan.units)
        self._run = run
        self._dataset = run.store.objects.within(DATASET)
        self._ids = [question.id for question in run.study.questions]
        self._people = plan.unit(plan.units - 1).case + 1
        self._seen: dict[Table, npt.NDArray[np.uint8]] = {
            Table.PEOPLE: np.zeros((1, self._people), np.uint8),
            Table.ANSWERS: np.zeros((len(self._ids), plan.units), np.uint8),
            Table.RESPONSES: np.zeros((1, plan.units), np.uint8),
        }

    async def manifest(self) -> Manifest | None:
        data = await self._dataset.get(MANIFEST)
        if data is None:
            self._add("no_dataset", f"{self._dataset.url} has no {MANIFEST}: the dataset was never finished")
            return None
        try:
            manifest = Manifest.from_json(f"{self._dataset.url}/{MANIFEST}", data)
        except ResultsDamaged as error:
            self._add("altered_file", str(error))
            return None
        if manifest.provenance.digests["plan"] != self._run.plan.digest:
            self._add("other_plan", f"{self._dataset.url} was made from another plan than {self._run.plan.digest}")
            return None
        self.found.missing_shards = manifest.missing_shards
        return manifest

    async def ledger(self, manifest: Manifest) -> None:
        """Marks and the files they name."""
        unmarked = []
        async for shard, record in self._run.store.records(range(self._run.plan.shards)):
            if record is None:
                unmarked.append(shard)
                continue
            for file in record.files:
                try:
                    await self._run.store.read(file)
                except ResultsDamaged as error:
                    self._add("altered_file", str(error))
        surprising = sorted(set(unmarked) - set(manifest.missing_shards))
        if surprising:
            names = [f"shard {shard}" for shard in surprising]
            self._add("no_mark", f"{len(names)} shards in the dataset have no mark in the ledger", names)

    async def files(self, manifest: Manifest) -> None:
        """Parts that nobody named, and parts that are missing."""
        named = {file.path for file in manifest.files} | {MANIFEST}
        present = {stored.path async for stored in self._dataset.list()}
        for kind, what, paths in (
            ("missing_file", "are named by the manifest and missing", named - present),
            ("stray_file", "are in the dataset's folder and not named by its manifest", present - named),
        ):
            if paths:
                self._add(kind, f"{len(paths)} files {what}", sorted(paths))

    async def table(self, manifest: Manifest, table: Table) -> None:
        """The rows of one table, part by part."""
        for file in manifest.files_of(table):
            problem = await asyncio.to_thread(self._read_part, table, file)
            if problem:
                self._add("altered_file", f"{self._dataset.url}/{file.path} {problem}")
        if table in self._seen:
            self._report_rows(table)

    def compare(self, manifest: Manifest) -> None:
        """The sums of the manifest against what was counted."""
        self.found.answers = sum(sum(by_status.values()) for by_status in self.found.counts.values())
        mine = {q: {s: n for s, n in by_status.items() if n} for q, by_status in self.found.counts.items()}
        if mine != manifest.counts:
            wrong = [q for q in self._ids if mine.get(q) != manifest.counts.get(q)]
            self._add("other_counts", "the manifest counts other statuses than the rows have", wrong)

    def _read_part(self, table: Table, file: StoredFile) -> str | None:
        """What is wrong with the part as a file; its rows are counted on the way."""
        data = self._dataset.get_now(file.path)
        if data is None:
            return None  # reported as missing
        if hashlib.sha256(data).hexdigest() != file.sha256:
            return "was altered after it was written"
        part = pq.ParquetFile(pa.BufferReader(data))
        if part.metadata.num_rows != file.rows:
            return f"has {part.metadata.num_rows} rows, not {file.rows}"
        if not part.schema_arrow.equals(self._run.schemas.of(table), check_metadata=False):
            return "has other columns than this version writes"
        if (part.schema_arrow.metadata or {}).get(b"synthetic") != b"true":
            return "is not labelled as synthetic"
        for batch in part.iter_batches(batch_size=_BATCH_ROWS, columns=_COLUMNS[table]):
            self._count(table, pa.table(batch))
        return None

    def _count(self, table: Table, rows: pa.Table) -> None:
        if table is Table.ANSWERS:
            self._count_answers(rows)
        elif table in self._seen:
            key = "person_index" if table is Table.PEOPLE else "unit_index"
            self._tick(table, np.zeros(rows.num_rows, np.int64), rows[key].to_numpy())

    def _count_answers(self, rows: pa.Table) -> None:
        questions = pc.index_in(rows["question_id"].cast(pa.string()), value_set=pa.array(self._ids, pa.string()))
        if questions.null_count:
            self._add("unknown_question", f"{questions.null_count} answers are to questions that were not planned")
        codes = pc.fill_null(questions, -1).to_numpy()
        self._tick(Table.ANSWERS, codes, rows["unit_index"].to_numpy())
        for group in rows.group_by(["question_id", "status"]).aggregate([([], "count_all")]).to_pylist():
            by_status = self.found.counts.setdefault(group["question_id"], {})
            by_status[group["status"]] = by_status.get(group["status"], 0) + group["count_all"]
        self._check_values(rows)

    def _check_values(self, rows: pa.Table) -> None:
        """Absence is never an answer, and an answer is never empty."""
        has_value = pc.is_valid(rows[_VALUES[0]])
        for name in _VALUES[1:-1]:
            has_value = pc.or_(has_value, pc.is_valid(rows[name]))
        is_answered = pc.equal(rows["status"].cast(pa.string()), AnswerStatus.ANSWERED)
        said_something = pc.or_(has_value, pc.fill_null(rows["is_dont_know"], fill_value=False))
        for kind, what, wrong in (
            (
                "value_in_absence",
                "have no answer by their status and a value all the same",
                pc.and_not(pc.or_(has_value, pc.is_valid(rows["is_dont_know"])), is_answered),
            ),
            (
                "answer_without_value",
                "are answered by their status and have no value",
                pc.and_not(is_answered, said_something),
            ),
        ):
            if pc.any(wrong).as_py():
                bad = rows.filter(wrong)
                self._add(kind, f"{bad.num_rows} answers {what}", list(_names(bad)))

    def _tick(self, table: Table, kinds: npt.NDArray[np.int64], indices: npt.NDArray[np.int64]) -> None:
        seen = self._seen[table]
        inside = (kinds >= 0) & (indices >= 0) & (indices < seen.shape[1])
        if not inside.all():
            strangers = [str(index) for index in indices[~inside][:_MOST_EXAMPLES]]
            self._add("unplanned_row", f"{table} has {(~inside).sum()} rows that were not planned", strangers)
        # Saturating at 2 is enough: once is right, anything more is double.
        kinds, indices = kinds[inside], indices[inside]
        places, times = np.unique(kinds * seen.shape[1] + indices, return_counts=True)
        view = seen.reshape(-1)
        view[places] = np.minimum(view[places] + np.minimum(times, 2), 2)

    def _report_rows(self, table: Table) -> None:
        seen = self._seen[table]
        for kind, what, wrong in (("hole", "are missing", seen == 0), ("duplicate", "are there twice", seen > 1)):
            places = np.argwhere(wrong)
            if len(places):
                examples = [self._name(table, *place) for place in places[:_MOST_EXAMPLES].tolist()]
                self._add(kind, f"{table}: {len(places)} of {seen.size} planned rows {what}", examples)

    def _name(self, table: Table, question: int, index: int) -> str:
        if table is Table.PEOPLE:
            return f"person {index}"
        unit = self._run.plan.unit(index).unit_id
        return f"unit {unit}, question {self._ids[question]}" if table is Table.ANSWERS else f"unit {unit}"

    def _add(self, kind: str, message: str, examples: list[str] | None = None) -> None:
        self.found.problems.append(Problem(kind, message, tuple((examples or [])[:_MOST_EXAMPLES])))


_COLUMNS = {
    Table.PEOPLE: ["person_index"],
    Table.ANSWERS: ["unit_id", "unit_index", "question_id", "status", *_VALUES],
    Table.RESPONSES: ["unit_index"],
    Table.LLM_CALLS: ["unit_id"],
}


def _names(rows: pa.Table) -> Iterator[str]:
    for row in rows.slice(0, _MOST_EXAMPLES).select(["unit_id", "question_id"]).to_pylist():
        yield f"unit {row['unit_id']}, question {row['question_id']}"
