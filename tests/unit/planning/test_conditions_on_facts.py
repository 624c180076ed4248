"""Conditions of surveys on facts of people: what facts there are to read, and that a plan carries all that it needs."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.doubles.studies import SETTINGS, person
from tests.unit.studies.conftest import ScriptedModel
from troupe_batch.errors import SpecError
from troupe_batch.llm.chat import ChatRequest, Endpoint
from troupe_batch.planning import Plan, load_job, make_plan, parse_job
from troupe_batch.planning.plan import differences

PROJECT = Path(__file__).resolve().parents[3]
PEOPLE: dict[str, Any] = {
    "schema": "troupe_batch/population/1",
    "id": "few",
    "size": 20,
    "sources": [],
    "dimensions": {
        "age": {"type": "numeric", "integer": True, "bins": {"18-39": 0.5, "40-79": 0.5}, "source": "assumption: x"},
        "schooling": {
            "type": "categorical",
            "values": {"school": 0.5, "bachelor": 0.3, "master": 0.2},
            "source": "assumption: x",
        },
        "helper": {"type": "categorical", "values": {"a": 0.5, "b": 0.5}, "hidden": True, "source": "assumption: x"},
        "habit": {"type": "text_pool", "values": [{"text": "walks"}, {"text": "runs"}], "source": "assumption: x"},
    },
    "derive": {"is_older": "age >= 40"},
}


def job(when: str | list[str], population: Any = PEOPLE, question: str = "q") -> str:
    questions = [
        {"id": question, "type": "open", "text": "Why?"},
        {"id": "last", "type": "open", "text": "Else?", "when": when},
    ]
    return yaml.safe_dump({"id": "small", "population": population, "study": {"questions": questions}}, sort_keys=False)


def planned(when: str | list[str], population: Any = PEOPLE, **changes: Any) -> Plan:
    loaded = parse_job(job(when, population, **changes), name="job.yaml", folder=PROJECT / "jobs")
    return make_plan(loaded, endpoint=Endpoint("test", "m"))


def asked(plan: Plan, **facts: Any) -> list[list[str]]:
    """The questions of each call to somebody with these facts."""

    def questions(request: ChatRequest) -> list[str]:
        assert request.reply_schema is not None
        return list(request.reply_schema.schema["properties"])

    model = ScriptedModel(lambda _, request: dict.fromkeys(questions(request), "So."))
    asyncio.run(plan.study.run_unit(plan.unit(0), [person(0, **facts)], model, SETTINGS))
    return [questions(request) for request in model.requests]


@pytest.mark.parametrize("when", ["age >= 40", "schooling >= 'bachelor'", "is_older", "not is_older or age < 50"])
def test_dimensions_and_derived_fields_are_read_in_the_order_of_the_population(when: str) -> None:
    plan = planned(when)

    assert asked(plan, age=45, schooling="master", is_older=True) == [["q", "last"]]
    assert (asked(plan, age=60, schooling="school", is_older=True) == [["q"]]) is (when[:3] in ("sch", "not"))


def test_a_stored_plan_asks_the_same_people_the_same() -> None:
    plan = planned("age >= 40")

    stored = Plan.from_json(plan.to_json())

    assert stored.digest == plan.digest
    assert asked(stored, age=20) == [["q"]]
    assert asked(stored, age=50) == [["q", "last"]]


def test_a_changed_condition_is_another_plan() -> None:
    old, new = planned("age >= 40"), planned("age >= 41")

    assert differences(old, new) == ["study.questions[1].when: 'age >= 40' -> 'age >= 41'"]


@pytest.mark.parametrize(
    ("when", "message"),
    [
        ("helper == 'a'", "there is no fact `helper` here; known here: age, habit, is_older, q, schooling"),
        ("habit == 'walk'", "`habit` has no category 'walk'; did you mean `walks`?"),
        ("age == 'old'", "`age` is a number and `'old'` is a category; write a number, without quotes"),
        ("schooling == 'PhD'", "`schooling` has no category 'PhD'; known here: bachelor, master, school"),
        ("agee > 3", "there is no fact `agee` here; did you mean `age`?"),
    ],
)
def test_a_fact_that_conditions_cannot_read_is_told_with_its_line(when: str, message: str) -> None:
    with pytest.raises(SpecError) as caught:
        planned(when)

    assert message in str(caught.value)
    assert "job.yaml:" in str(caught.value)
    assert ": study.questions[1].when: " in str(caught.value)


def test_a_question_of_the_name_of_a_fact_is_refused_where_a_condition_reads_it() -> None:
    with pytest.raises(
        SpecError, match="`habit` is a question, and a fact of people too; give the question another id"
    ):
        planned("mentions(habit, 'walk')", question="habit")

    assert asked(planned("age >= 40", question="habit"), age=50) == [["habit", "last"]]


def test_what_agent_files_state_are_facts_too() -> None:
    plan = planned("age >= 30", "../populations/three_consultants.yaml")

    assert asked(plan, age=29) == [["q"]]
    with pytest.raises(SpecError, match="there is no fact `agee` here; did you mean `age`"):
        planned("agee >= 30", "../populations/three_consultants.yaml")


def test_mistakes_of_conditions_are_told_together_with_those_of_the_rest(tmp_path: Path) -> None:
    spec = yaml.safe_load(job("agee > 3"))
    spec["people"] = 21
    (tmp_path / "job.yaml").write_text(yaml.safe_dump(spec), encoding="utf-8")

    with pytest.raises(SpecError) as caught:
        load_job(tmp_path / "job.yaml")

    assert len(caught.value.mistakes) == 2
