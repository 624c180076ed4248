"""What a scale says of itself, and what nobody may guess of it."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.doubles.runs import plan
from troupe_batch.planning.remarks import scale_remarks
from troupe_batch.studies.questions.group import Presentation
from troupe_batch.studies.scales import Best, Scale, scale_of
from troupe_batch.studies.study import AnswerStatus
from troupe_batch.studies.survey import Rating

WORDS = ("very good", "good", "fair", "poor", "bad")


def scale(labels: Any, best: Best | None = None, outside: tuple[str, ...] | None = None) -> Scale:
    rating = Rating.model_validate({"id": "q", "text": "How?", "labels": labels})
    codes = [option.code for option in rating.labels if option.code is not None]
    return scale_of([option.label for option in rating.labels], codes, best, outside)


def coded(*pairs: tuple[int, str]) -> list[dict[str, Any]]:
    return [{"code": code, "label": label} for code, label in pairs]


def boxes(found: Scale) -> Any:
    named = found.boxes(2)
    return None if named is None else [[step.label for step in box] for box in named]


@pytest.mark.parametrize(
    ("labels", "best", "expected"),
    [
        ([1, 2, 3, 4, 5], None, [["4", "5"], ["1", "2"]]),
        ([5, 4, 3, 2, 1], None, [["5", "4"], ["2", "1"]]),
        (list(range(11)), None, [["9", "10"], ["0", "1"]]),
        (["1", "2", "3", "4"], None, [["3", "4"], ["1", "2"]]),
        ([1, 2, 3, 4, 5], Best.FIRST, [["1", "2"], ["4", "5"]]),
        (WORDS, None, None),
        (WORDS, Best.FIRST, [["very good", "good"], ["poor", "bad"]]),
        (WORDS, Best.LAST, [["poor", "bad"], ["very good", "good"]]),
        (coded(*zip((5, 4, 3, 2, 1), WORDS, strict=True)), None, None),
        (coded(*zip((5, 4, 3, 2, 1), WORDS, strict=True)), Best.FIRST, [["very good", "good"], ["poor", "bad"]]),
        # The first label is called 5 and has the code 1: which of the two is meant is for the author to say.
        (["5", "4", "3", "2", "1"], None, None),
        ([1, 3, 2, 4], None, None),
    ],
)
def test_boxes_are_of_the_end_that_is_stated_or_that_numbers_state(labels: Any, best: Any, expected: Any) -> None:
    assert boxes(scale(labels, best)) == expected


@given(st.permutations(["awful", "bad", "so-so", "fine", "great"]), st.permutations([1, 2, 3, 4, 5]))
def test_words_never_tell_a_direction_whatever_their_codes(labels: list[str], codes: list[int]) -> None:
    assert scale(coded(*zip(codes, labels, strict=True))).best is None


@pytest.mark.parametrize(
    ("codes", "suspects"),
    [
        ([1, 2, 3, 4, 99], [99]),
        ([1, 2, 3, 4, 5, 98, 99], [98, 99]),
        ([0, 1, 2, 3, 88], [88]),
        ([1, 2, 3, 4, 5, 9], [9]),
        ([1, 2, 3, 999], [999]),
        ([-9, 1, 2, 3, 4], [-9]),
        ([-1, 1, 2, 3, 4], [-1]),
        ([-99, -98, 0, 1, 2], [-99, -98]),
        ([97, 1, 2, 3], [97]),
        # Scales in their own right.
        ([1, 2, 3, 4, 5], []),
        ([-2, -1, 1, 2], []),
        ([-3, -2, -1, 0, 1, 2, 3], []),
        ([0, 25, 50, 75, 100], []),
        ([5, 6, 7, 8, 9], []),
        ([90, 95, 99], []),
        ([1, 99], []),
    ],
)
def test_codes_far_off_are_no_steps_until_somebody_says_so(codes: list[int], suspects: list[int]) -> None:
    labels = coded(*((code, f"label {place}") for place, code in enumerate(codes)))

    found = scale(labels)
    kept = scale(labels, outside=())

    assert [step.code for step in found.suspects] == suspects
    assert [step.code for step in found.outside] == suspects
    assert [step.code for step in found.steps] == [code for code in codes if code not in suspects]
    assert [step.code for step in kept.steps] == codes


@pytest.mark.parametrize(
    "label", ["Not applicable", "Don\u2019t know", "N/A", "prefer not to say", "Weiß nicht", "Refused."]
)
def test_a_label_that_says_that_it_is_no_step_is_none(label: str) -> None:
    found = scale([*WORDS, label])

    assert [step.label for step in found.suspects] == [label]
    assert label not in {step.label for step in found.steps}


@given(st.lists(st.integers(-120, 1_200), min_size=2, max_size=8, unique=True))
def test_steps_and_outside_are_all_labels_and_a_scale_keeps_two(codes: list[int]) -> None:
    found = scale(coded(*((code, f"label {code}") for code in codes)))

    assert sorted(step.code for step in itertools.chain(found.steps, found.outside)) == sorted(codes)
    assert len(found.steps) >= 2


def test_a_declared_label_keeps_its_place_when_the_scale_is_reversed() -> None:
    labels = ["bad", "fair", "good", "Not applicable"]
    question = Rating.model_validate({"id": "q", "text": "How?", "labels": labels, "outside": ["Not applicable"]})

    shown = {Presentation(question, seed=1).to(person, 0, person << 60).order for person in range(16)}

    assert shown == {("bad", "fair", "good", "Not applicable"), ("good", "fair", "bad", "Not applicable")}


def test_an_answer_outside_the_scale_says_so() -> None:
    labels = coded((1, "bad"), (2, "good"), (99, "Not applicable"))
    content = {"id": "q", "text": "How?", "labels": labels, "outside": ["Not applicable"], "elicitation": "pick"}
    question = Rating.model_validate(content)
    reader, shown = question.reader(seed=1), Presentation(question, seed=1).to(0, 0, 0)

    outside, inside = reader.read("Not applicable", shown, 0, 0), reader.read("good", shown, 0, 0)

    assert (outside.status, outside.code, outside.is_outside) == (AnswerStatus.ANSWERED, 99, True)
    assert (inside.code, inside.is_outside) == (2, False)


@pytest.mark.parametrize("outside", [["No such label"], ["bad", "good"], ["good", "good"]])
def test_what_is_outside_are_labels_and_two_steps_remain(outside: list[str]) -> None:
    with pytest.raises(ValueError, match=r"is not among the options|two steps or more|stands twice"):
        Rating.model_validate({"id": "q", "text": "How?", "labels": ["bad", "good", "n/a"], "outside": outside})


def test_a_scale_that_says_nothing_leaves_nothing_in_the_plan() -> None:
    before = Rating.model_validate({"id": "q", "text": "How?", "labels": WORDS})
    after = Rating.model_validate({"id": "q", "text": "How?", "labels": WORDS, "best": "first", "outside": []})

    assert {"best", "outside"}.isdisjoint(before.model_dump(mode="json"))
    assert after.model_dump(mode="json")["best"] == "first"
    assert after.model_dump(mode="json")["outside"] == []


def test_the_plan_names_the_cure_of_each_scale_that_it_cannot_read() -> None:
    questions = [
        {"id": "numbers", "type": "rating", "text": "How?", "labels": [1, 2, 3, 4]},
        {"id": "words", "type": "rating", "text": "How?", "labels": WORDS},
        {"id": "stated", "type": "rating", "text": "How?", "labels": WORDS, "best": "first"},
        {"id": "far", "type": "rating", "text": "How?", "labels": coded((1, "no"), (2, "yes"), (99, "It, depends"))},
        {"id": "quoted", "type": "rating", "text": "How?", "labels": ["0", "1", "2"]},
    ]

    remarks = list(scale_remarks(plan(study={"questions": questions}).study.design.questions))

    words, far, quoted = remarks
    assert words == (
        "words: no top 2, as nothing says which end is the best; "
        "write `best: first` if it is 'very good', `best: last` if it is 'bad'"
    )
    assert far == (
        "far: 99 (It, depends) will be in no mean and no box; "
        'write `outside: ["It, depends"]`, or `outside: []` if all labels are steps'
    )
    assert quoted == (
        "quoted: the label '0' has the code 1, and means are of codes; "
        "write numbers without quotes, or as {code, label}"
    )
