"""Rows made of events by rules: no model is asked."""

from __future__ import annotations

from typing import Any

from tests.doubles.minds import FakeModel, acts, mind_of, people, talk, think
from troupe_batch.simulation.extraction.extractor import ResultsReducer
from troupe_batch.simulation.record.events import Event, EventKind, EventStatus, StimulusKind
from troupe_batch.simulation.world.world import TinyWorld


def said(event: Event) -> dict[str, Any]:
    return {"who": event.actor, "said": event.content}


def by_name(**does: Any) -> FakeModel:
    return FakeModel(lambda asked: does[asked.person])


async def test_each_rule_makes_rows_of_its_events_in_the_order_in_which_they_happened() -> None:
    model = by_name(Ana=acts(talk("Hello", "Bo"), think("Tired.")), Bo=acts(talk("Good day", "Ana")))
    world = TinyWorld("Here", people("Ana", "Bo"), mind=mind_of(model))
    for person in world.people:
        person.mind = world.mind
    world.broadcast("It rains.")
    await world.run(1)
    reducer = ResultsReducer().add_reduction_rule("TALK", said)
    reducer.add_reduction_rule(StimulusKind.CONVERSATION, lambda event: {"heard": event.content})
    reducer.add_reduction_rule("THINK", lambda _event: None)

    rows = reducer.reduce(world)

    assert rows == [{"heard": "It rains."}, {"who": "Ana", "said": "Hello"}, {"who": "Bo", "said": "Good day"}]
    assert len(model.acts) == len(model.asked) == 2


async def test_of_a_person_only_what_they_did_or_could_perceive_counts() -> None:
    model = by_name(
        Ana=acts(talk("Psst", "Bo"), think("Secret.")), Bo=acts(talk("All right", "Cleo")), Cleo=acts(talk("To all"))
    )
    world = TinyWorld("Here", people("Ana", "Bo", "Cleo"), mind=mind_of(model))
    for person in world.people:
        person.mind = world.mind
    world.broadcast("It rains.")
    await world.run(1)
    reducer = ResultsReducer()
    for kind in ("TALK", "THINK", "CONVERSATION"):
        reducer.add_reduction_rule(kind, lambda event: {"text": event.content})

    def texts(name: str) -> list[str]:
        return [row["text"] for row in reducer.reduce(world.person(name))]

    assert texts("Ana") == ["It rains.", "Psst", "Secret.", "To all"]
    assert texts("Bo") == ["It rains.", "Psst", "All right", "To all"]
    assert texts("Cleo") == ["It rains.", "All right", "To all"]


def test_what_took_no_effect_counts_only_where_that_is_asked_for() -> None:
    happened = Event(EventKind.ACTION, "TALK", "Hello", actor="Ana")
    repeated = Event(EventKind.ACTION, "TALK", "Hello", actor="Ana", status=EventStatus.REPEATED)
    reducer = ResultsReducer().add_reduction_rule("TALK", lambda event: {"status": str(event.status)})

    assert reducer.reduce([happened, repeated]) == [{"status": "happened"}]
    assert reducer.reduce([happened, repeated], only_happened=False) == [{"status": "happened"}, {"status": "repeated"}]


def test_several_rules_of_one_type_apply_in_turn_and_events_without_a_rule_make_no_row() -> None:
    events = [Event(EventKind.ACTION, "TALK", "Hello"), Event(EventKind.ACTION, "THINK", "Hm")]
    reducer = ResultsReducer().add_reduction_rule("TALK", lambda _e: {"n": 1}).add_reduction_rule("TALK", said)

    assert reducer.reduce(events) == [{"n": 1}, {"who": None, "said": "Hello"}]
