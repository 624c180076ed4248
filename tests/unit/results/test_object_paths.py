"""Names that lead out of a run, from forged manifests, marks, ids of attempts and of runs: nothing there is touched."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from troupe_batch.errors import ResultsDamaged
from troupe_batch.llm.spending import Spending
from troupe_batch.results.dataset import Dataset
from troupe_batch.results.ledger import CallTotals, CommitRecord, StoredFile
from troupe_batch.results.manifest import Manifest, Provenance
from troupe_batch.results.object_paths import checked_path, path_problem
from troupe_batch.results.objects import Objects
from troupe_batch.results.store import RunStore, TableFile

# So few that they meet, and the ones with which paths are forged.
HOSTILE = st.lists(st.sampled_from(["..", ".", "/", "\\", "a", "", "\x00", "\n", "\x9b", "b.parquet"]), max_size=7).map(
    "".join
)


def manifest() -> Manifest:
    made_by = Provenance("t", 1, 1, 1, 1, {}, {}, {}, "e", "m", {}, "independent", 1)
    file = StoredFile("people", "people/part-0.parquet", "0", 1, 1)
    return Manifest("one", True, True, made_by, (), {}, CallTotals(), Spending(), (file,))


@settings(max_examples=1_000, deadline=None)
@given(HOSTILE)
@example("../secret.parquet")
@example("a/../../secret.parquet")
@example("/etc/passwd")
@example("..\\secret.parquet")
@example("a//b.parquet")
def test_a_path_that_is_let_through_stays_in_its_folder(path: str) -> None:
    try:
        checked_path(path)
    except ResultsDamaged as error:
        assert str(error).isprintable()
        return

    root = Path("/runs/one")
    assert (root / path).resolve().is_relative_to(root)
    assert "\\" not in path


@pytest.mark.parametrize("run_id", ["..", ".", "", "a/b", "../other", "a\\b", "a\nb", "/", "x" * 2_000])
def test_a_run_has_one_name_that_is_a_folder(run_id: str) -> None:
    with pytest.raises(ResultsDamaged, match="this cannot be the id of a run"):
        RunStore(Objects.open("memory:"), run_id)


@pytest.mark.parametrize("attempt", ["../../../other", "a/../../b", "..", "/a", "a\\b"])
def test_an_attempt_writes_nothing_outside_of_its_folder(tmp_path: Path, attempt: str) -> None:
    store = RunStore.open(tmp_path / "runs", "one")
    before = sorted(tmp_path.rglob("*"))

    with pytest.raises(ResultsDamaged, match=r"leads out of|is empty|has a character"):
        asyncio.run(store.write_attempt(0, attempt, [TableFile("answers", b"x", 1)]))

    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("path", ["../../../secret.parquet", "/secret.parquet", "people/../../secret.parquet", 5, None])
def test_a_manifest_that_names_a_file_outside_of_the_dataset_is_refused_before_anything_is_read(
    tmp_path: Path, path: object
) -> None:
    pq.write_table(pa.table({"secret": ["key"]}), tmp_path / "secret.parquet")
    folder = tmp_path / "runs" / "one" / "dataset"
    folder.mkdir(parents=True)
    good = manifest().to_json()
    (folder / "manifest.json").write_bytes(good.replace(b'"people/part-0.parquet"', json.dumps(path).encode()))

    assert Manifest.from_json("manifest.json", good) == manifest()
    with pytest.raises(ResultsDamaged, match=r"manifest\.json is no manifest of this version \(ValueError: .*path"):
        Dataset(folder).arrow("people")


def test_a_mark_that_names_a_file_outside_of_the_run_is_refused() -> None:
    good = StoredFile("answers", "shards/0/a/answers.parquet", "0", 1, 1)
    mark = CommitRecord(0, "a", "d", 0, 1, (good,), {}, CallTotals(), "", "", "w", "v")
    forged = mark.to_json().replace(b"shards/0/a/answers.parquet", b"../../other/secret.parquet")

    assert CommitRecord.from_json("ledger/0.json", mark.to_json()) == mark
    with pytest.raises(ResultsDamaged, match=r"ledger/0\.json is not a mark .*leads out of its folder"):
        CommitRecord.from_json("ledger/0.json", forged)


@pytest.mark.parametrize("verb", ["get", "has", "delete", "put"])
async def test_no_verb_of_a_store_reaches_outside_of_it(tmp_path: Path, verb: str) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(b"key")
    objects = Objects.open(tmp_path / "runs").within("one")

    with pytest.raises(ResultsDamaged, match="leads out of its folder"):
        await (objects.put("../../secret", b"x") if verb == "put" else getattr(objects, verb)("../../secret"))
    with pytest.raises(ResultsDamaged, match="leads out of its folder"):
        objects.source("../../secret")
    assert secret.read_bytes() == b"key"


def test_files_that_the_product_writes_have_good_names() -> None:
    for path in (
        "plan/plan.json",
        "shards/12/0a1b-2/llm_calls.parquet",
        "dataset/people/part-00000-ab.parquet",
        "a b.x",
    ):
        assert path_problem(path) is None
