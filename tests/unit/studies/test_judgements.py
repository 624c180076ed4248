"""Judgements of interviews and worlds: who is judged, by which calls, and which rows are left, whatever happens."""

from __future__ import annotations

import hashlib
from typing import Any

import orjson
import pytest

from tests.doubles.minds import Asked, FakeModel, Said, acts, talk
from tests.doubles.studies import SETTINGS, person, run, spec_of, study
from troupe_batch.errors import BudgetSpent, GaveUp, SpecError
from troupe_batch.llm.chat import ChatReply, ReplyStatus
from troupe_batch.simulation.judging.quality import ACT_CLAIMS
from troupe_batch.simulation.judging.standard_propositions import STANDARD_PROPOSITIONS
from troupe_batch.studies import Finding, Unit

INTERVIEW = """
kind: interview
introduction: A kitchen in Ghent.
arms: [{id: ad, material: A red hat.}]
script:
  - {say: How do you like it?}
judgements:
  - {id: liked, claim: They like the hat., as: check}
  - {id: in_character, standard: persona_adherence}
  - {id: done, standard: task_completion, task: Say a price}
  - {id: fits, validate: Likes hats., questions: 2}
extraction:
  - {id: views, objective: Views., fields: [{id: view, type: text, text: V}]}
"""
WORLD = """
kind: world
people_per_world: 2
steps: 2
script: [{at: 1, say: Welcome.}]
judgements:
  - {id: apart, standard: divergence, about: world}
  - {id: fluent, standard: fluency}
  - {id: fits, validate: Is kind., questions: 1}
"""


def verdict(value: Any, why: str = "It shows.") -> dict[str, Any]:
    return {"justification": why, "value": value, "confidence": 0.8}


def judging(**others: Any) -> FakeModel:
    """A model whose people say something new in each act, and whose judges say what is given by schema."""
    said = {"check": verdict(value=True), "score": verdict(7), "validation": verdict(0.6), **others}
    rules = {name: (value if callable(value) else lambda _, value=value: value) for name, value in said.items()}
    return FakeModel(lambda asked: acts(talk(f"This is thing {asked.number}.")), others=rules)


def rows(findings: tuple[Finding, ...]) -> list[tuple[Any, ...]]:
    return [(one.extraction_id, one.seat, one.status, one.number) for one in findings]


def test_each_judgement_is_a_typed_row_before_those_of_the_extractions() -> None:
    outcome = run(study(INTERVIEW), judging())

    assert rows(outcome.findings)[:4] == [
        ("liked", 0, "found", 0),
        ("in_character", 0, "found", 0),
        ("done", 0, "found", 0),
        ("fits", 0, "found", 0),
    ]
    assert [one.extraction_id for one in outcome.findings] == ["liked", "in_character", "done", "fits", "views"]
    why = {"confidence": 0.8, "justification": "It shows."}
    assert [one.values for one in outcome.findings[:4]] == [
        {"holds": True, **why},
        {"score": 7, **why},
        {"score": 7, **why},
        {"validation_score": 0.6, **why},
    ]


def test_the_calls_of_judgements_come_after_the_script_and_say_what_they_are_for() -> None:
    model = judging()

    outcome = run(study(INTERVIEW), model)

    assert [call.purpose for call in outcome.calls] == [
        *("act", "judge:liked", "judge:in_character", "judge:done"),
        *("validate:questions", "act", "act", "validate:verdict", "extract"),
    ]
    purposes = {call.key: call.purpose for call in outcome.calls}
    assert [purposes[one.call_key or ""] for one in outcome.findings] == [
        *("judge:liked", "judge:in_character", "judge:done", "validate:verdict", "extract"),
    ]
    assert len(outcome.calls) == study(INTERVIEW).design.calls_per_unit == 9
    assert study(INTERVIEW).design.acts_per_unit == 3


def test_judges_see_the_occasion_the_material_and_of_a_standard_claim_the_persona() -> None:
    model = judging()

    run(study(INTERVIEW), model)

    [check], [adherence, done] = model.named("check"), model.named("score")
    for asked in (check, adherence, done):
        assert "A kitchen in Ghent." in asked.system
        assert "A red hat." in asked.system
        assert "This is thing 0." in asked.text
    assert ["<persona>" in asked.text for asked in (check, adherence, done)] == [False, True, False]
    assert "This task was carried out in full: Say a price." in done.text


def test_nobody_remembers_having_been_judged() -> None:
    judged, plain = (
        run(study(INTERVIEW), judging()),
        run(study(INTERVIEW.split("judgements:", maxsplit=1)[0]), judging()),
    )

    assert [event.content for event in judged.events] == [event.content for event in plain.events]


def test_in_worlds_people_and_the_world_are_judged() -> None:
    outcome = run(study(WORLD), judging())

    assert rows(outcome.findings) == [
        ("apart", None, "found", 0),
        *(("fluent", seat, "found", 0) for seat in range(2)),
        *(("fits", seat, "found", 0) for seat in range(2)),
    ]
    assert len(outcome.calls) == study(WORLD).design.calls_per_unit == 2 * 2 + 1 + 2 + 2 * 3
    assert study(WORLD).design.acts_per_unit == 2 * 2 + 2
    # Mind by mind, whatever the order of the replies.
    assert [call.purpose for call in outcome.calls] == [
        *(["act", "act", "judge:fluent", "validate:questions", "act", "validate:verdict"] * 2),
        "judge:apart",
    ]


@pytest.mark.parametrize(
    ("said", "status", "reason", "has_key"),
    [
        (ChatReply(ReplyStatus.REFUSED, reason="no"), "refused", "the model refused: no", True),
        (ChatReply(ReplyStatus.TRUNCATED, reason="long"), "unreadable", "the reply was cut off: long", True),
        (verdict(12), "unreadable", "the reply could not be read", True),
        (GaveUp("too often"), "failed", "too often", False),
    ],
)
def test_a_judgement_that_cannot_be_had_is_a_row_that_says_why(
    said: Said, status: str, reason: str, has_key: bool
) -> None:
    outcome = run(study(INTERVIEW), judging(score=said))

    assert [one.status for one in outcome.findings[:4]] == ["found", status, status, "found"]
    missing = outcome.findings[1]
    assert missing.reason is not None
    assert missing.reason.startswith(reason)
    assert (missing.values, missing.number, missing.call_key is not None) == ({}, None, has_key)


def test_a_person_who_answers_nothing_cannot_be_validated() -> None:
    def say(asked: Asked) -> Said:
        return acts() if "A question" in asked.text else acts(talk("Well."))

    model = judging(questions=lambda _: {"questions": ["A question?", "A question more?"]})
    model._said = say

    outcome = run(study(INTERVIEW), model)

    fits = outcome.findings[3]
    assert (fits.status, fits.values) == ("unreadable", {})
    assert "the person answered none of the questions" in str(fits.reason)


def test_what_stops_the_job_stops_it_while_it_is_judged_too() -> None:
    with pytest.raises(BudgetSpent):
        run(study(WORLD), judging(score=BudgetSpent("cap")))


def test_a_conversation_that_was_stopped_is_not_judged() -> None:
    stopping = INTERVIEW.replace("script:", "on_failure: stop\nscript:")
    model = FakeModel([ChatReply(ReplyStatus.REFUSED, reason="no")])

    outcome = run(study(stopping), model)

    assert {(one.status, one.number) for one in outcome.findings} == {("not_run", None)}
    assert {one.reason for one in outcome.findings} == {
        "the conversation was stopped: the act after line 1 of the script ended as refused"
    }
    assert [one.extraction_id for one in outcome.findings] == ["liked", "in_character", "done", "fits", "views"]


def test_a_world_that_failed_is_not_judged() -> None:
    failing = study(WORLD.replace("steps: 2", "steps: 2\non_failure: fail"))

    outcome = run(failing, FakeModel([ChatReply(ReplyStatus.REFUSED, reason="no")]))

    assert [(one.extraction_id, one.seat) for one in outcome.findings] == [
        *(("apart", None), ("fluent", 0), ("fluent", 1), ("fits", 0), ("fits", 1)),
    ]
    assert {one.status for one in outcome.findings} == {"failed"}


@pytest.mark.parametrize("text", [INTERVIEW, WORLD, INTERVIEW.replace("questions: 2", "questions: 7")])
def test_planned_calls_hold_those_of_the_judgements(text: str) -> None:
    made = study(text)
    people = [person(number) for number in range(made.design.seats)]

    planned = made.planned_calls(Unit(0, "u", 0, 0, made.arm_of(0)), people, SETTINGS)

    assert len(planned) == made.design.calls_per_unit


def test_the_wording_of_claims_is_in_the_digests_of_a_plan() -> None:
    digests = study(INTERVIEW).prompt_digests

    standard = {one.name: one.claim for one in STANDARD_PROPOSITIONS}
    assert digests["simulation/act_claims"] == hashlib.sha256(orjson.dumps(dict(ACT_CLAIMS))).hexdigest()
    assert digests["simulation/standard_propositions"] == hashlib.sha256(orjson.dumps(standard)).hexdigest()
    assert {"simulation/judge_score.md", "simulation/judge_validation.md"} <= set(digests)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{id: a}", "claim, standard, validate are all missing; write exactly one of them"),
        ("{id: a, claim: C, standard: fluency}", "stand together: claim, standard; write exactly one of them"),
        ("{id: a, standard: task_completion}", "task_completion needs to know of which task; add `task:`"),
        ("{id: a, claim: C, task: T}", "task: only `standard: task_completion` has a task; remove it"),
        ("{id: a, claim: C, questions: 3}", "questions: nobody is asked anything about a claim"),
        ("{id: a, validate: V, as: check}", "as: a validation is a score from 0 to 1"),
        ("{id: a, claim: 'They like {{what}}.'}", "claim: nothing fills in {{what}} here; write the claim out"),
        ("{id: a, claim: C, about: world}", "about: there is no world in this study"),
        ("{id: a, standard: divergence}", "standard: divergence is a claim about several people; it fits studies of"),
        ("{id: a, claim: C}, {id: A, claim: D}", "this id stands twice among extraction and judgements"),
        ("{id: views, claim: C}", "this id stands twice among extraction and judgements"),
        ("{id: a, standard: fluent}", "fluency"),
    ],
)
def test_a_mistake_in_a_judgement_is_named_with_its_place_and_its_cure(text: str, message: str) -> None:
    head, rest = INTERVIEW.split("judgements:")
    extraction = rest[rest.index("extraction:") :]

    with pytest.raises(SpecError) as caught:
        spec_of(f"{head}judgements: [{text}]\n{extraction}")

    assert message in str(caught.value)
    assert "judgements[" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{id: a, standard: self_consistency, about: world}", "self_consistency is a claim about one person"),
        ("{id: a, validate: V, about: world}", "about: only people can be interviewed"),
        ("{id: a, standard: convergence}", "convergence is a claim about several people; write `about: world`"),
    ],
)
def test_in_worlds_a_claim_must_fit_its_target(text: str, message: str) -> None:
    with pytest.raises(SpecError) as caught:
        spec_of(f"{WORLD.split('judgements:', maxsplit=1)[0]}judgements: [{text}]")

    assert message in str(caught.value)


def test_a_field_of_an_extraction_cannot_have_the_name_and_not_the_type_of_a_judgements() -> None:
    with pytest.raises(SpecError) as caught:
        spec_of(INTERVIEW.replace("id: view, type: text", "id: Score, type: text"))

    assert "extraction[0].fields[0].id: `Score` is integer in the judgement `done` and text here" in str(caught.value)
