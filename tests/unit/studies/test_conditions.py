"""Follow-ups: when a condition on an earlier answer holds, and what a wrong condition is told."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import TypeAdapter

from tests.doubles.studies import spec_of
from troupe_batch.errors import SpecError
from troupe_batch.expressions.functions import mentions
from troupe_batch.studies import Answer, AnswerStatus
from troupe_batch.studies.conditions import Gate, condition_mistakes, kind_of
from troupe_batch.studies.questions.questions import Question
from troupe_batch.studies.questions.when import Condition, When

CHOICE = {"options": ["Tea", "Coffee", "Milk", "2"]}
# By the field that an answer has its value in: a question of which it is an answer.
QUESTIONS: dict[str, dict[str, Any]] = {
    "label": {"type": "single", **CHOICE},
    "selected": {"type": "multi", "dont_know": "No idea", **CHOICE},
    "number": {"type": "numeric", "unit": "cups", "minimum": 0, "maximum": 9},
    "code": {"type": "rating", "labels": ["Not", "Little", "Rather", "Much"], "dont_know": "Don't know"},
    "is_dont_know": {"type": "rating", "labels": ["Not", "Little", "Rather", "Much"], "dont_know": "Don't know"},
    "text": {"type": "open"},
}


def question(**values: Any) -> Question:
    form = QUESTIONS[list(values)[-1]]
    return TypeAdapter[Question](Question).validate_python({"id": "q", "text": "Which?", **form})


def answer(**values: Any) -> Answer:
    return Answer("q", "single", AnswerStatus.ANSWERED, **values)


def condition(**tests: Any) -> Condition:
    return Condition.model_validate({"question": "q", **tests})


def gate(when: When, **values: Any) -> Gate:
    return Gate(when, {"q": kind_of(question(**values))})


@pytest.mark.parametrize(
    ("tests", "values", "holds"),
    [
        ({"is": "Tea"}, {"label": "Tea"}, True),
        ({"is": ["Tea", "Coffee"]}, {"label": "Coffee"}, True),
        ({"is": "Tea"}, {"label": "Coffee"}, False),
        ({"is": "Tea"}, {"selected": ("Milk", "Tea")}, True),
        ({"is": "Tea"}, {"selected": ()}, False),
        ({"is_not": "Tea"}, {"label": "Coffee"}, True),
        ({"is_not": ["Tea", "Coffee"]}, {"selected": ("Milk", "Tea")}, False),
        ({"is_not": "Tea"}, {"selected": ()}, True),
        ({"at_least": 3}, {"number": 3.0}, True),
        ({"at_least": 3}, {"number": 2.9}, False),
        ({"at_least": 3}, {"label": "Much", "code": 4}, True),
        ({"at_most": 3}, {"label": "Much", "code": 4}, False),
        ({"at_least": 1, "at_most": 3}, {"number": 2.0}, True),
        ({"at_most": 3}, {"label": "Don't know", "is_dont_know": True}, False),
        ({"mentions": "price"}, {"text": "Its PRICE, mostly."}, True),
        ({"mentions": ["cost", "price"]}, {"text": "It is priceless."}, False),
        ({"is": 2}, {"label": "2"}, True),
        ({"is_not": "Tea"}, {"selected": None}, True),
        ({"is": "Tea", "is_not": "Milk"}, {"selected": ("Milk", "Tea")}, False),
    ],
)
def test_a_condition_holds_where_the_answer_is_as_it_says(
    tests: dict[str, Any], values: dict[str, Any], holds: bool
) -> None:
    assert (gate(condition(**tests), **values).unmet({"q": answer(**values)}) is None) is holds


def test_of_a_ranking_conditions_see_what_was_ranked_and_nothing_of_whom_does_not_know() -> None:
    ranking = {"type": "ranking", "id": "q", "text": "Which?", "top": 2, "dont_know": "No idea", **CHOICE}
    asked = TypeAdapter[Question](Question).validate_python(ranking)
    kinds = {"q": kind_of(asked)}
    ranked, unknown = answer(selected=("Milk", "Tea")), answer(selected=None, is_dont_know=True)

    met = [
        [Gate(when, kinds).unmet({"q": one}) is None for when in (condition(**{"is": "Tea"}), "'Tea' in q")]
        for one in (ranked, unknown)
    ]
    mistakes = condition_mistakes((), condition(at_least=1), {"q": asked}, ["q"])

    assert met == [[True, True], [False, False]]
    assert [*mistakes] == [(("at_least",), "`q` is ranking: its answers have no number", "use is or is_not")]


@pytest.mark.parametrize(
    ("when", "form"),
    [
        (condition(is_="Tea"), "label"),
        (condition(is_not="Tea"), "label"),
        (condition(is_not="Tea"), "selected"),
        (condition(at_least=0), "number"),
        (condition(at_least=0), "code"),
        (condition(mentions="a"), "text"),
        ("q not in ['Tea']", "label"),
        ("'Tea' not in q", "selected"),
        ("q != 3", "number"),
        ("q < 9", "code"),
    ],
)
@pytest.mark.parametrize("status", [status for status in AnswerStatus if status is not AnswerStatus.ANSWERED])
def test_without_an_answer_no_condition_holds(when: When, form: str, status: AnswerStatus) -> None:
    asked = gate(when, **{form: None})

    assert asked.unmet({}) is not None
    assert asked.unmet({"q": Answer("q", "single", status, "why")}) is not None


@pytest.mark.parametrize(
    ("when", "values", "holds"),
    [
        ("q == 'Tea'", {"label": "Tea"}, True),
        ("q in ['Tea', '2']", {"label": "Coffee"}, False),
        ("not q == 'Tea'", {"label": "Coffee"}, True),
        ("'Tea' in q and 'Milk' not in q", {"selected": ("Tea",)}, True),
        ("'Tea' in q and 'Milk' not in q", {"selected": ("Tea", "Milk")}, False),
        ("2 < q <= 4", {"number": 4.0}, True),
        ("q * 2 > 8", {"number": 4.0}, False),
        ("q >= 3", {"label": "Much", "code": 4}, True),
        ("q in [1, 2]", {"label": "Much", "code": 4}, False),
        ("q == 'Much'", {"label": "Much", "code": 4}, True),
        ("q >= 1", {"label": "Don't know", "is_dont_know": True}, False),
        ('q == "Don\'t know"', {"label": "Don't know", "is_dont_know": True}, True),
        ("mentions(q, 'cost', 'PRICE')", {"text": "Its price, mostly."}, True),
        ("not mentions(q, 'price')", {"text": "It is priceless."}, True),
        ("True", {"label": "Tea"}, True),
    ],
)
def test_an_expression_over_answers_holds_where_it_is_true(when: str, values: dict[str, Any], holds: bool) -> None:
    assert (gate(when, **values).unmet({"q": answer(**values)}) is None) is holds


def test_of_several_conditions_all_must_hold_and_the_reason_names_the_first_that_does_not() -> None:
    asked = gate((condition(at_least=3), condition(at_most=5), "q != 4.5"), number=0)

    assert asked.unmet({"q": answer(number=4.0)}) is None
    assert asked.unmet({"q": answer(number=6.0)}) == "asked only where q is at most 5"
    assert asked.unmet({"q": answer(number=4.5)}) == "asked only where q != 4.5"
    assert asked.unmet({"q": Answer("q", "numeric", AnswerStatus.REFUSED, "no")}) == (
        "asked only where q is at least 3, and q ended as refused"
    )


@pytest.mark.parametrize(
    ("text", "is_mentioned"),
    [("a cup of\n green  tea, please", True), ("evergreen tea", False), ("GREEN TEA", True), ("teas", False)],
)
def test_words_are_mentioned_as_a_whole(text: str, is_mentioned: bool) -> None:
    assert mentions(text, ["green tea", "tee"]) is is_mentioned


@pytest.mark.parametrize(
    ("text", "word", "is_mentioned"),
    [
        ("私は緑茶が好きです", "緑茶", True),
        ("我更喜欢喝咖啡。", "咖啡", True),
        ("毎朝coffeeを飲む", "coffee", True),
        ("毎朝coffeesを飲む", "coffee", False),
        ("コーヒーをください", "コーヒー", True),
        ("ผมชอบชาเขียวมาก", "ชา", True),
        ("緑茶が好き", "紅茶", False),
        ("naïveté", "naïve", False),
        ("C++ is fine", "c++", True),
    ],
)
def test_words_have_borders_only_in_scripts_that_put_blanks_between_them(
    text: str, word: str, is_mentioned: bool
) -> None:
    assert mentions(text, [word]) is is_mentioned


INTERVIEW = """
kind: interview
script:
  - ask: {{id: drink, type: single, text: Which?, options: [Tea, "2", "No"], dont_know: No idea}}
  - ask: {{id: cups, type: numeric, text: How many?, unit: cups, minimum: 0, maximum: 9}}
  - ask: {{id: many, type: multi, text: Which?, options: [Tea, Milk]}}
  - ask: {{id: why, type: open, text: Why?}}
  - ask: {{id: liking, type: rating, text: How much?, labels: [Not at all, Rather, Much], dont_know: No idea}}
  - ask: {{id: later, type: open, text: And?}}
    when: {when}
  - ask: {{id: last, type: open, text: Else?}}
"""


@pytest.mark.parametrize(
    "when",
    [
        "{question: drink, is: [Tea, 2]}",
        "{question: drink, is: No idea}",
        "[{question: cups, at_least: 2}, {question: why, mentions: [milk, sugar]}]",
        "{question: many, is_not: Milk}",
        "{question: liking, at_least: 2}",
        "{question: liking, at_least: 1, at_most: 3}",
        "{question: liking, is: [Much, No idea]}",
        "{question: cups, at_least: 0, at_most: 9}",
        "drink in ['Tea', '2'] and cups > 1",
        "[liking >= 2, {question: many, is_not: Milk}]",
        "mentions(why, 'milk') or 'Milk' in many",
    ],
)
def test_conditions_that_fit_their_question_are_no_mistake(when: str) -> None:
    spec_of(INTERVIEW.format(when=when))


@pytest.mark.parametrize(
    ("when", "message"),
    [
        ("{question: drnk, is: Tea}", "script[5].when.question: there is no question `drnk`; did you mean `drink`?"),
        ("{question: last, mentions: tea}", "question: `last` is asked only later; move the question up, or this down"),
        ("{question: drink, is: [Tee]}", "script[5].when.is: 'Tee' is no option of `drink`; did you mean `Tea`?"),
        ("[{question: drink, is_not: X}]", "script[5].when[0].is_not: 'X' is no option of `drink`; known here:"),
        ("{question: cups, is: Tea}", "`cups` is numeric: its answers have no labels; use at_least, at_most"),
        ("{question: why, is: Tea}", "`why` is open: its answers have no labels; use mentions"),
        ("{question: why, at_most: 3}", "when.at_most: `why` is open: its answers have no number; use mentions"),
        ("{question: many, at_least: 3}", "`many` is multi: its answers have no number; use is or is_not"),
        ("{question: drink, at_least: 3}", "`drink` is single: its answers have no number; use is or is_not"),
        (
            "{question: cups, at_least: 10}",
            "at_least: 10 is out of range: the numbers of `cups` go from 0 to 9; write a",
        ),
        ("{question: cups, at_most: -1}", "at_most: -1 is out of range: the numbers of `cups` go from 0 to 9"),
        ("{question: liking, at_least: 4}", "4 is out of range: the codes of `liking` go from 1 to 3"),
        ("{question: cups, at_least: 5, at_most: 3}", "when.at_least: at_least (5) is greater than at_most (3)"),
        ("{question: drink, is: Tea, is_not: [Tea, 2]}", "when.is_not: it rules out all that `is` asks for"),
        ("{question: drink, mentions: Tea}", "when.mentions: `drink` is single, not open: nobody speaks there; use is"),
        ("{question: drink}", "this tests nothing; add is, is_not, at_least, at_most or mentions"),
        ("{question: drink, is: true}", 'YAML reads true without quotes as a truth value; write "true"'),
        ("{question: drink, was: Tea}", "unknown field 'was'"),
        ("drnk == 'Tea'", "script[5].when: there is no fact `drnk` here; did you mean `drink`?"),
        ("mentions(last, 'tea')", "script[5].when: `last` is asked only later; move the question up, or this down"),
        ("[cups > 1, drink == 'Tee']", "script[5].when[1]: `drink` has no category 'Tee'; did you mean `Tea`?"),
        ("many == 'Tea'", "`many` is any of several labels and `'Tea'` is a category; write `'Tea' in many`"),
        ("why == 'Tea'", "`why` is what somebody said and `'Tea'` is a category; write `mentions(why, 'word')`"),
        (
            "mentions(drink, 'Tea')",
            "`drink` is a category where what somebody said belongs; mentions reads open answers",
        ),
        ("drink > 'Tea'", "`drink > 'Tea'`: these labels have no order; use ==, != or `in`"),
        ("liking > 'Rather'", "`liking > 'Rather'`: these labels have no order; compare its code with a number"),
        ("cups", "when: `cups` is a number, a condition is true or false; compare it with something, such as"),
        ("cups = 3", "when: `=` in `cups = 3` is not understood; write =="),
    ],
)
def test_a_wrong_condition_is_named_with_its_place_and_its_cure(when: str, message: str) -> None:
    with pytest.raises(SpecError) as caught:
        spec_of(INTERVIEW.format(when=when))

    assert message in str(caught.value)
    assert "s.yaml:10: study" not in str(caught.value)
    assert "s.yaml:10:" in str(caught.value)
