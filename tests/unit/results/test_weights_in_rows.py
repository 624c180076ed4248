"""Weights and facts beside the answers, and how the answers hang together."""

from __future__ import annotations

import asyncio
import dataclasses
import hashlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.doubles.designs import QUESTION, drawn_run, ran, weighted_dataset
from tests.doubles.pairs import pair_run
from tests.doubles.runs import commit_all, new_run, plan, with_store
from troupe_batch.analysis import compare_arms, question_tables
from troupe_batch.analysis.weights import DesignWeights
from troupe_batch.errors import FixTheInput, SpecError
from troupe_batch.planning.job import JobSpec
from troupe_batch.planning.loading import resolve_job
from troupe_batch.population import PopulationSpec, worth_of_records
from troupe_batch.results.dataset import Dataset
from troupe_batch.results.extractor import extract
from troupe_batch.results.ledger import StoredFile
from troupe_batch.results.manifest import MANIFEST
from troupe_batch.results.objects import Objects
from troupe_batch.results.run import Run
from troupe_batch.results.schema import is_of
from troupe_batch.results.store import RunStore
from troupe_batch.results.verifying import verify

ARMS = [{"id": "a", "material": "A"}, {"id": "b", "material": "B"}]


def test_each_answer_carries_the_weight_of_its_person() -> None:
    dataset = weighted_dataset()
    people = dataset.people.set_index("person_id")

    for rows in (dataset.responses, dataset.answers):
        assert rows["weight"].notna().all()
        assert (rows["weight"] == people.loc[rows["person_id"], "weight"].to_numpy()).all()
    assert dataset.responses["weight"].nunique() == 2
    assert dataset.responses["weight"].mean() == pytest.approx(1)


def test_the_weighted_mean_of_the_column_is_that_of_the_table() -> None:
    dataset = weighted_dataset()
    responses = dataset.responses
    [table] = question_tables(dataset)

    mean = np.average(responses["liking"].astype(float), weights=responses["weight"])

    assert table.total.figures is not None
    assert mean == pytest.approx(table.total.figures.mean)
    assert mean != pytest.approx(responses["liking"].mean())


def test_everybody_weighs_one_where_no_strata_are_oversampled() -> None:
    responses = ran(new_run(people=6, replicates=2)).responses

    assert (responses["weight"] == 1.0).all()


def test_everybody_in_a_world_has_a_weight() -> None:
    dataset = ran(pair_run(people=6))

    assert (dataset.responses["weight"] == 1.0).all()
    assert len(dataset.responses) == 4


def test_facts_asked_for_stand_in_responses_with_their_types() -> None:
    dataset = ran(drawn_run(responses={"facts": ["region", "stratum"]}))
    people = dataset.people.set_index("person_id")

    names = dataset.responses.columns.to_list()
    assert names[names.index("weight") + 1 : names.index("weight") + 3] == ["region", "stratum"]
    assert (dataset.responses["region"] == people.loc[dataset.responses["person_id"], "region"].to_numpy()).all()


def test_a_fact_that_nobody_has_is_told_with_its_place_before_anything_is_run() -> None:
    spec = drawn_run().plan.job.model_dump(mode="json", by_alias=True) | {"responses": {"facts": ["regoin"]}}

    with pytest.raises(SpecError, match=r"responses\.facts\[0\]: .* no fact 'regoin'; did you mean `region`\?"):
        resolve_job(JobSpec.model_validate(spec))


def test_a_fact_and_a_question_of_one_name_are_refused() -> None:
    run = drawn_run(study={"questions": [QUESTION | {"id": "region"}]}, responses={"facts": ["region"]})

    with pytest.raises(SpecError, match="facts and questions need the same column: region"):
        _ = run.schemas


def test_a_job_that_asks_for_no_facts_has_the_plan_of_before() -> None:
    assert "responses" not in plan().job.model_dump(mode="json", by_alias=True)


def older(content: bytes) -> bytes:
    """The file as a release wrote it that knew no weights in answers."""
    rows = pq.ParquetFile(pa.BufferReader(content)).read()
    sink = pa.BufferOutputStream()
    pq.write_table(rows.drop_columns(["weight"]), sink)
    return bytes(sink.getvalue().to_pybytes())


class OlderStore(RunStore):
    """A store whose shards were committed by such a release."""

    async def read(self, file: StoredFile) -> bytes:
        content = await super().read(file)
        return older(content) if file.table in ("responses", "answers") else content


@pytest.mark.parametrize("make", [drawn_run, lambda: new_run(people=20)])
def test_a_run_that_was_begun_before_there_were_weights_goes_on_and_gets_them(make: Callable[[], Run]) -> None:
    run = with_store(make(), OlderStore(Objects.open("memory:"), "soup"))
    asyncio.run(commit_all(run))
    expected = run.factory.people(0, run.plan.people)

    asyncio.run(extract(run))

    responses = Dataset(run.store).responses
    assert responses["weight"].to_list() == [person.facts.get("weight", 1.0) for person in expected]


def test_columns_that_nobody_knows_are_still_damage() -> None:
    wanted = new_run(people=3).schemas.of("responses")

    assert is_of(wanted, wanted)
    assert is_of(wanted.remove(wanted.get_field_index("weight")), wanted)
    assert not is_of(wanted.remove(0), wanted)
    assert not is_of(wanted.append(pa.field("weight_2", pa.float64())), wanted)


def test_people_whose_row_is_not_there_yet_weigh_nothing() -> None:
    weights = DesignWeights(np.array([0.5, 0.0, 2.0]))
    rows = pa.table({"person_index": [0, 1, 2, 7]})

    weighted = weights.answered(rows)

    assert weighted.weights.tolist() == [0.5, 0.0, 2.0, 0.0]
    # Kish over those whose weight is known: 2.5^2 / 4.25 of 2 people.
    assert weighted.base == pytest.approx(2.5**2 / 4.25)
    assert weighted.deff == pytest.approx(2 / (2.5**2 / 4.25))
    assert weighted.share(np.array([True, True, False, True])) == pytest.approx(0.2)


def test_figures_of_people_without_known_weights_are_absent_and_no_division_by_zero() -> None:
    weighted = DesignWeights(np.zeros(3)).answered(pa.table({"person_index": [0, 1, 2]}))

    assert (weighted.total, weighted.base, weighted.deff) == (0.0, 0.0, 1.0)
    assert weighted.share(np.array([True, False, False])) is None


def test_the_tables_of_a_half_written_dataset_use_the_weights_that_are_there() -> None:
    run = drawn_run()
    asyncio.run(commit_all(run, but=(1, 3)))
    asyncio.run(extract(run))
    dataset = Dataset(run.store)

    [table] = question_tables(dataset)

    there = dataset.responses[dataset.responses["liking__status"] == "answered"]
    assert table.total.figures is not None
    assert table.total.figures.mean == pytest.approx(np.average(there["liking"].astype(float), weights=there["weight"]))
    worth = there["weight"].sum() ** 2 / (there["weight"] ** 2).sum()
    assert table.total.interval_base == pytest.approx(worth)
    assert table.total.design_effect == pytest.approx(len(there) / worth)


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda: new_run(people=20, draws="shared"), "share one reply"),
        (lambda: pair_run(people=20), "groups of 2"),
        (lambda: pair_run(people=20, replicates=2), "groups of 2"),
        (lambda: drawn_run(population=copies(5)), "40 people are copies of records that are worth 5"),
    ],
)
def test_where_answers_hang_together_there_is_no_interval_and_the_table_says_why(
    make: Callable[[], Run], why: str
) -> None:
    tables = question_tables(ran(make()))

    assert tables
    for table in tables:
        assert table.no_interval is not None
        assert why in table.no_interval
        for column in table.columns:
            assert [share.interval for share in column.shares] == [None] * len(column.shares)
            assert all(share.share is not None for share in column.shares)
            assert column.figures is None or column.figures.mean_interval is None


@pytest.mark.parametrize(
    "make",
    [
        lambda: new_run(people=20),
        lambda: new_run(people=20, replicates=3),
        drawn_run,
        lambda: drawn_run(population=copies(400)),
    ],
)
def test_where_people_are_drawn_one_by_one_there_are_intervals(make: Callable[[], Run]) -> None:
    for table in question_tables(ran(make())):
        assert table.no_interval is None
        assert all(share.interval is not None for share in table.total.shares)


def copies(records: int) -> dict[str, Any]:
    """A population whose people are copies of so many records."""
    return {
        "dimensions": {"region": {"type": "record", "column": "REGION"}},
        "seed_data": {
            "source": "assumption: a test",
            "columns": {"REGION": [("North", "South")[place % 2] for place in range(records)]},
        },
    }


def test_records_of_unequal_weight_are_worth_fewer() -> None:
    content = copies(3) | {"schema": "troupe_batch/population/1", "id": "p", "size": 9}
    content["seed_data"] |= {"weight": "W", "columns": content["seed_data"]["columns"] | {"W": [1.0, 1.0, 4.0]}}

    assert worth_of_records(PopulationSpec.model_validate(content)) == pytest.approx(36 / 18)
    assert worth_of_records(drawn_run().plan.population) is None


def by_arm(rows: Any, question: str = "liking") -> dict[str, Any]:
    return {arm: some[question] for arm, some in rows.groupby("arm")}


@pytest.mark.parametrize(
    ("run", "why"),
    [
        (lambda study: drawn_run(study=study), "design weights"),
        (lambda study: new_run(people=40, study=study, draws="shared"), "share one reply"),
        (lambda study: new_run(people=20, study=study, replicates=3), "each person answered 3 times"),
        (lambda study: drawn_run(study=study, population=copies(5)), "copies of records"),
    ],
)
def test_arms_are_not_compared_in_a_design_that_no_test_here_knows(run: Callable[..., Run], why: str) -> None:
    dataset = ran(run({"questions": [QUESTION], "arms": ARMS}))

    with pytest.raises(FixTheInput, match=why):
        compare_arms(by_arm(dataset.responses))
    with pytest.raises(FixTheInput, match=why):
        compare_arms(by_arm(dataset.answers[dataset.answers["question_id"] == "liking"], "label"))


def test_seats_of_worlds_are_not_compared() -> None:
    rows = ran(pair_run(people=40)).responses

    with pytest.raises(FixTheInput, match="groups of 2"):
        compare_arms({str(seat): some["mood"] for seat, some in rows.groupby("seat")})


def test_arms_of_people_who_answered_once_are_compared() -> None:
    [pair] = compare_arms(
        by_arm(ran(new_run(people=40, study={"questions": [QUESTION], "arms": ARMS})).responses)
    ).pairs

    assert pair.interval is not None


def test_means_of_people_are_compared_where_they_answered_several_times() -> None:
    responses = ran(new_run(people=40, study={"questions": [QUESTION], "arms": ARMS}, replicates=4)).responses
    means = responses.groupby(["arm", "person_id"])["liking"].mean()

    [pair] = compare_arms({str(arm): some for arm, some in means.groupby("arm")}).pairs

    assert pair.tests[0].df is not None
    assert pair.tests[0].df <= 38
    with pytest.raises(FixTheInput, match="answered 4 times"):
        compare_arms(by_arm(responses))


def test_plain_lists_are_taken_at_their_word() -> None:
    responses = ran(drawn_run(study={"questions": [QUESTION], "arms": ARMS})).responses

    assert compare_arms({arm: list(some) for arm, some in by_arm(responses).items()}).pairs


def test_a_dataset_of_before_weights_is_read_and_sound() -> None:
    run = new_run(people=4)
    before = question_tables(ran(run))
    objects = run.store.objects.within("dataset")
    manifest, files = Dataset(run.store).manifest, []
    for file in manifest.files:
        content = objects.get_now(file.path)
        assert content is not None
        if file.table in ("responses", "answers"):
            content = older(content)
            asyncio.run(objects.put(file.path, content))
        digest = hashlib.sha256(content).hexdigest()
        files.append(dataclasses.replace(file, sha256=digest, size_bytes=len(content)))
    asyncio.run(objects.put(MANIFEST, dataclasses.replace(manifest, files=tuple(files)).to_json()))

    assert "weight" not in Dataset(run.store).responses
    assert question_tables(Dataset(run.store)) == before
    assert asyncio.run(verify(run)).is_complete
