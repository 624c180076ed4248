"""Rankings: what can be written, what people are shown, and how little of a long list is put in order."""

from __future__ import annotations

from typing import Any

import pytest

from troupe_batch.errors import SpecError
from troupe_batch.llm.schemas import MOST_CHARACTERS_PER_LIST, MOST_LABELS_PER_CALL
from troupe_batch.rehearsal.prompt import Prompt
from troupe_batch.rehearsal.reply_plan import plain_maker
from troupe_batch.seeded import DrawStream, stream
from troupe_batch.spec_files import SpecFile
from troupe_batch.studies import Ranking, SurveySpec, SurveyStudy, Unit
from troupe_batch.studies.python.returned import Returned
from troupe_batch.studies.questions.group import QuestionGroup

UNIT = Unit(index=0, unit_id="u", case=0, replicate=0, arm=None)
DRINKS = ["Tea", "Coffee", "Water", "Juice"]


def ranking(**fields: Any) -> Ranking:
    [question] = spec(**fields).all_questions
    assert isinstance(question, Ranking)
    return question


def spec(**fields: Any) -> SurveySpec:
    question = {"id": "best", "type": "ranking", "text": "Which first?", "options": DRINKS, **fields}
    return SpecFile("s", {"questions": [question]}, {}).parse(SurveySpec)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"top": 4}, "there are 4 options; leave `top` out to have all put in order, or lower it"),
        ({"top": 9}, "there are 4 options; leave `top` out"),
        ({"top": 0}, "write 1 or more"),
        ({"top": True}, "top"),
        ({"options": ["Tea"]}, "at least 2 items"),
        ({"options": ["Tea", "Water", "tea"]}, "the label 'Tea' stands twice"),
        ({"dont_know": "water"}, "'water' is also an option"),
        ({"anchor": ["Wine"]}, "'Wine' is not among the options"),
        ({"exclusive": ["Tea"]}, "`exclusive` does not belong here"),
        ({"elicitation": "pick"}, "`elicitation` is for questions with one list of labels (single, rating)"),
        (
            {"options": list(range(200))},
            "nobody puts 200 options in order, at most 100; write how many of the best",
        ),
        ({"options": list(range(200)), "top": 101}, "nobody puts 101 options in order, at most 100"),
        ({"type": "rank"}, "write `type: ranking`, with `options`"),
        ({"type": "Rank order"}, "write `type: ranking`, with `options`"),
        ({"type": "top-k"}, "write `type: ranking`, with `options` and `top`, for example `top: 3`"),
    ],
    ids=lambda part: "" if isinstance(part, dict) else part[:30],
)
def test_what_cannot_be_ranked_is_refused_with_a_way_out(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecError) as caught:
        spec(**fields)

    assert message in " ".join(str(caught.value).split())


@pytest.mark.parametrize(
    ("fields", "asked"),
    [
        ({}, "(A list of all 4 options in the order in which this person puts them: the first of them stands first."),
        ({"top": 2}, "(A list of the 2 options that this person puts first, in order: the first of them stands first."),
        ({"top": 1}, "(A list of one option, the one that this person puts first."),
        ({"dont_know": "No idea"}, 'For "No idea", null.)'),
    ],
)
def test_the_prompt_says_how_many_are_put_in_order_above_all_options(fields: dict[str, Any], asked: str) -> None:
    group = QuestionGroup([ranking(order="fixed", **fields)], seed=1)

    text = group.asked_of(UNIT).text

    assert asked in text
    assert text.endswith("\n- Tea\n- Coffee\n- Water\n- Juice\n</question>")


def test_the_order_shown_is_drawn_for_each_person_and_the_schema_is_the_same_for_all() -> None:
    group = QuestionGroup([ranking(anchor=["Juice"])], seed=1)

    asked = [group.asked_of(Unit(index=n, unit_id="u", case=n, replicate=0, arm=None)) for n in range(200)]

    assert len({one.shown[0].order for one in asked}) == 6
    assert {one.shown[0].order[-1] for one in asked if one.shown[0].order} == {"Juice"}
    assert len({id(one.schema) for one in asked}) == asked[0].schemas == 1


def test_a_plan_holds_the_template_where_a_ranking_is_asked() -> None:
    def digests(**fields: Any) -> set[str]:
        return set(SurveyStudy(spec(**fields), seed=0).prompt_digests)

    assert digests() - digests(type="single") == {"survey/ranking/question.md"}


@pytest.mark.parametrize("of", [10, 500])
@pytest.mark.parametrize("count", [101, 1_000])
def test_of_a_long_list_the_best_are_named_within_what_endpoints_take(count: int, of: int) -> None:
    question = ranking(options=[f"{n:04} {'x' * (of - 5)}" for n in range(count)], top=3, dont_know="No idea")
    group = QuestionGroup([question], seed=0)

    asked = group.asked_of(UNIT)
    [node, null] = asked.schema.schema["properties"]["best"]["anyOf"]
    make = plain_maker({"anyOf": [node, null]}, {})
    replies = [make(Prompt([]), DrawStream(stream(n))) for n in range(100)]

    names = node["items"]["enum"]
    assert tuple(names) == question.names_in_schema
    assert len(names) <= MOST_LABELS_PER_CALL
    assert sum(map(len, names)) <= MOST_CHARACTERS_PER_LIST
    assert {len(reply) for reply in replies if reply is not None} == {3}
    assert None in replies
    assert all(group.problem({"best": reply}) is None for reply in replies)


def test_a_study_in_python_returns_labels_in_order() -> None:
    long = [f"{n:04} {'x' * 200}" for n in range(200)]
    returned = Returned([ranking(dont_know="No idea"), ranking(id="some", options=long, top=2)], seed=1)

    ordered, named = returned.answers({"best": (*DRINKS[1:], "Tea"), "some": [long[7], long[3]]}, UNIT, [0])
    unknown, doubled = returned.answers({"best": "No idea", "some": [long[7], long[7]]}, UNIT, [0])

    assert ordered.selected == ("Coffee", "Water", "Juice", "Tea")
    assert named.selected == (long[7], long[3])
    assert (unknown.status, unknown.is_dont_know, unknown.selected) == ("answered", True, None)
    assert (doubled.status, doubled.reason) == ("unreadable", "'8' stands in two places")
