from __future__ import annotations

from typing import Any

import pytest

from troupe_batch.errors import SpecError
from troupe_batch.spec_files import read_spec_text
from troupe_batch.studies import LastTurns, Option, QuestionBlock, Rating, SingleChoice, SurveySpec
from troupe_batch.studies.survey import Asking

HEAD = "questions:\n"


def mistakes_in(text: str) -> list[str]:
    with pytest.raises(SpecError) as caught:
        read_spec_text("s.yaml", text).parse(SurveySpec)
    return str(caught.value).split("\n")


@pytest.mark.parametrize(
    ("question", "message"),
    [
        (
            "{id: q, type: single, text: Q?, options: [A, B, a]}",
            "s.yaml:2: questions[0].options: the label 'A' stands twice (capitals do not count); make them differ",
        ),
        (
            "{id: q, type: single, text: Q?, options: [Home, Work], anchor: [Hom]}",
            "s.yaml:2: questions[0].anchor: 'Hom' is not among the options; did you mean `Home`?",
        ),
        (
            "{id: q, type: rating, text: Q?, labels: [No, FALSE, Sure]}",
            's.yaml:2: questions[0].labels[1]: YAML reads FALSE without quotes as a truth value; write "FALSE"',
        ),
        (
            "{id: q, type: rating, text: Q?, labels: [{code: 1, label: A}, B]}",
            (
                "s.yaml:2: questions[0].labels: some options have a code and others have none; "
                "give all of them a code, or none"
            ),
        ),
        (
            "{id: q, type: rating, text: Q?, labels: [{code: 0, label: A}, {code: 0, label: B}]}",
            "s.yaml:2: questions[0].labels: the code 0 stands twice; codes must differ",
        ),
        (
            "{id: q, type: open, text: Q?, elicitation: probabilities}",
            (
                "s.yaml:2: questions[0]: `elicitation` is for questions with one list of labels (single, rating); "
                "remove it here"
            ),
        ),
        (
            "{id: q, type: ratting, text: Q?}",
            "s.yaml:2: questions[0]: unknown question type 'ratting'; did you mean `rating`?",
        ),
        (
            "{id: q, text: Q?}",
            (
                "s.yaml:2: questions[0]: a question needs a `type`; "
                "one of single, multi, rating, likert, numeric, open, ranking"
            ),
        ),
        (
            "{id: q, type: open, text: Q?, word: 3}",
            "s.yaml:2: questions[0].word: unknown field 'word'; did you mean `words`?",
        ),
        (
            "{id: q, type: numeric, text: Q?, unit: kg, minimum: 3, maximum: 3}",
            "s.yaml:2: questions[0].maximum: maximum (3) must be greater than minimum (3)",
        ),
        (
            "{id: q, type: numeric, text: Q?, unit: kg, minimum: 0.2, maximum: 0.8, integer: true}",
            "s.yaml:2: questions[0].integer: there is no whole number between 0.2 and 0.8; widen the range",
        ),
        (
            "{id: q, type: single, text: Q?, options: [A, Dunno], dont_know: dunno}",
            "s.yaml:2: questions[0].dont_know: 'dunno' is also an option; remove it there, `dont_know` shows it",
        ),
        (
            "{id: q, type: multi, text: Q?, options: [A, dont_know], dont_know: Don't know}",
            (
                "s.yaml:2: questions[0].dont_know: an option may not be called 'dont_know' where "
                "don't know is offered; rename it"
            ),
        ),
    ],
)
def test_a_mistake_in_a_question_is_named_with_its_line_and_its_cure(question: str, message: str) -> None:
    assert mistakes_in(f"{HEAD}  - {question}\n") == [message]


@pytest.mark.parametrize("question_id", ["1st", "a-b", "a__b", "_a", "a_", "a b", "é", ""])
def test_a_question_id_must_be_able_to_name_columns(question_id: str) -> None:
    with pytest.raises(SpecError, match=r"id: .* does not fit here|id: this is empty"):
        SingleChoice(id=question_id, text="Q?", options=["A", "B"])


def test_questions_and_blocks_exclude_each_other() -> None:
    assert mistakes_in("asking: block\n") == ["s.yaml:1: `questions` and `blocks` are both missing; write one of them"]


def test_memory_is_none_all_or_last() -> None:
    [mistake] = mistakes_in("memory: some\nquestions: [{id: q, type: open, text: Q?}]\n")

    assert mistake == "s.yaml:1: memory: 'some' is no memory; write none, all or `last: 3`"


def open_question(question_id: str) -> dict[str, Any]:
    return {"id": question_id, "type": "open", "text": "Q?"}


@pytest.mark.parametrize(
    ("fields", "place", "problem"),
    [
        ({"asking": "block", "questions": [open_question("q")]}, ("asking",), "there are no blocks"),
        ({"memory": LastTurns(last=1), "questions": [open_question("q")]}, ("memory",), "no effect"),
        ({"questions": [open_question("q"), open_question("Q")]}, ("questions", 1, "id"), "stands twice"),
        ({"questions": [open_question("arm")]}, ("questions", 0, "id"), "column of its own"),
        (
            {
                "blocks": [
                    {"id": "a", "questions": [open_question("q")]},
                    {"id": "a", "questions": [open_question("r")]},
                ]
            },
            ("blocks", 1, "id"),
            "block id stands twice",
        ),
        (
            {
                "blocks": [
                    {"id": "a", "questions": [open_question("q")]},
                    {"id": "b", "questions": [open_question("q")]},
                ]
            },
            ("blocks", 1, "questions", 0, "id"),
            "question id",
        ),
        (
            {
                "arms": [{"id": "a", "material": "x"}, {"id": "A", "material": "y"}],
                "questions": [open_question("q")],
            },
            ("arms", 1, "id"),
            "arm id stands twice",
        ),
        (
            {
                "questions": [
                    {"id": f"q{n}", "type": "rating", "text": "Q?", "labels": list(range(100))} for n in range(11)
                ]
            },
            ("asking",),
            "1100 options",
        ),
    ],
)
def test_what_does_not_fit_together_is_a_mistake_with_its_place(fields: Any, place: Any, problem: str) -> None:
    [found] = list(SurveySpec(**fields).mistakes())

    assert found[0] == place
    assert problem in found[1]
    assert found[2]


def test_options_are_labels_numbers_or_both_and_always_have_codes() -> None:
    plain = Rating(id="a", text="A?", labels=["low", "high"])
    numbers = Rating(id="b", text="B?", labels=list(range(11)))
    coded = Rating(id="c", text="C?", labels=[Option(code=-1, label="worse"), Option(code=1, label="better")])

    assert [(o.code, o.label) for o in plain.labels] == [(1, "low"), (2, "high")]
    assert [(o.code, o.label) for o in numbers.labels] == [(n, str(n)) for n in range(11)]
    assert [o.code for o in coded.labels] == [-1, 1]


def test_a_spec_survives_json() -> None:
    spec = SurveySpec(
        asking=Asking.BLOCK,
        memory=LastTurns(last=2),
        blocks=[QuestionBlock(id="a", questions=[Rating(id="q", type="likert", text="Q?", labels=["low", "high"])])],
    )

    assert SurveySpec.model_validate_json(spec.model_dump_json()) == spec
