"""All kinds of studies in a job file, and what each says about itself before it runs."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path
from typing import Any

import orjson
import pytest
from pydantic import TypeAdapter, ValidationError

from tests.doubles.studies import SETTINGS, Facts, person, spec_of
from troupe_batch import simulation
from troupe_batch.studies import (
    InterviewSpec,
    StudySpec,
    SurveySpec,
    Unit,
    UnitSettings,
    WorldSpec,
    is_python,
    study_of,
)

SPECS: TypeAdapter[StudySpec] = TypeAdapter(StudySpec)
QUESTION = {"id": "q", "type": "single", "text": "Which?", "options": ["A", "B"]}


def test_a_study_without_a_kind_is_a_survey() -> None:
    spec = SPECS.validate_python({"questions": [QUESTION]})

    assert isinstance(spec, SurveySpec)
    assert spec == SurveySpec.model_validate({"questions": [QUESTION]})
    assert spec.resolved(Path()) is spec
    assert not is_python(spec)


def test_the_kind_decides_which_fields_there_are() -> None:
    assert isinstance(SPECS.validate_python({"kind": "interview", "script": [{"ask": QUESTION}]}), InterviewSpec)
    assert isinstance(SPECS.validate_python({"kind": "world", "steps": 1, "people_per_world": 2}), WorldSpec)
    with pytest.raises(ValidationError, match="unknown kind of study 'interveiw'; did you mean `interview`"):
        SPECS.validate_python({"kind": "interveiw"})
    with pytest.raises(ValidationError, match="script"):
        SPECS.validate_python({"kind": "interview", "questions": [QUESTION]})


def test_a_spec_built_in_python_is_taken_as_it_is() -> None:
    spec = InterviewSpec.model_validate({"kind": "interview", "script": [{"say": "Hi"}]})

    assert SPECS.validate_python(spec) is spec


def test_a_spec_goes_through_json_unchanged() -> None:
    spec = SPECS.validate_python({"kind": "interview", "script": [{"ask": QUESTION}, {"say": "Hi", "when": {
        "question": "q", "is": "A"}}]})  # fmt: skip

    assert (
        SPECS.validate_python(orjson.loads(orjson.dumps(SPECS.dump_python(spec, mode="json", by_alias=True)))) == spec
    )


INTERVIEW = """
kind: interview
introduction: A kitchen.
script:
  - {say: Good morning.}
  - ask: {id: pick, type: single, text: Which?, options: [A, B, C]}
  - ask: {id: why, type: open, text: Why?}
    when: {question: pick, is: A}
  - ask: {id: why_not, type: open, text: Why not?}
    when: {question: pick, is_not: A}
  - ask: {id: chances, type: rating, text: How much?, labels: [Little, Some, Much]}
  - ask: {id: each, type: multi, text: Where?, options: [Home, Work]}
  - ask: {id: price, type: numeric, text: What price?, unit: euros, minimum: 0, maximum: 20}
extraction: [{id: a, objective: A, fields: [{id: x, type: category, text: X, labels: [B, C]}]}]
"""
WORLD = """
kind: world
people_per_world: 3
steps: 2
script: [{at: 2, ask: {id: pick, type: single, text: Which?, options: [A, B, C]}}]
interventions: [{name: a, when: {text: They agree.}, do: {say: Well.}}]
extraction:
  - {id: a, from: world, many: true, objective: A, fields: [{id: x, type: text, text: X}]}
  - {id: b, objective: B, fields: [{id: y, type: yes_no, text: Y}]}
"""
# Acts and extractions; in the world also one look at whether they agree.
OF_THE_INTERVIEW, OF_THE_WORLD = 7 + 1, 6 + 1 + 1 + 3


@pytest.mark.parametrize(("text", "people", "calls"), [(INTERVIEW, 1, OF_THE_INTERVIEW), (WORLD, 3, OF_THE_WORLD)])
def test_planned_calls_are_all_that_a_unit_would_make_and_their_replies_are_readable(
    text: str, people: int, calls: int
) -> None:
    study = study_of(spec_of(text), seed=1)
    members = [person(index) for index in range(people)]

    planned = study.planned_calls(Unit(0, "u", 0, 0), members, SETTINGS)

    assert len(planned) == calls
    for call in planned:
        schema = call.request.reply_schema
        assert schema is not None
        value = orjson.loads(call.example_reply)
        assert schema.problem(value) is None
        assert schema.check is None or schema.check(value) is None
    for one in members:
        assert any(one.block in call.request.messages[1].content for call in planned)


def test_calls_are_planned_from_inside_of_a_running_loop_too() -> None:
    study = study_of(spec_of(INTERVIEW), seed=1)

    async def plan() -> Any:
        return study.planned_calls(Unit(0, "u", 0, 0), [person(0)], SETTINGS)

    assert len(asyncio.run(plan())) == OF_THE_INTERVIEW


def test_example_acts_differ_so_that_none_is_left_out_as_a_repetition() -> None:
    study = study_of(spec_of("kind: interview\nscript: [" + "{say: Go on.}, " * 6 + "]"), seed=1)

    planned = study.planned_calls(Unit(0, "u", 0, 0), [person(0)], SETTINGS)

    assert planned[-1].request.messages[1].content.count("You said: ") == 5


def test_calls_per_unit_are_known_beforehand() -> None:
    assert study_of(spec_of(INTERVIEW), seed=1).design.calls_per_unit == OF_THE_INTERVIEW
    # A model is asked about the intervention before each of the two steps, if it does not hold in the first.
    assert study_of(spec_of(WORLD), seed=1).design.calls_per_unit == OF_THE_WORLD + 1


@pytest.mark.parametrize("text", [INTERVIEW, WORLD])
def test_every_template_that_people_can_meet_is_in_the_digests(text: str) -> None:
    digests = study_of(spec_of(text), seed=1).prompt_digests

    folder = Path(simulation.__file__).parent
    for path in folder.rglob("prompts/*.md"):
        name = f"{path.parent.parent.relative_to(folder.parent).as_posix()}/{path.name}"
        assert digests[name] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert {"studies/ask.md", "studies/premise.md", "survey/question.md", "simulation/act.md"} <= set(digests)


def test_what_a_study_says_about_itself() -> None:
    interview, world = (study_of(spec_of(text), seed=1) for text in (INTERVIEW, WORLD))

    assert (interview.design.seats, world.design.seats) == (1, 3)
    assert [(one.id, one.type) for one in interview.design.questions][:3] == [
        ("pick", "single"),
        ("why", "open"),
        ("why_not", "open"),
    ]
    assert interview.seating(Facts(), 9).cases == 9
    assert world.seating(Facts(), 10).cases == 3
    assert [(one.id, one.is_per_person, one.is_many) for one in world.design.extractions] == [
        ("a", False, True),
        ("b", True, False),
    ]
    assert interview.design.extractions[0].fields[0].labels == ("B", "C")


def test_arms_are_spread_evenly_over_worlds() -> None:
    text = WORLD + "arms: [{id: a, material: A}, {id: b, material: B}]\n"
    study = study_of(spec_of(text), seed=1)

    arms = [study.arm_of(case) for case in range(10)]

    assert arms.count("a") == arms.count("b") == 5
    assert (
        UnitSettings(SETTINGS.endpoint, SETTINGS.parameters).sample_of(Unit(1, "w", 1, 0, arms[1]))
        == f"0.1.{arms[1]}.0"
    )
