"""Studies in Python: how the function is found, what it is given, and how what it returns becomes rows."""

from __future__ import annotations

import hashlib
import importlib
from pathlib import Path
from typing import Any

import pytest

from tests.doubles import user_studies
from tests.doubles.minds import FakeModel, acts, talk
from tests.doubles.studies import SETTINGS, answering, person, run, spec_of, study
from troupe_batch.errors import BudgetSpent, FixTheInput, SpecError
from troupe_batch.studies import AnswerStatus, Draws, Unit, UnitSettings, is_python
from troupe_batch.studies.failing import reason_of
from troupe_batch.studies.python.loading import load_function

STUDY = """
kind: python
function: tests.doubles.user_studies:{function}
introduction: A shed in Ghent.
people_per_unit: {people}
calls_per_unit: 6
questions:
  - {{id: price, type: numeric, text: How much?, unit: euros, minimum: 0, maximum: 9, dont_know: No idea}}
  - {{id: drink, type: single, text: Which?, options: [Tea, Soup]}}
extraction:
  - {{id: ideas, from: world, many: true, objective: Ideas., fields: [{{id: idea, type: text, text: I}},
      {{id: cost, type: number, text: C}}]}}
  - {{id: mood, objective: Moods., fields: [{{id: feeling, type: text, text: F}}]}}
"""


def python_study(function: str, *, people: int = 2) -> Any:
    return study(STUDY.format(function=function, people=people))


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("no.such.module:f", "there is no module no; install it where workers run, or put the folder that holds it on"),
        ("tests.doubles.user_studes:f", "there is no module tests.doubles.user_studes"),
        ("tests.doubles.user_studies:talk", "has no talk; did you mean `talks`?"),
        ("tests.doubles.user_studies:not_async", "is no async function; write `async def not_async(case):`"),
        ("tests.doubles.user_studies:not_a_function", "is no async function"),
        ("tests.doubles.user_studies:takes_nothing", "does not take exactly the case"),
    ],
)
def test_a_function_that_cannot_be_one_is_named_with_what_to_do(path: str, message: str) -> None:
    with pytest.raises(SpecError) as caught:
        load_function(path)

    assert "study.function: " in str(caught.value)
    assert message in str(caught.value)


def test_a_module_that_fails_on_import_says_how(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "broken_study.py").write_text("import not_installed_here\n", encoding="utf-8")
    (tmp_path / "raising_study.py").write_text("1 / 0\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)

    for path, message in (
        ("broken_study:f", "the module broken_study needs not_installed_here, which is not there; install it"),
        ("raising_study:f", "importing raising_study fails: ZeroDivisionError: division by zero"),
    ):
        with pytest.raises(SpecError, match=message):
            load_function(path)


def test_a_function_without_a_colon_is_told_how_one_is_named() -> None:
    with pytest.raises(SpecError) as caught:
        spec_of("kind: python\nfunction: pkg.example.haggle\nquestions: [{id: q, type: open, text: A}]\n")

    assert "function: 'pkg.example.haggle' does not fit here; where the function is: package.module:name" in str(
        caught.value
    )
    assert str(caught.value).endswith("for example `studies.haggling:haggle`")


@pytest.mark.parametrize("function", ["talks", "a.b", "a:b:c", "a b:c", "../x:y"])
def test_a_function_is_named_by_its_module_and_its_name(function: str) -> None:
    with pytest.raises(SpecError, match="function"):
        spec_of(f"kind: python\nfunction: '{function}'\nquestions: [{{id: q, type: open, text: A}}]\n")


def test_a_study_that_brings_nothing_is_a_mistake() -> None:
    with pytest.raises(SpecError, match="the study answers no question and extracts nothing"):
        spec_of("kind: python\nfunction: a:b\n")


def test_the_plan_holds_the_digest_of_the_functions_file() -> None:
    digest = hashlib.sha256(Path(user_studies.__file__).read_bytes()).hexdigest()

    digests = python_study("talks").prompt_digests

    assert digests["python/tests.doubles.user_studies:talks"] == digest
    assert "simulation/act.md" in digests


EDITED = """
kind: python
function: {module}:{name}
questions: [{{id: drink, type: single, text: Which?, options: [Tea, Soup]}}]
"""
TEA = "async def f(case):\n    return {'drink': 'Tea'}\n\n\nasync def g(case):\n    return await f(case)\n"


@pytest.mark.parametrize("name", ["f", "g"])
def test_a_file_that_was_edited_after_its_import_is_not_run_as_if_it_was_not(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = f"edited_study_{name}"
    file = tmp_path / f"{module}.py"
    file.write_text(TEA, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    before = study(EDITED.format(module=module, name="f"))
    digests = before.prompt_digests
    file.write_text(TEA.replace("Tea", "Soup "), encoding="utf-8")

    with pytest.raises(SpecError) as caught:
        _ = study(EDITED.format(module=module, name=name)).prompt_digests

    assert "study.function: " in str(caught.value)
    assert f"{module}.py was edited after this process imported it" in str(caught.value)
    assert "restart the workers, or the kernel of the notebook" in str(caught.value)
    assert run(before, FakeModel()).answers[0].label == "Tea"
    file.write_text(TEA, encoding="utf-8")
    assert study(EDITED.format(module=module, name=name)).prompt_digests.keys() == {
        *digests.keys() - {f"python/{module}:f"},
        f"python/{module}:{name}",
    }


def test_a_module_that_was_imported_anew_has_the_digest_of_what_it_is_now(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "reloaded_study.py"
    file.write_text(TEA, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    text = EDITED.format(module="reloaded_study", name="f")
    before = study(text).prompt_digests
    file.write_text(TEA.replace("Tea", "Soup"), encoding="utf-8")

    importlib.reload(importlib.import_module("reloaded_study"))

    after = study(text)
    assert run(after, FakeModel()).answers[0].label == "Soup"
    assert after.prompt_digests["python/reloaded_study:f"] != before["python/reloaded_study:f"]


def test_the_function_is_given_people_draws_and_worlds_and_everything_is_on_record() -> None:
    model = answering({"drink": "Soup"}, lambda asked: acts(talk(f"{asked.person} says thing {asked.number}.")))

    outcome = run(python_study("talks"), model)

    assert [(one.question_id, one.status, one.number or one.label) for one in outcome.answers[:2]] == [
        ("price", "answered", outcome.answers[2].number),
        ("drink", "answered", "Soup"),
    ]
    assert outcome.answers[1] == outcome.answers[3]
    assert outcome.answers[1] is not outcome.answers[3]
    assert outcome.answers[1].option_order is not None
    assert [call.purpose for call in outcome.calls] == ["act"] * 6
    assert [event.content for event in outcome.events if event.type == "CONVERSATION"] == [
        "Before the world.",
        "Welcome.",
        "Which?",
    ][:2]
    assert [event.step for event in outcome.events if event.type == "TALK"] == [None, 1, 1, 2, 2, 3]
    assert "A shed in Ghent." in model.acts[0].system


def test_who_leaves_a_world_stays_on_record() -> None:
    outcome = run(python_study("sends_away"), answering({}, lambda asked: acts(talk(f"Thing {asked.number}."))))

    heard = [(event.content, event.step) for event in outcome.events if event.type == "CONVERSATION"]
    assert heard == [("Before the meeting.", None), ("After the meeting.", None), ("As if for the first time.", 2)]
    said = {(event.content, event.step) for event in outcome.events if event.type == "TALK"}
    assert said == {("Thing 0.", 1), ("Thing 1.", 1), ("Thing 2.", None), ("Thing 3.", 1), ("Thing 4.", 2)}
    assert len(outcome.calls) == 5


def test_what_is_read_out_of_one_person_is_their_call() -> None:
    outcome = run(python_study("reads"), answering({}))

    assert [(call.purpose, call.person_id) for call in outcome.calls] == [
        ("act", "p000006"),
        ("extract", "p000006"),
        ("extract", None),
    ]


def test_findings_are_kept_in_the_order_of_the_tables() -> None:
    outcome = run(python_study("talks"), answering({"drink": "Soup"}))

    rows = [(one.extraction_id, one.status, one.seat, one.number) for one in outcome.findings]
    assert rows == [
        ("ideas", "found", None, 0),
        ("ideas", "found", None, 1),
        ("mood", "none_found", 0, None),
        ("mood", "found", 1, 0),
    ]
    assert outcome.findings[1].values == {"idea": "second", "cost": 3.5}
    assert outcome.findings[0].values["cost"] is None
    assert outcome.findings[2].reason == "the function found nothing"


def test_draws_of_the_function_belong_to_the_unit() -> None:
    def price(case: int, replicate: int = 0, *, settings: UnitSettings = SETTINGS) -> Any:
        model = answering({"drink": "Soup"})
        return run(python_study("talks"), model, case=case, replicate=replicate, settings=settings).answers[0].number

    assert price(1) == price(1)
    assert len({price(1), price(2), price(1, 1)}) == 3
    assert price(1) == price(1, settings=UnitSettings(SETTINGS.endpoint, SETTINGS.parameters, Draws.SHARED))


RETURNS = """
kind: python
function: tests.doubles.user_studies:returns
arms: [{{id: a, material: {key}}}]
questions:
  - {{id: price, type: numeric, text: A?, unit: euros, minimum: 0, maximum: 9, dont_know: No idea}}
  - {{id: drink, type: single, text: A?, options: [Tea, Soup], dont_know: No idea}}
  - {{id: liking, type: rating, text: A?, labels: [Little, Much]}}
  - {{id: places, type: multi, text: A?, options: [Home, Work, None], exclusive: [None], dont_know: No idea}}
  - {{id: why, type: open, text: A?}}
"""


def returned(value: Any) -> Any:
    user_studies.RETURNED["x"] = value
    return run(study(RETURNS.format(key="x")), FakeModel()).answers


def test_what_the_function_returns_is_read_as_typed_answers() -> None:
    price, drink, liking, places, why = returned(
        {"price": 3, "drink": "Soup", "liking": "Much", "places": ["Work", "Home"], "why": " Because. "}
    )

    assert price.number == 3.0
    assert (drink.label, drink.code, drink.option_order, drink.position) == ("Soup", 2, None, None)
    assert (liking.label, liking.distribution) == ("Much", None)
    assert places.selected == ("Home", "Work")
    assert why.text == "Because."


def test_chances_sets_and_not_knowing_can_be_returned() -> None:
    price, drink, liking, places, _ = returned(
        {"price": "No idea", "drink": "No idea", "liking": {"Little": 0, "Much": 100}, "places": "No idea"}
    )

    assert [one.is_dont_know for one in (price, drink, places)] == [True, True, True]
    assert (liking.label, liking.distribution) == ("Much", (0.0, 1.0))
    assert returned({"places": {"Work"}})[3].selected == ("Work",)
    assert returned({"places": {"Home": True, "Work": False, "None": False, "dont_know": False}})[3].selected == (
        "Home",
    )


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ({"price": 12}, "12 is not between 0 and 9"),
        ({"price": "three"}, "'three' is no number"),
        ({"drink": "Milk"}, "'Milk' is not one of the options"),
        ({"liking": 3}, "3 states no chances"),
        ({"places": ["Work", "None"]}, "'None' rules out all others but does not stand alone"),
        ({"places": ["Garden"]}, "has no yes or no for each option"),
        ({"why": ""}, "the text is empty"),
    ],
)
def test_a_value_that_does_not_fit_its_question_is_unreadable(value: dict[str, Any], reason: str) -> None:
    [answer] = [one for one in returned(value) if one.question_id in value]

    assert answer.status == "unreadable"
    assert reason in answer.reason


def test_what_is_left_out_is_skipped_and_an_absence_has_its_status() -> None:
    from troupe_batch.studies import Absence

    answers = returned({"price": None, "drink": Absence(AnswerStatus.REFUSED, "walked away")})

    assert [(one.status, one.reason) for one in answers] == [
        ("skipped", "the function returned nothing for price"),
        ("refused", "walked away"),
        *[("skipped", f"the function returned nothing for {name}") for name in ("liking", "places", "why")],
    ]
    assert {one.status for one in returned(None)} == {AnswerStatus.SKIPPED}


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (3, "returned a int; return a mapping, or a list with one for each of 1"),
        ([{}, {}], "returned 2 things; return a mapping, or a list with one for each of 1"),
        ([3], "returned a int for a person; return a mapping"),
        ({"prize": 3}, "answers 'prize', which is no question of the job; did you mean `price`?"),
    ],
)
def test_returning_something_else_fails_the_unit(value: Any, message: str) -> None:
    with pytest.raises(FixTheInput, match=message.replace("?", r"\?")):
        returned(value)


def test_a_list_answers_for_each_person() -> None:
    user_studies.RETURNED["x"] = [{"price": 1}, None, {"price": 3}]
    text = RETURNS.format(key="x") + "people_per_unit: 3\n"

    answers = run(study(text), FakeModel()).answers

    assert [one.number for one in answers if one.question_id == "price"] == [1.0, None, 3.0]


@pytest.mark.parametrize(
    ("said", "message"),
    [
        (("idea", None, {"idea": "x"}), "there is no extraction 'idea'; did you mean `ideas`?"),
        (("ideas", None, {"idee": "x"}), "ideas has no field 'idee'; did you mean `idea`?"),
        (("ideas", None, {"cost": "much"}), "a finding of ideas: cost: it is no number"),
        (("mood", None, {"feeling": "calm"}), "mood is per person; say whose finding it is, one of p000006, p000007"),
    ],
)
def test_a_finding_that_does_not_fit_the_job_fails_the_unit(said: Any, message: str) -> None:
    user_studies.RETURNED["y"] = said
    text = STUDY.format(function="finds", people=2) + "arms: [{id: a, material: y}]\n"

    with pytest.raises(FixTheInput) as caught:
        run(study(text), FakeModel())

    assert message in str(caught.value)


def test_a_model_can_read_the_findings() -> None:
    def read(asked: Any) -> Any:
        assert asked.request.reply_schema is not None
        many = "findings" in asked.request.reply_schema.schema["properties"]
        return {"findings": []} if many else {"feeling": "calm"}

    outcome = run(python_study("reads"), FakeModel(others={"extraction": read}))

    assert [(one.extraction_id, one.status, one.seat) for one in outcome.findings] == [
        ("ideas", "none_found", None),
        ("mood", "found", 0),
        ("mood", "none_found", 1),
    ]
    assert outcome.findings[0].reason == "the material holds nothing of what was looked for"


def test_an_exception_of_the_function_fails_the_unit_and_what_stops_the_job_passes() -> None:
    with pytest.raises(ZeroDivisionError, match="a mistake of the user's"):
        run(python_study("breaks"), FakeModel())
    with pytest.raises(BudgetSpent):
        run(python_study("breaks"), FakeModel([BudgetSpent("cap")]))


def raised_in(function: str) -> Exception:
    with pytest.raises(Exception, match=r".") as caught:
        run(python_study(function), FakeModel())
    return caught.value


def line_of(words: str) -> int:
    lines = Path(user_studies.__file__).read_text(encoding="utf-8").splitlines()
    return 1 + next(number for number, line in enumerate(lines) if words in line)


@pytest.mark.parametrize(
    ("function", "words", "reason"),
    [
        (
            "breaks",
            "a mistake of the user's",
            "ZeroDivisionError: a mistake of the user's (user_studies.py:{} in breaks)",
        ),
        ("prices", '["nope"]', "KeyError: 'nope' (user_studies.py:{} in looked_up)"),
        ("asks_nonsense", '"prize"', "FixTheInput: there is no question 'prize'; did you mean `price`?"),
        ("asks_nonsense", '"prize"', " (user_studies.py:{} in asks_nonsense)"),
        ("averages", "mean([", "data point (user_studies.py:{} in averages)"),
    ],
)
def test_the_reason_of_a_function_that_raises_names_its_own_file_and_line(
    function: str, words: str, reason: str
) -> None:
    said = reason_of(raised_in(function), [person(6)])

    assert reason.format(line_of(words)) in said


def test_a_persona_is_not_quoted_and_a_long_message_leaves_room_for_the_place() -> None:
    error = raised_in("quotes")

    assert reason_of(error, [person(6, town="Ghent")]) == f"ValueError (user_studies.py:{line_of('Ghent')} in quotes)"
    said = reason_of(error, [person(6)])
    assert len(said) == 300
    assert said.endswith(f"(user_studies.py:{line_of('Ghent')} in quotes)")


def test_what_a_function_returns_wrongly_has_no_place_in_it() -> None:
    with pytest.raises(FixTheInput) as caught:
        returned(3)

    assert reason_of(caught.value, []).endswith("return a mapping, or a list with one for each of 1")


def test_a_function_that_fails_on_examples_is_logged_with_message_and_place(caplog: pytest.LogCaptureFixture) -> None:
    python_study("breaks").planned_calls(Unit(0, "w0.0", 0, 0), [person(0), person(1)], SETTINGS)

    [record] = [one for one in caplog.records if vars(one).get("action") == "example_failed"]
    assert vars(record)["reason"].startswith("ZeroDivisionError: a mistake of the user's (user_studies.py:")


def test_calls_are_planned_up_to_where_the_function_fails_on_examples() -> None:
    for function, calls in (("breaks", 1), ("talks", 6)):
        asked = python_study(function)
        planned = asked.planned_calls(Unit(0, "w0.0", 0, 0), [person(0), person(1)], SETTINGS)
        assert len(planned) == calls


def test_the_example_that_comes_along_runs() -> None:
    text = (
        "kind: python\nfunction: troupe_batch.studies.python.example:haggle\npeople_per_unit: 2\n"
        "questions: [{id: price, type: numeric, text: The price, unit: US dollars, minimum: 0, maximum: 100}]\n"
    )
    model = answering({"price": 40})

    outcome = run(study(text), model)

    assert [one.number for one in outcome.answers] == [40.0, 40.0]
    assert len(outcome.calls) == 8
    assert is_python(spec_of(text))


def test_a_unit_that_was_not_run_has_one_answer_per_seat_and_question() -> None:
    answers = python_study("talks").absent(Unit(0, "w0.0", 0, 0), AnswerStatus.FAILED, "x")

    assert [(one.question_id, one.status) for one in answers] == [("price", "failed"), ("drink", "failed")] * 2
