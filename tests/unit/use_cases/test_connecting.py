from __future__ import annotations

from contextlib import AsyncExitStack

from tests.doubles.minds import FakeModel
from troupe_batch.llm.books import Books
from troupe_batch.llm.chat import Endpoint
from troupe_batch.simulation.mind import Mind
from troupe_batch.use_cases.connecting import Connection
from troupe_batch.wiring.model_stack import ModelStack


def connection(endpoint: Endpoint) -> Connection:
    model, resources = FakeModel(), AsyncExitStack()
    return Connection(Mind(model, endpoint), ModelStack(model, Books(), resources), resources)


def test_a_connection_shows_the_model_the_calls_and_what_they_cost() -> None:
    assert repr(connection(Endpoint("openai", "a-model"))) == "Connection('a-model', calls=0, spent_usd=0.0000)"
    assert repr(connection(Endpoint("rehearsal/x/0", "a-model", is_rehearsal=True))) == (
        "Connection('a-model', rehearsal, calls=0, spent_usd=0.0000)"
    )
