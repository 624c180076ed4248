"""Specs built in Python: mistakes have a place and a cure, as in files."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

import troupe_batch
from troupe_batch import (
    Arm,
    BudgetSpec,
    InterviewSpec,
    JobSpec,
    ModelSpec,
    Numeric,
    OpenText,
    PopulationSpec,
    PythonSpec,
    Rating,
    SingleChoice,
    SurveySpec,
    WorldSpec,
)
from troupe_batch.errors import SpecError

EXPORTED = {name: getattr(troupe_batch, name) for name in dir(troupe_batch)}
SPECS = [name for name, one in EXPORTED.items() if isinstance(one, type) and issubclass(one, BaseModel)]
ASKED = OpenText(id="why", text="Why?")


@pytest.mark.parametrize(
    ("build", "told"),
    [
        (
            lambda: Rating(id="likely", text="How?", labels=["one"]),
            "Rating 'likely': labels: at least 2 items belong here; there is only one",
        ),
        (
            lambda: SurveySpec(questions=[ASKED, {"id": "b", "type": "singel", "text": "?"}]),
            "SurveySpec: questions[1]: unknown question type 'singel'; did you mean `single`?",
        ),
        (
            lambda: SurveySpec(questions=(ASKED, {"id": "b", "type": "single", "text": "?", "options": ["a"]})),
            "SurveySpec: questions[1].options: at least 2 items belong here; there is only one",
        ),
        (
            lambda: JobSpec(id="x", population="p.yaml", study=SurveySpec(questions=[ASKED]), modle={}),  # type: ignore[call-arg] # that is the mistake
            "JobSpec 'x': modle: unknown field 'modle'; did you mean `model`?",
        ),
        (lambda: ModelSpec(temperature=9.0), "ModelSpec: temperature: 9 is too large; write a number from 0 to 2"),
        (
            lambda: BudgetSpec(max_usd=-1.0),
            "BudgetSpec: max_usd: -1 is too small; write a number from 0 to 1,000,000,000",
        ),
        (
            lambda: SingleChoice(id="q", text="?"),  # type: ignore[call-arg] # that is the mistake
            "SingleChoice 'q': options: this field is required; add `options:`",
        ),
        (
            lambda: Numeric(id="n", text="?", unit="x", minimum=5, maximum=1),
            "Numeric 'n': maximum: maximum (1) must be greater than minimum (5)",
        ),
        (
            lambda: PopulationSpec(id="p", size=3, dimensions={"sex": {"type": "categorical", "values": {"f": 1.0}}}),
            "PopulationSpec 'p': dimensions.sex.source: this field is required; add `source:`",
        ),
        (lambda: Arm(id="a", material=""), "Arm 'a': material: this is empty; write text"),
        (
            lambda: WorldSpec(people_per_world=0, steps=1, script=[]),
            "WorldSpec: people_per_world: 0 is too small; write a number from 1 to 1,000",
        ),
        (lambda: InterviewSpec(script=[{"say": ""}]), "InterviewSpec: script[0].say: this is empty; write text"),
    ],
)
def test_a_mistake_in_a_spec_has_its_place_and_cure(build: Callable[[], Any], told: str) -> None:
    with pytest.raises(SpecError) as caught:
        build()

    assert told in str(caught.value).splitlines()
    assert isinstance(caught.value.__cause__, ValidationError)


@pytest.mark.parametrize("name", SPECS)
def test_no_exported_spec_raises_what_pydantic_says(name: str) -> None:
    exported = getattr(troupe_batch, name)

    with pytest.raises(SpecError, match=rf"(?m)^{name}: no_such_field: unknown field"):
        exported(no_such_field=1)


def test_all_mistakes_are_told_at_once() -> None:
    with pytest.raises(SpecError) as caught:
        Arm(id="a b", material="")

    assert [mistake.place for mistake in caught.value.mistakes] == ["id", "material"]


def test_a_python_study_of_no_function_is_told() -> None:
    with pytest.raises(SpecError, match="PythonSpec: function"):
        PythonSpec(function="")


def test_what_is_read_from_files_is_told_by_the_file() -> None:
    with pytest.raises(ValidationError):
        Rating.model_validate({"id": "q", "text": "?", "labels": ["one"]})
