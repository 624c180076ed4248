from __future__ import annotations

from datetime import date

import pytest

from troupe_batch.llm.chat import Endpoint
from troupe_batch.llm.model_names import default_effort, named, shutdown_notes

DAY = date(2026, 11, 28)


def notes(model: str, identity: str = "openai", today: date = DAY) -> list[str]:
    return shutdown_notes([model], Endpoint(identity, model), today=today)


def test_a_model_that_leaves_within_90_days_is_named_with_its_day_and_what_to_name_instead() -> None:
    assert notes("gpt-4o-mini-2024-07-18") == [
        "model gpt-4o-mini-2024-07-18 will be shut down on 2027-01-14; name gpt-6-luna in its place"
    ]


def test_a_model_that_has_left_is_said_to_have_left() -> None:
    assert notes("gpt-4.1-nano") == ["model gpt-4.1-nano was shut down on 2026-10-23; name gpt-6-luna in its place"]
    assert notes("gpt-4.1", today=date(2027, 1, 14)) == [
        "model gpt-4.1 was shut down on 2027-01-14; name another model in its place"
    ]


def test_on_azure_the_date_is_said_to_be_another_ones() -> None:
    [note] = notes("gpt-4o", "azure/my-host")

    assert "2027-01-14 (OpenAI's date; Azure's is a later one)" in note


@pytest.mark.parametrize(
    ("model", "identity", "today"),
    [
        ("gpt-6-luna", "openai", DAY),
        ("gpt-5.1", "openai", DAY),  # its day is 124 days away
        ("gpt-4o-mini", "http://localhost:8000/v1", DAY),
        ("gpt-4o-mini", "openai", date(2026, 10, 15)),
        ("gpt-4o-mini-transcribe", "openai", DAY),
    ],
)
def test_nothing_is_said_where_no_near_day_is_known(model: str, identity: str, today: date) -> None:
    assert notes(model, identity, today) == []


def test_rehearsals_are_not_warned() -> None:
    assert shutdown_notes(["gpt-4o"], Endpoint("rehearsal/a/1", "gpt-4o", is_rehearsal=True), today=DAY) == []


def test_simulated_respondents_do_not_think_before_they_answer_where_the_model_would() -> None:
    assert default_effort("gpt-6-luna") == "none"
    assert default_effort("gpt-6-luna-2026-09-22") == "none"
    assert default_effort("gpt-4o-mini") is None
    assert default_effort("my-model") is None


def test_a_name_stands_for_its_dated_versions_alone() -> None:
    known = {"a": 1, "a-2025-01-01": 2}

    assert [named(known, name) for name in ("a", "a-2025-01-01", "a-2025-01-02", "a-pro", "b")] == [1, 2, 1, None, None]
