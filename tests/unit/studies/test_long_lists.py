"""Lists of up to 1,000 options: answers name what they pick, by code where the labels are too long for a schema."""

from __future__ import annotations

from typing import Any

import pytest

from troupe_batch.errors import SpecError
from troupe_batch.llm.schemas import MOST_CHARACTERS_PER_CALL, MOST_CHARACTERS_PER_LIST, MOST_LABELS_PER_CALL
from troupe_batch.rehearsal.prompt import Prompt
from troupe_batch.rehearsal.reply_plan import plain_maker
from troupe_batch.seeded import DrawStream, stream
from troupe_batch.spec_files import SpecFile
from troupe_batch.studies import MultiChoice, SingleChoice
from troupe_batch.studies.python.returned import Returned
from troupe_batch.studies.questions.group import QuestionGroup
from troupe_batch.studies.study import AnswerStatus, Unit
from troupe_batch.studies.survey.spec import SurveySpec

UNIT = Unit(index=0, unit_id="u", case=0, replicate=0, arm=None)


def _group(count: int, *, of: int = 10, **fields: Any) -> QuestionGroup:
    options = [f"{number:04} {'x' * (of - 5)}" for number in range(count)]
    question = {"id": "q", "type": "single", "text": "Which?", "options": options, "order": "fixed", **fields}
    spec = SpecFile("s", {"questions": [question]}, {}).parse(SurveySpec)
    assert list(spec.mistakes()) == []
    return QuestionGroup(spec.all_questions, seed=0)


def _answer(group: QuestionGroup, value: Any) -> Any:
    asked = group.asked_of(UNIT)
    (answer,) = group.read({"q": value}, asked.shown, UNIT)
    return answer


def test_a_list_of_countries_is_picked_by_label() -> None:
    group = _group(260)

    answer = _answer(group, "0017 xxxxx")

    assert len(group.asked_of(UNIT).schema.schema["properties"]["q"]["enum"]) == 260
    assert "\n- 0017 xxxxx\n" in group.asked_of(UNIT).shown[0].text
    assert (answer.label, answer.code, answer.status) == ("0017 xxxxx", 18, AnswerStatus.ANSWERED)


def test_long_labels_are_picked_by_code() -> None:
    group = _group(999, of=100, dont_know="No idea")
    label = f"0017 {'x' * 95}"

    answer, unknown = _answer(group, "18"), _answer(group, "dont_know")

    assert f"\n- 18: {label}\n" in group.asked_of(UNIT).shown[0].text
    assert "by the number that stands before it" in group.asked_of(UNIT).shown[0].text
    assert (answer.label, answer.code, answer.is_dont_know) == (label, 18, False)
    assert (unknown.label, unknown.code, unknown.is_dont_know) == ("No idea", None, True)
    assert group.said([answer]) == '{"q":"18"}'
    assert _answer(group, label).status is AnswerStatus.UNREADABLE


def test_of_very_many_options_a_list_is_picked() -> None:
    group = _group(260, type="multi", exclusive=["0003 xxxxx"], dont_know="No idea")

    answer, unknown, nothing = (_answer(group, v) for v in (["0017 xxxxx", "0002 xxxxx"], ["dont_know"], []))

    assert answer.selected == ("0002 xxxxx", "0017 xxxxx")
    assert (unknown.selected, unknown.is_dont_know) == (None, True)
    assert nothing.selected == ()
    for wrong in (["0003 xxxxx", "0002 xxxxx"], ["dont_know", "0002 xxxxx"], ["elsewhere"], "0002 xxxxx", None):
        assert _answer(group, wrong).status is AnswerStatus.UNREADABLE


@pytest.mark.parametrize("of", [10, 100, 500])
@pytest.mark.parametrize("kind", ["single", "multi"])
@pytest.mark.parametrize("count", [101, 251, 999])
def test_schemas_stay_within_what_endpoints_take_and_the_rehearsal_answers_them(kind: str, count: int, of: int) -> None:
    group = _group(count, of=of, type=kind, dont_know="No idea")

    node = group.asked_of(UNIT).schema.schema["properties"]["q"]
    names = node["enum"] if kind == "single" else node["items"]["enum"]
    answers = [_answer(group, plain_maker(node, node)(Prompt([]), DrawStream(stream(n)))) for n in range(50)]

    assert len(names) <= MOST_LABELS_PER_CALL
    assert sum(map(len, names)) <= (MOST_CHARACTERS_PER_LIST if len(names) > 250 else MOST_CHARACTERS_PER_CALL)
    assert {answer.status for answer in answers} == {AnswerStatus.ANSWERED}


@pytest.mark.parametrize("of", [10, 500])
def test_a_study_in_python_returns_labels_of_a_long_list(of: int) -> None:
    labels = [f"{number:04} {'x' * (of - 5)}" for number in range(200)]
    fields: dict[str, Any] = {"text": "Which?", "options": labels, "dont_know": "No idea"}
    returned = Returned([SingleChoice(id="one", **fields), MultiChoice(id="some", **fields)], seed=1)

    one, some = returned.answers({"one": labels[7], "some": [labels[7], labels[3]]}, UNIT, [0])
    unknown = returned.answers({"one": "No idea", "some": "No idea"}, UNIT, [0])
    wrong = returned.answers({"one": "Ghent", "some": ["Ghent"]}, UNIT, [0])

    assert (one.label, one.code) == (labels[7], 8)
    assert some.selected == (labels[3], labels[7])
    assert [answer.is_dont_know for answer in unknown] == [True, True]
    assert {answer.status for answer in wrong} == {AnswerStatus.UNREADABLE}


def test_short_lists_keep_their_plan() -> None:
    short, long = _group(100), _group(101)

    assert "property" not in short.asked_of(UNIT).schema.schema
    assert "(One option.)" in short.asked_of(UNIT).shown[0].text
    assert "(One option, by its wording.)" in long.asked_of(UNIT).shown[0].text


def test_the_template_of_long_lists_is_on_record_where_it_is_used() -> None:
    def infos(count: int) -> Any:
        from troupe_batch.studies.survey.runner import SurveyStudy

        options = [f"option {number}" for number in range(count)]
        data = {"questions": [{"id": "q", "type": "single", "text": "Which?", "options": options}]}
        return SurveyStudy(SpecFile("s", data, {}).parse(SurveySpec), seed=0)

    assert set(infos(101).prompt_digests) - set(infos(100).prompt_digests) == {"survey/long/question.md"}


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"type": "rating", "options": None, "labels": list(range(101))}, "minimum: 0, maximum: 100,\n"),
        ({"type": "rating", "options": None, "labels": list(range(-50, 51))}, "type: numeric"),
        ({"elicitation": "probabilities", "options": list(range(101))}, "nobody states chances for 101 options"),
        ({"options": list(range(1001))}, "at most 1,000 items fit here"),
    ],
)
def test_what_is_no_list_to_pick_from_is_refused_with_a_way_out(fields: dict[str, Any], message: str) -> None:
    question = {"id": "q", "type": "single", "text": "How warm?", **fields}
    data = {"questions": [{name: value for name, value in question.items() if value is not None}]}

    with pytest.raises(SpecError) as caught:
        SpecFile("s", data, {}).parse(SurveySpec)

    assert message in str(caught.value)
