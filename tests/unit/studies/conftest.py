"""People and models for study tests: no network, every reply decided by the test."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from troupe_batch.llm.chat import ChatModel, ChatReply, ChatRequest, Endpoint, Parameters, ReplyStatus
from troupe_batch.persona import Persona
from troupe_batch.simulation.person.person import TinyPerson
from troupe_batch.studies import SurveyStudy, Unit, UnitOutcome, UnitSettings


@dataclass
class ScriptedModel:
    """Answers request number n with what `script` makes of (n, request): a value, a reply, or an error to raise."""

    script: Callable[[int, ChatRequest], Any]
    requests: list[ChatRequest] = field(default_factory=list)

    async def complete(self, request: ChatRequest) -> ChatReply:
        self.requests.append(request)
        said = self.script(len(self.requests) - 1, request)
        if isinstance(said, Exception):
            raise said
        return said if isinstance(said, ChatReply) else ChatReply(ReplyStatus.OK, value=said)


@pytest.fixture
def scripted() -> type[ScriptedModel]:
    return ScriptedModel


@pytest.fixture
def person() -> TinyPerson:
    return TinyPerson.cast(
        3, Persona({"name": "Ann Lee", "age": 34, "region": "South"}), {"age": 34, "region": "South"}
    )


@pytest.fixture
def settings() -> UnitSettings:
    return UnitSettings(Endpoint("test", "a-model"), Parameters(temperature=1.0))


@pytest.fixture
def ask(person: TinyPerson, settings: UnitSettings) -> Callable[[SurveyStudy, ChatModel], Awaitable[UnitOutcome]]:
    """Takes the person through a study."""

    def run(study: SurveyStudy, model: ChatModel) -> Awaitable[UnitOutcome]:
        unit = Unit(index=3, unit_id="p000003.0", case=3, replicate=0, arm=study.arm_of(3))
        return study.run_unit(unit, [person], model, settings)

    return run
