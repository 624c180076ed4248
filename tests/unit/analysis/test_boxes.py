"""Boxes, means and bases of ratings: which labels are in them, in the dataset, in tables and in JSON."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest

from tests.doubles.designs import weighted_dataset
from tests.doubles.runs import AnsweringModel, new_run, person_asked
from troupe_batch.analysis.tables import QuestionTable, question_tables
from troupe_batch.dispatch.inline import run_inline
from troupe_batch.llm.chat import ChatReply, ChatRequest, ReplyStatus
from troupe_batch.planning.loading import load_job
from troupe_batch.results.dataset import Dataset
from troupe_batch.results.manifest import MANIFEST, Manifest
from troupe_batch.results.run import Run
from troupe_batch.results.verifying import verify
from troupe_batch.studies.survey import SurveySpec

CASE = Path(__file__).parents[4] / "shared/cases/top2-direction/desc5.yaml"
GRADES = ["very good", "good", "fair", "poor", "bad"]
# What person n says: one more each of the labels from the first to the last.
SAID = [label for times, label in enumerate([*GRADES, "Not applicable", "No idea"], start=1) for _ in range(times)]


def rating(**more: Any) -> dict[str, Any]:
    coded = zip((1, 2, 3, 4, 5, 99), [*GRADES, "Not applicable"], strict=True)
    labels = [{"code": code, "label": label} for code, label in coded]
    return {"id": "grade", "type": "rating", "text": "How?", "elicitation": "pick", "labels": labels,
            "dont_know": "No idea"} | more  # fmt: skip


def answered(said: list[str], **more: Any) -> Run:
    def script(request: ChatRequest) -> ChatReply:
        return ChatReply(ReplyStatus.OK, value={"grade": said[person_asked(request)]})

    run = new_run(people=len(said), study={"questions": [rating(**more)]})
    asyncio.run(run_inline(run, model=AnsweringModel(script), concurrency=1))
    return run


def table(run: Run) -> QuestionTable:
    [found] = question_tables(Dataset(run.store))
    return found


def test_the_top_of_grades_is_where_the_author_says_and_names_its_labels() -> None:
    figures = table(answered(SAID, best="first", outside=["Not applicable"])).total.figures

    assert figures is not None
    assert figures.top_2 is not None
    assert figures.bottom_2 is not None
    assert (figures.top_2.labels, figures.top_2.count, figures.top_2.share) == (("very good", "good"), 3, 3 / 28)
    assert (figures.bottom_2.labels, figures.bottom_2.count) == (("poor", "bad"), 9)


@pytest.mark.parametrize("outside", [["Not applicable"], None])
def test_a_label_outside_the_scale_is_in_the_shares_and_in_no_other_figure(outside: list[str] | None) -> None:
    more = {} if outside is None else {"outside": outside}
    column = table(answered(SAID, best="first", **more)).total
    codes = np.repeat([1, 2, 3, 4, 5], [1, 2, 3, 4, 5])

    assert column.figures is not None
    assert column.figures.n == 15
    assert column.figures.mean == pytest.approx(codes.mean())
    assert column.figures.sd == pytest.approx(codes.std(ddof=1))
    assert (column.figures.highest, column.figures.median) == (5, 4)
    shares = {share.label: (share.count, share.share) for share in column.shares}
    assert shares["Not applicable"] == (6, 6 / 28)
    assert shares["No idea"] == (7, 7 / 28)


def test_without_a_stated_direction_there_is_no_box_and_the_table_says_what_to_write() -> None:
    found = table(answered(SAID))

    assert found.total.figures is not None
    assert (found.total.figures.top_2, found.total.figures.bottom_2) == (None, None)
    assert any("write `best: first` if it is 'very good', `best: last` if it is 'bad'" in note for note in found.notes)


def test_all_labels_are_steps_where_the_author_says_so() -> None:
    figures = table(answered(SAID, best="first", outside=[])).total.figures

    assert figures is not None
    assert (figures.n, figures.highest) == (21, 99)


def test_declared_labels_have_a_column_of_their_own_and_no_code_in_responses() -> None:
    run = answered(SAID, outside=["Not applicable"])
    responses, answers = Dataset(run.store).responses, Dataset(run.store).answers

    outside = responses["grade__outside"].notna()
    assert outside.sum() == 6
    assert responses.loc[outside, "grade"].isna().all()
    assert responses["grade"].mean() == pytest.approx(np.repeat([1, 2, 3, 4, 5], [1, 2, 3, 4, 5]).mean())
    assert (responses.loc[outside, "grade__status"] == "answered").all()
    assert set(answers.loc[answers["label"] == "Not applicable", "code"]) == {99}
    assert asyncio.run(verify(run)).is_complete


def test_the_notes_name_the_ends_of_the_scale_and_what_is_not_in_the_mean() -> None:
    notes = table(answered(SAID, best="first", outside=["Not applicable"])).notes

    [note] = notes
    assert note == (
        "Mean and deviation are of codes, from 1 (very good) to 5 (bad), without 'Not applicable' and 'No idea'; "
        "shares are of all who answered, 'Not applicable' and 'No idea' included."
    )


def test_the_direction_is_stored_with_the_dataset_and_stands_in_the_json() -> None:
    run = answered(SAID, best="first", outside=["Not applicable"])
    dataset = Dataset(run.store)
    content = orjson.loads(orjson.dumps(table(run).as_json()))

    [question] = dataset.manifest.questions
    assert (question.best, question.outside) == ("first", ("Not applicable",))
    assert content["question"]["best"] == "first"
    assert content["columns"][0]["figures"]["top_2"]["labels"] == ["very good", "good"]


def test_a_manifest_of_before_directions_is_read_and_its_scale_has_no_box() -> None:
    run = answered(SAID)
    stored = run.store.objects.within("dataset").get_now(MANIFEST)
    assert stored is not None
    content = orjson.loads(stored)
    for name in ("best", "outside"):
        del content["questions"][0][name]
    del content["provenance"]["records"]

    manifest = Manifest.from_json("old", orjson.dumps(content))

    assert manifest.questions[0].scale.best is None
    assert [step.code for step in manifest.questions[0].scale.outside] == [99]


@pytest.mark.skipif(not CASE.exists(), reason="the case lies beside the project")
def test_the_scales_of_the_case_have_the_boxes_that_their_numbers_state_and_no_other() -> None:
    study = load_job(CASE).spec.study
    assert isinstance(study, SurveySpec)
    run = new_run(people=30, study=study.model_dump(mode="json"))
    asyncio.run(run_inline(run, model=AnsweringModel(), concurrency=1))

    found = {one.question.id: one.total.figures for one in question_tables(Dataset(run.store))}

    named = {name: one and one.top_2 and one.top_2.labels for name, one in found.items()}
    assert named == {"up": ("4", "5"), "down": ("5", "4"), "school": None, "coded": None, "na": None}
    na = found["na"]
    assert na is not None
    assert na.highest is not None
    assert na.highest <= 4


def test_stated_chances_stand_beside_the_draws_from_them() -> None:
    chances = {"Low": 70, "Mid": 20, "High": 10}
    other = {"Low": 10, "Mid": 30, "High": 60}
    study = {"questions": [{"id": "q", "type": "rating", "text": "?", "labels": list(chances)}]}

    def script(request: ChatRequest) -> ChatReply:
        return ChatReply(ReplyStatus.OK, value={"q": other if person_asked(request) % 4 == 0 else chances})

    run = new_run(people=40, study=study | {"arms": [{"id": "a", "material": "A"}, {"id": "b", "material": "B"}]})
    asyncio.run(run_inline(run, model=AnsweringModel(script), concurrency=1))

    found = table(run)

    assert found.has_chances
    assert [share.chance for share in found.total.shares] == pytest.approx([0.55, 0.225, 0.225])
    answers = Dataset(run.store).answers
    for column in found.columns[1:]:
        stated = np.stack(list(answers[answers["arm"] == column.arm]["distribution"])).mean(axis=0)
        assert [share.chance for share in column.shares] == pytest.approx(stated.tolist())


def test_the_mean_of_stated_chances_carries_the_weights() -> None:
    dataset = weighted_dataset()
    [found] = question_tables(dataset)

    answers = dataset.answers
    stated, weights = np.stack(list(answers["distribution"])), answers["weight"].to_numpy()
    assert len(set(weights.tolist())) > 1
    assert [share.chance for share in found.total.shares] == pytest.approx(
        np.average(stated, axis=0, weights=weights).tolist()
    )


def test_where_no_chances_are_stated_there_is_no_column_for_them() -> None:
    found = table(answered(SAID))

    assert not found.has_chances
    assert not re.search("stated", " ".join(found.notes))
