"""Faults spoil acts as they spoil answers, and in no other way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jsonschema_rs
import orjson
import pytest

from tests.unit.rehearsal.act_requests import act_request, act_schema
from troupe_batch.rehearsal import parse_faults
from troupe_batch.rehearsal.endpoint import RehearsalEndpoint

Make = Callable[..., RehearsalEndpoint]

SEEDS = range(40)


def _choices(endpoint: RehearsalEndpoint, ask: Any) -> list[dict[str, Any]]:
    return [orjson.loads(ask(endpoint, act_request(seed=seed)).body)["choices"][0] for seed in SEEDS]


def test_a_refused_act_says_so_in_place_of_actions(endpoint_with: Make, ask: Any) -> None:
    choices = _choices(endpoint_with(faults=parse_faults(["refusal"])), ask)

    assert all(choice["message"]["content"] is None for choice in choices)
    assert all(choice["message"]["refusal"].startswith("[rehearsal] ") for choice in choices)


@pytest.mark.parametrize(("fault", "finish_reason"), [("truncated", "length"), ("invalid_json", "stop")])
def test_an_act_that_breaks_off_or_is_garbled_is_no_json(
    endpoint_with: Make, ask: Any, fault: str, finish_reason: str
) -> None:
    choices = _choices(endpoint_with(faults=parse_faults([fault])), ask)

    for choice in choices:
        assert choice["finish_reason"] == finish_reason
        with pytest.raises(orjson.JSONDecodeError):
            orjson.loads(choice["message"]["content"])


def test_an_act_against_its_schema_is_json_that_the_schema_refuses(endpoint_with: Make, ask: Any) -> None:
    choices = _choices(endpoint_with(faults=parse_faults(["schema_violation"])), ask)

    validator = jsonschema_rs.validator_for(act_schema())
    values = [orjson.loads(choice["message"]["content"]) for choice in choices]
    assert not any(validator.is_valid(value) for value in values)
    assert any("actions" not in value for value in values)


def test_a_fault_that_is_over_leaves_the_act_that_would_have_been(endpoint_with: Make, ask: Any) -> None:
    sound, faulty = endpoint_with(), endpoint_with(faults=parse_faults(["invalid_json first 1"]))

    _choices(faulty, ask)

    assert _choices(faulty, ask) == _choices(sound, ask)
