"""Datasets as analysts read them, with the tools that they use."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import duckdb
import pandas as pd
import polars as pl
import pyarrow.parquet as pq
import pytest

from tests.doubles.pairs import PairStudy, pair_run
from tests.doubles.runs import REHEARSAL, AnsweringModel, commit_all, memory_store, new_run, person_asked
from troupe_batch.errors import ResultsDamaged, SettingsError
from troupe_batch.llm.chat import ChatModel, ChatReply, ChatRequest, ReplyStatus
from troupe_batch.results.dataset import Dataset
from troupe_batch.results.extractor import extract
from troupe_batch.results.parts import PartSize
from troupe_batch.results.store import RunStore
from troupe_batch.simulation.person.person import TinyPerson
from troupe_batch.studies.study import (
    ExtractionInfo,
    FieldInfo,
    FieldType,
    Finding,
    FindingStatus,
    Unit,
    UnitOutcome,
    UnitSettings,
)

PARTS = PartSize(rows=16, group_rows=8)


def _refuse_some(request: ChatRequest) -> ChatReply | None:
    return ChatReply(ReplyStatus.REFUSED, reason="no") if person_asked(request) in (0, 9) else None


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset of several parts per table, in which people 0 and 9 refused."""
    root = tmp_path_factory.mktemp("runs")
    run = new_run(RunStore.open(root, "soup"), people=20)

    async def make() -> None:
        await commit_all(run, AnsweringModel(_refuse_some))
        await extract(run, part_size=PARTS)

    asyncio.run(make())
    return root / "soup" / "dataset"


def test_pandas_reads_all_tables_as_they_are(folder: Path) -> None:
    answers = pd.read_parquet(folder / "answers")
    responses = pd.read_parquet(folder / "responses")
    people = pd.read_parquet(folder / "people")
    calls = pd.read_parquet(folder / "llm_calls")

    assert (len(answers), len(responses), len(people), len(calls)) == (100, 20, 20, 20)
    assert Counter(answers["status"]) == {"answered": 90, "refused": 10}
    drink = answers[answers["question_id"] == "drink"]
    assert sorted(drink["option_order"].iloc[0][:-1]) == ["Coffee", "None", "Tea"]
    liking = answers[(answers["question_id"] == "liking") & (answers["status"] == "answered")]
    assert [round(sum(chances), 9) for chances in liking["distribution"]] == [1.0] * 18
    assert list(responses["drink"].cat.categories) == ["Tea", "Coffee", "None"]
    assert list(calls["question_ids"].iloc[0]) == ["drink", "places", "liking", "price", "why"]
    assert people.merge(responses, on="person_id")["age"].tolist() == [18 + n for n in range(20)]


def test_duckdb_reads_all_tables_as_they_are(folder: Path) -> None:
    query = duckdb.connect()

    shares = query.execute(
        f"SELECT status, count(*) FROM '{folder}/answers/*.parquet' GROUP BY ALL ORDER BY ALL"  # noqa: S608 # a path of the test's own
    ).fetchall()
    nested = query.execute(
        f"SELECT DISTINCT len(option_order), list_sum(distribution) > 0.999 FROM '{folder}/answers/*.parquet' "  # noqa: S608 # a path of the test's own
        "WHERE question_id = 'liking' AND status = 'answered'"
    ).fetchall()
    joined = query.execute(
        f"SELECT sum(age), count(liking), count(places__1) FROM '{folder}/people/*.parquet' "  # noqa: S608 # a path of the test's own
        f"JOIN '{folder}/responses/*.parquet' USING (person_id)"
    ).fetchall()

    assert shares == [("answered", 90), ("refused", 10)]
    assert nested == [(5, True)]
    assert joined == [(sum(range(18, 38)), 18, 18)]


def test_polars_reads_all_tables_as_they_are(folder: Path) -> None:
    answers = pl.read_parquet(folder / "answers" / "*.parquet")
    responses = pl.read_parquet(folder / "responses" / "*.parquet")
    calls = pl.scan_parquet(folder / "llm_calls" / "*.parquet").select("question_ids", "cost_usd").collect()

    liking = answers.filter((pl.col("question_id") == "liking") & (pl.col("status") == "answered"))
    assert liking["distribution"].list.sum().round(9).to_list() == [1.0] * 18
    assert liking["option_order"].list.len().unique().to_list() == [5]
    assert responses["drink"].null_count() == 2 + responses["drink__dont_know"].sum()
    assert responses.filter(pl.col("drink__status") == "refused")["person_index"].to_list() == [0, 9]
    assert calls["question_ids"].list.len().to_list() == [5] * 20


def test_absence_is_null_and_never_a_value(folder: Path) -> None:
    responses = Dataset(folder).responses
    refused = responses[responses["drink__status"] == "refused"]

    values = [name for name in responses.columns[7:] if not name.endswith("__status")]
    assert len(refused) == 2
    assert refused[values].isna().all(axis=None)


def test_a_dataset_has_types_that_can_be_absent(folder: Path) -> None:
    dataset = Dataset(folder)

    assert dataset.answers["code"].dtype == pd.Int32Dtype()
    assert dataset.responses["liking"].dtype == pd.Int8Dtype()
    assert dataset.responses["places__1"].dtype == pd.BooleanDtype()
    assert dataset.people["age"].dtype == pd.Int64Dtype()
    assert dataset.people["name"].tolist()[:2] == ["Person 0", "Person 1"]
    assert json.loads(dataset.people["persona"][0])["region"] == "North"
    assert dataset.llm_calls["prompt_tokens"].sum() == 18 * 100
    assert dataset.is_complete
    assert not dataset.is_rehearsal


def test_only_the_columns_that_are_asked_for_are_read(folder: Path) -> None:
    assert Dataset(folder).arrow("responses", ["liking", "arm"]).column_names == ["liking", "arm"]


async def test_a_dataset_in_a_store_without_a_disk_reads_the_same(folder: Path) -> None:
    run = new_run(memory_store(), people=20)
    await commit_all(run, AnsweringModel(_refuse_some))
    await extract(run, part_size=PARTS)

    pd.testing.assert_frame_equal(Dataset(run.store).responses, Dataset(folder).responses)
    assert Dataset(run.store).arrow("responses", ["liking"]).column_names == ["liking"]


@pytest.mark.parametrize("table", new_run().schemas.names)
async def test_every_file_is_labelled(table: str, tmp_path: Path) -> None:
    run = new_run(RunStore.open(tmp_path, "soup"), endpoint=REHEARSAL)
    await commit_all(run)
    await extract(run)

    for pattern in (f"dataset/{table}/*.parquet", f"shards/*/*/{table}.parquet"):
        files = list((tmp_path / "soup").glob(pattern))
        assert files
        for file in files:
            metadata = pq.read_schema(file).metadata
            assert metadata[b"troupe_batch.schema"] == f"troupe_batch/{table}/1".encode()
            assert metadata[b"synthetic"] == b"true"
            assert metadata[b"digitalSourceType"] == b"trainedAlgorithmicMedia"
            assert metadata[b"rehearsal"] == b"true"
            assert b"REHEARSAL" in metadata[b"disclosure"]
    manifest = json.loads((tmp_path / "soup" / "dataset" / "manifest.json").read_text())
    assert manifest["synthetic"] is True
    assert manifest["is_rehearsal"] is True
    assert manifest["sums"]["cost"]["spent_usd"] == 0.0
    assert "it would have cost US$ 0.0400" in manifest["sums"]["cost"]["note"]


def test_a_folder_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="there is no such folder"):
        Dataset(tmp_path / "nope")

    assert not (tmp_path / "nope").exists()


def test_a_folder_without_a_dataset_says_so(tmp_path: Path) -> None:
    with pytest.raises(ResultsDamaged, match="no dataset was finished there"):
        _ = Dataset(tmp_path).manifest


async def test_a_missing_part_is_named(tmp_path: Path) -> None:
    run = new_run(RunStore.open(tmp_path, "soup"))
    await commit_all(run)
    manifest = await extract(run)
    path = manifest.files_of("people")[0].path
    (tmp_path / "soup" / "dataset" / path).unlink()

    with pytest.raises(ResultsDamaged, match=path):
        _ = Dataset(run.store).people


class Brainstorming(PairStudy):
    """Pairs who each come up with one welcome idea."""

    def __init__(self) -> None:
        reception = FieldInfo("reception", FieldType.CATEGORY, "How the group took it", ("welcomed", "rejected"))
        super().__init__(extractions=(ExtractionInfo("ideas", is_per_person=False, is_many=True, fields=(reception,)),))

    async def run_unit(
        self, unit: Unit, people: Sequence[TinyPerson], model: ChatModel, settings: UnitSettings
    ) -> UnitOutcome:
        outcome = await super().run_unit(unit, people, model, settings)
        idea = Finding("ideas", FindingStatus.FOUND, None, 0, values={"reception": "welcomed"})
        return dataclasses.replace(outcome, findings=(idea,))


async def test_the_code_on_the_page_on_datasets_runs(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    talk = pair_run(RunStore.open(tmp_path / "runs", "product-brainstorming"), study=Brainstorming(), people=30)
    await commit_all(talk)
    await extract(talk)
    page = (request.config.rootpath / "docs" / "datasets.md").read_text(encoding="utf-8")
    (tmp_path / "runs" / "gazpacho-concept-test").mkdir()
    (tmp_path / "runs" / "gazpacho-concept-test" / "dataset").symlink_to(folder)
    (tmp_path / "runs" / "customer-interview").symlink_to(tmp_path / "runs" / "product-brainstorming")
    monkeypatch.chdir(tmp_path)

    page += (request.config.rootpath / "docs" / "tables.md").read_text(encoding="utf-8")
    fences = re.findall(r"```(python|sql)\n(.*?)```", page, re.DOTALL)

    assert [language for language, _ in fences].count("python") == 5
    for language, code in fences:
        if language == "python":
            exec(code, {})  # noqa: S102 # our own page
        else:
            for statement in filter(str.strip, code.split(";")):
                assert duckdb.connect().execute(statement).fetchall() or "gazpacho" in statement
