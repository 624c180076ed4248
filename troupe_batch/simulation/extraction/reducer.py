"""Rows made of events by rules of the user's own: no model, no calls, the same every time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Self, TypeAlias

from troupe_batch.simulation.people import Observed, is_person
from troupe_batch.simulation.record.events import ActionKind, Event, EventKind, EventStatus

ReducerRule: TypeAlias = Callable[[Event], Mapping[str, Any] | None]


class ResultsReducer:
    """Turns events into rows: each rule makes a row, or None, of each event of its type."""

    def __init__(self) -> None:
        self._rules: dict[str, list[ReducerRule]] = {}

    def add_reduction_rule(self, trigger: str, rule: ReducerRule) -> Self:
        """Apply `rule` to events of this type: an action such as TALK, or a stimulus such as CONVERSATION.

        Several rules of one type apply in the order in which they were added.
        """
        self._rules.setdefault(str(trigger), []).append(rule)
        return self

    def reduce(self, source: Observed | Iterable[Event], *, only_happened: bool = True) -> list[dict[str, Any]]:
        """The rows of a world, a person or a list of events, in the order in which things happened.

        Of a person: what they did, and what was done or said to them or to everyone there. Talk that reached nobody,
        repeated actions and failures count with `only_happened=False`; the rule sees their `status`.
        """
        counted = (one for one in _events(source) if not only_happened or one.status is EventStatus.HAPPENED)
        made = (rule(event) for event in counted for rule in self._rules.get(str(event.type), ()))
        return [dict(row) for row in made if row is not None]


def _events(source: Observed | Iterable[Event]) -> Iterable[Event]:
    if isinstance(source, Iterable):
        return source
    if not is_person(source):
        return source.journal.events
    # In a world, people share its journal.
    return [event for event in source.journal.events if _concerns(event, source.person_id)]


def _concerns(event: Event, person_id: str) -> bool:
    if person_id in (event.actor_id, event.target_id):
        return True
    # Thoughts and the use of tools have no target either, and are nobody else's.
    is_for_everyone = event.kind is not EventKind.ACTION or event.type == ActionKind.TALK
    return event.target_id is None and is_for_everyone and event.kind is not EventKind.FAILURE
