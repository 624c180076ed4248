"""Wrong conditions of surveys: what each is told, with its line, its place and its cure."""

from __future__ import annotations

import pytest

from tests.doubles.studies import spec_of
from troupe_batch.errors import SpecError
from troupe_batch.expressions.kinds import Kind
from troupe_batch.spec_files import read_spec_text
from troupe_batch.studies import SurveySpec

FACTS = {"age": Kind("number", integer=True, low=18, high=90), "sex": Kind("category", ("f", "m"))}
SURVEY = """
kind: survey
blocks:
  - id: screener
    questions:
      - {{id: drink, type: single, text: Which?, options: [Tea, "2", "No"], dont_know: No idea}}
      - {{id: cups, type: numeric, text: How many?, unit: cups, minimum: 0, maximum: 9}}
      - {{id: sex, type: single, text: Which?, options: [f, m]}}
  - id: tea
    when: {block}
    questions:
      - id: why
        type: open
        text: Why?
        when: {question}
      - {{id: last, type: open, text: Else?}}
"""


def mistakes(block: str = "[]", question: str = "[]") -> str:
    file = read_spec_text("s.yaml", SURVEY.format(block=block, question=question))
    try:
        spec = file.parse(SurveySpec)
    except SpecError as error:
        return str(error)
    found = [*spec.mistakes(), *spec.fact_mistakes(FACTS)]
    return "\n".join(str(file.mistake(*mistake)) for mistake in found)


@pytest.mark.parametrize(
    ("question", "message"),
    [
        ("mentions(last, 'tea')", ":15: blocks[1].questions[0].when: `last` is asked only later; move the question up"),
        ("why == 'x'", "`why` is asked only later; move the question up, or this down"),
        ("drnk == 'Tea'", ":15: blocks[1].questions[0].when: there is no fact `drnk` here; did you mean `drink`?"),
        ("drink == 'Tee'", "`drink` has no category 'Tee'; did you mean `Tea`?"),
        ("drink == Tea", "`Tea` is a category of drink, not a fact; put the label in quotes: 'Tea'"),
        ("age == '40'", "`age` is a number and `'40'` is a category; write a number, without quotes"),
        ("age > 20 and agee < 60", "there is no fact `agee` here; did you mean `age`?"),
        ("sex == 'f'", "`sex` is a question, and a fact of people too; give the question another id"),
        ("cups", "`cups` is a number, a condition is true or false; compare it with something, such as"),
        ("cups = 3", "`=` in `cups = 3` is not understood; write =="),
        ("{question: last, mentions: tea}", "when.question: `last` is asked only later; move the question up, or this"),
        ("{question: drnk, is: Tea}", "when.question: there is no question `drnk`; did you mean `drink`?"),
        (
            "{question: age, at_least: 20}",
            "when.question: `age` is a fact of people, and no question; write an expression",
        ),
        ("[cups > 1, {question: cups, at_least: 10}]", "when[1].at_least: 10 is out of range: the numbers of `cups`"),
        ("{question: cups}", "this tests nothing; add is, is_not, at_least, at_most or mentions"),
    ],
)
def test_a_wrong_condition_is_told_with_its_line_its_place_and_its_cure(question: str, message: str) -> None:
    said = mistakes(question=question)

    assert message in said
    assert said.count("\n") == 0


def test_the_condition_of_a_block_reads_what_stands_above_the_block() -> None:
    assert mistakes(block="drink == 'Tea' and cups > 1 and age < 60", question="cups > 2") == ""
    assert ":10: blocks[1].when: `why` is asked only later" in mistakes(block="mentions(why, 'tea')")


@pytest.mark.parametrize(
    "text",
    [
        "kind: interview\nscript:\n  - ask: {id: q, type: open, text: Why?, when: age > 3}",
        "kind: world\npeople_per_world: 2\nsteps: 1\nscript: [{at: 1, ask: {id: q, type: open, text: Q, when: a > 3}}]",
        "kind: python\nfunction: a:b\nquestions:\n  - {id: q, type: open, text: Why?, when: age > 3}",
    ],
)
def test_questions_of_other_studies_have_no_condition_of_their_own(text: str) -> None:
    with pytest.raises(SpecError, match="only questions of surveys have a `when` of their own; in an interview write"):
        spec_of(text)
