"""A world as plain data and back: what its journal, its roster and its record of failures hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any

from troupe_batch.errors import FixTheInput
from troupe_batch.simulation.record.events import Event, EventKind, EventStatus

SCHEMA = "troupe_batch/world-state/1"

_DEFAULTS = {"status": EventStatus.HAPPENED, "details": {}}
_FIELDS = tuple(field.name for field in fields(Event))


def events_as_data(events: Sequence[Event]) -> list[dict[str, Any]]:
    """Each event as a mapping of JSON values, without what is as it always is."""
    return [_event_as_data(event) for event in events]


def events_from_data(data: Sequence[Mapping[str, Any]]) -> list[Event]:
    """The events that `events_as_data` was given."""
    return [_event_from_data(one) for one in data]


def check_schema(data: Mapping[str, Any], kind: str) -> None:
    """FixTheInput where the data are no state of such a world."""
    schema = data.get("schema")
    if schema != SCHEMA:
        raise FixTheInput(f"this is no state of a world that this version reads: schema is {schema!r}, not {SCHEMA!r}")
    if data.get("kind") != kind:
        raise FixTheInput(f"this is the state of a {data.get('kind')}, not of a {kind}; restore it with its own class")


def _event_as_data(event: Event) -> dict[str, Any]:
    data: dict[str, Any] = {}
    for name in _FIELDS:
        value = getattr(event, name)
        if value is None or value == _DEFAULTS.get(name):
            continue
        if isinstance(value, datetime):
            data[name] = value.isoformat()
        elif isinstance(value, Mapping):
            data[name] = dict(value)
        else:
            data[name] = str(value) if isinstance(value, EventKind | EventStatus) else value
    return data


def _event_from_data(data: Mapping[str, Any]) -> Event:
    values = dict(data)
    values["kind"] = EventKind(values["kind"])
    values["status"] = EventStatus(values.get("status", EventStatus.HAPPENED))
    if "simulated_time" in values:
        values["simulated_time"] = datetime.fromisoformat(values["simulated_time"])
    return Event(**values)
