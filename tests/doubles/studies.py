"""What tests of interviews, worlds and Python studies share: specs from YAML, people, and a model that answers asks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from pydantic import BaseModel

from tests.doubles.minds import Asked, FakeModel, Said, acts, talk
from troupe_batch.llm.chat import ChatModel, Endpoint, Parameters
from troupe_batch.persona import Persona, Scalar
from troupe_batch.simulation.person.person import TinyPerson
from troupe_batch.spec_files import read_spec_text
from troupe_batch.studies import Study, Unit, UnitOutcome, UnitSettings, study_of
from troupe_batch.studies.interview import InterviewSpec
from troupe_batch.studies.python import PythonSpec
from troupe_batch.studies.world import WorldSpec

SETTINGS = UnitSettings(Endpoint("test", "a-model"), Parameters())
_SPECS: dict[str, type[BaseModel]] = {"interview": InterviewSpec, "world": WorldSpec, "python": PythonSpec}


def spec_of(text: str) -> Any:
    """The spec of a study in YAML; SpecError where the file would have one."""
    file = read_spec_text("s.yaml", text)
    spec: Any = file.parse(_SPECS[file.data["kind"]])
    if mistakes := [file.mistake(*mistake) for mistake in spec.mistakes()]:
        raise file.errors(mistakes)
    return spec


def study(text: str, *, seed: int = 1) -> Study:
    return study_of(spec_of(text), seed=seed)


def person(index: int, **facts: Scalar) -> TinyPerson:
    return TinyPerson.cast(index, Persona({"name": f"Ann {index}", **facts}), facts)


def run(
    asked: Study, model: ChatModel, *, case: int = 3, replicate: int = 0, settings: UnitSettings = SETTINGS
) -> UnitOutcome:
    """One unit, with people who take part in no other case. Raises what the unit died of."""
    unit = Unit(case, f"u{case}.{replicate}", case, replicate, asked.arm_of(case))
    people = [asked.in_seat(seat, person(case * asked.design.seats + seat)) for seat in range(asked.design.seats)]
    outcome = asyncio.run(asked.run_unit(unit, people, model, settings))
    if outcome.error is not None:
        raise outcome.error
    return outcome


def asked_in(request: Asked) -> list[str]:
    """The questions whose answers the reply is to hold."""
    schema = request.request.reply_schema
    assert schema is not None
    return [name for name in schema.schema["properties"] if name not in ("actions", "cognitive_state")]


def answering(answers: Mapping[str, Any], say: Callable[[Asked], Said] | None = None) -> FakeModel:
    """A model whose people say something new in each act, or what `say` makes of it, and give these typed answers."""

    def rule(request: Asked) -> Said:
        said = say(request) if say is not None else acts(talk(f"This is thing {request.number}."))
        if isinstance(said, dict):
            return {**said, **{name: answers[name] for name in asked_in(request)}}
        return said

    return FakeModel(rule)


class Facts:
    """The facts of a population as columns."""

    def __init__(self, **columns: Sequence[Scalar]) -> None:
        self._columns = columns

    def facts(self, start: int, stop: int) -> Mapping[str, Any]:
        return {name: np.array(values[start:stop]) for name, values in self._columns.items()}
