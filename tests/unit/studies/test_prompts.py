from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from troupe_batch.llm.chat import ChatRequest, Role
from troupe_batch.rehearsal.prompt import Prompt
from troupe_batch.studies import (
    Arm,
    MultiChoice,
    Numeric,
    OpenText,
    Rating,
    SingleChoice,
    SurveySpec,
    SurveyStudy,
    Unit,
    UnitSettings,
)
from troupe_batch.studies.questions import form
from troupe_batch.studies.questions.form import QUESTION, Blank
from troupe_batch.studies.survey import instrument
from troupe_batch.studies.survey.instrument import TEMPLATES

LABELS = ["No", "Maybe", "Yes"]


def requests(spec: SurveySpec, person: Any, settings: UnitSettings) -> list[ChatRequest]:
    study = SurveyStudy(spec, seed=1)
    unit = Unit(3, "p000003.0", 3, 0, study.arm_of(3))
    return [call.request for call in study.planned_calls(unit, [person], settings)]


def test_the_system_text_is_the_same_for_everyone_in_an_arm_and_holds_no_persona(person: Any, settings: Any) -> None:
    arms = [Arm(id="a", material="A blue bottle."), Arm(id="b", material="A red bottle.")]
    spec = SurveySpec(introduction="About bottles.", arms=arms, questions=[OpenText(id="why", text="Why?")])
    study = SurveyStudy(spec, seed=1)

    systems: dict[str | None, set[str]] = {"a": set(), "b": set()}
    for index in range(20):
        unit = Unit(index, "u", index, 0, study.arm_of(index))
        [call] = study.planned_calls(unit, [person], settings)
        assert call.request.messages[0].role is Role.SYSTEM
        systems[unit.arm].add(call.request.messages[0].content)

    [blue], [red] = systems["a"], systems["b"]
    assert blue == red.replace("A red bottle.", "A blue bottle.")
    assert "About bottles." in blue
    assert "<material>\nA blue bottle.\n</material>" in blue
    assert "Ann Lee" not in blue


def test_rules_are_given_only_for_what_is_asked(person: Any, settings: Any) -> None:
    plain = SurveySpec(questions=[OpenText(id="why", text="Why?")])
    rich = SurveySpec(
        asking="question",
        questions=[
            Rating(id="buy", text="Buy?", labels=LABELS, dont_know="Don't know"),
            MultiChoice(id="when", text="When?", options=LABELS),
        ],
    )

    [plain_request] = requests(plain, person, settings)
    rich_request, _ = requests(rich, person, settings)

    for rule in ("asks for chances", "asks for yes or no", "Where not knowing", "Earlier messages"):
        assert rule not in plain_request.messages[0].content
        assert rule in rich_request.messages[0].content


def test_a_prompt_has_no_stray_blank_lines_and_no_trailing_space(person: Any, settings: Any) -> None:
    questions = [
        Rating(id="buy", text="Buy?", labels=LABELS, dont_know="Don't know"),
        SingleChoice(id="where", text="Where?", options=LABELS),
        MultiChoice(id="when", text="When?", options=LABELS, dont_know="Don't know"),
        Numeric(id="price", text="How much?", unit="euros", minimum=0.5, maximum=20, dont_know="No idea"),
        OpenText(id="why", text="Why?", words=12, dont_know="Nothing"),
    ]
    spec = SurveySpec(introduction="Hello.", arms=[Arm(id="a", material="X")], questions=questions)

    [request] = requests(spec, person, settings)

    for message in request.messages:
        assert "\n\n\n" not in message.content
        assert all(line == line.rstrip() for line in message.content.split("\n"))
    assert '(A number from 0.5 to 20, in: euros. For "No idea", null.)' in request.messages[1].content


def test_the_rehearsal_server_reads_persona_material_and_orders_from_these_prompts(person: Any, settings: Any) -> None:
    questions = [
        Rating(id="buy", text="Buy?", labels=LABELS, dont_know="Don't know"),
        SingleChoice(id="where", text="Where?", options=LABELS),
        MultiChoice(id="when", text="When?", options=LABELS, dont_know="Don't know"),
    ]
    spec = SurveySpec(arms=[Arm(id="a", material="A blue bottle.")], asking="question", questions=questions)
    study = SurveyStudy(spec, seed=1)

    for index in range(10):
        unit = Unit(index, "u", index, 0, "a")
        for call, group in zip(study.planned_calls(unit, [person], settings), study._instrument.groups, strict=True):
            prompt = Prompt([{"role": m.role, "content": m.content} for m in call.request.messages])
            [shown] = group.asked_of(unit).shown
            assert shown.order is not None
            assert prompt.facts == {"name": "Ann Lee", "age": "34", "region": "South"}
            assert prompt.material.strip() == "A blue bottle."
            assert tuple(prompt.shown(group.ids[0], sorted(shown.order))) == shown.order


def test_a_choice_of_one_label_has_one_shared_schema_whatever_the_order_shown(person: Any, settings: Any) -> None:
    study = SurveyStudy(SurveySpec(questions=[SingleChoice(id="q", text="Q?", options=LABELS)]), seed=1)

    calls = [study.planned_calls(Unit(n, "u", n, 0), [person], settings)[0].request for n in range(20)]

    assert len({id(call.reply_schema) for call in calls}) == 1
    assert len({call.messages[-1].content for call in calls}) == 6


def test_schemas_are_strict(person: Any, settings: Any) -> None:
    questions = [
        Rating(id="buy", text="Buy?", labels=LABELS, dont_know="Don't know"),
        Rating(id="pick", text="Buy?", labels=LABELS, elicitation="pick", dont_know="Don't know"),
        MultiChoice(id="when", text="When?", options=LABELS, dont_know="Don't know"),
        Numeric(id="price", text="How much?", unit="euros", minimum=0, maximum=20, integer=True),
        OpenText(id="why", text="Why?", dont_know="Nothing"),
    ]
    [request] = requests(SurveySpec(questions=questions), person, settings)
    assert request.reply_schema is not None
    schema: Any = request.reply_schema.schema

    for part in objects_in(schema):
        assert part["required"] == list(part["properties"])
        assert part["additionalProperties"] is False
    found = schema["properties"]
    assert sorted(found["buy"]["properties"]) == sorted([*LABELS, "Don't know"])
    assert found["buy"]["properties"]["No"] == {"type": "integer", "minimum": 0, "maximum": 100}
    assert found["pick"] == {"type": "string", "enum": [*LABELS, "Don't know"]}
    assert sorted(found["when"]["properties"]) == sorted([*LABELS, "dont_know"])
    assert found["price"] == {"type": "integer", "minimum": 0, "maximum": 20}
    assert found["why"] == {"anyOf": [{"type": "string"}, {"type": "null"}]}


def objects_in(schema: Any) -> list[Any]:
    if isinstance(schema, dict):
        own = [schema] if schema.get("type") == "object" else []
        return own + [part for value in schema.values() for part in objects_in(value)]
    return []


def test_text_reaches_the_prompt_as_it_is_without_escapes(person: Any, settings: Any) -> None:
    text = 'Est-ce que <vous> achèteriez « ça » & {{ pourquoi }} ? "50 %"'
    [request] = requests(SurveySpec(questions=[OpenText(id="why", text=text)]), person, settings)

    assert text in request.messages[1].content


def test_what_was_said_is_remembered_as_plain_json(person: Any, settings: Any) -> None:
    questions = [Numeric(id="n", text="How many?", unit="é", minimum=0, maximum=9), OpenText(id="why", text="Why?")]

    _, request = requests(SurveySpec(asking="question", questions=questions), person, settings)

    assert json.loads(request.messages[2].content) == {"n": 4.5}


def test_the_digest_of_each_template_is_that_of_its_file() -> None:
    folders = [Path(str(module.__file__)).parent / "prompts" for module in (form, instrument)]

    assert {**QUESTION.digests, **TEMPLATES.digests} == {
        f"survey/{path.name}": hashlib.sha256(path.read_bytes()).hexdigest()
        for folder in folders
        for path in folder.glob("*.md")
    }
    assert {"survey/system.md", "survey/question.md"} <= {*QUESTION.digests, *TEMPLATES.digests}


def test_a_blank_whose_template_leaves_a_hole_out_is_refused() -> None:
    with pytest.raises(ValueError, match=r"first_turn\.md must use questions, persona"):
        Blank(TEMPLATES, "first_turn.md", ("questions", "persona"))
