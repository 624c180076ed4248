"""One line of money on every screen: spent, cap, held, and the calls that are in doubt."""

from __future__ import annotations

from dataclasses import replace

import pytest

from troupe_batch.llm.spending import Spending
from troupe_batch.results.money_text import dollars, money_json, money_notes, money_text

ORDINARY = Spending(calls=100, cost_usd=1.23)
SILENT = replace(ORDINARY, silent_calls=12, uncertain_calls=12, expected_usd=0.01, uncertain_usd=0.03)


def said(spending: Spending, cap_usd: float | None = None, *, is_rehearsal: bool = False) -> str:
    return money_text(spending, cap_usd=cap_usd, is_rehearsal=is_rehearsal)


@pytest.mark.parametrize(
    ("usd", "text"),
    [(0, "$0.00"), (1234.5, "$1,234.50"), (0.1, "$0.10"), (0.0123, "$0.0123"), (0.000_012, "$0.000012")],
)
def test_small_amounts_have_the_digits_that_they_need(usd: float, text: str) -> None:
    assert dollars(usd) == text


def test_spent_cap_and_held_are_one_line() -> None:
    held = replace(ORDINARY, held_calls=3, held_usd=0.04)

    assert said(ORDINARY) == "$1.23"
    assert said(held, 5.0) == "$1.23 of at most $5.00, $0.0400 held for calls in flight"
    assert said(held, 5.0, is_rehearsal=True) == f"free (would cost {said(held, 5.0)})"


def test_calls_without_usage_are_named_with_what_they_cost_about_and_at_most() -> None:
    broken = replace(SILENT, uncertain_calls=13)
    without_likes = replace(SILENT, silent_calls=1, uncertain_calls=1, expected_usd=0.03)

    assert said(SILENT) == "$1.24, 12 calls without usage: about $0.0100, at most $0.0300"
    assert said(broken).endswith("12 calls without usage and 1 call broken off: about $0.0100, at most $0.0300")
    assert said(without_likes).endswith("1 call without usage: at most $0.0300")


def test_an_ordinary_run_has_no_notes() -> None:
    assert list(money_notes(SILENT, cap_usd=5.0)) == []


def test_an_endpoint_that_says_no_usage_is_named_after_ten_calls_with_the_setting_that_helps() -> None:
    silent = Spending(calls=10, silent_calls=10, uncertain_calls=10, uncertain_usd=0.5, expected_usd=0.5)

    [note] = money_notes(silent)

    assert "each of its calls counts at its worst case" in note
    assert "Budget.PROMPT_PRICE" in note
    assert list(money_notes(replace(silent, calls=11))) == []


def test_a_server_that_passes_its_limits_and_the_cap_is_named() -> None:
    over = replace(ORDINARY, over_calls=2, over_usd=0.25)

    first, second = money_notes(over, cap_usd=1.0)

    assert first.startswith("2 calls cost more than their requests allow, $0.25 together")
    assert second.startswith("the cost cap of $1.00 was passed by $0.23")


def test_scripts_read_the_same_money() -> None:
    found = money_json(replace(SILENT, held_usd=0.5), cap_usd=2.0)

    assert (found["cap_usd"], found["held_usd"], found["calls_without_usage"]) == (2.0, 0.5, 12)
    assert found["at_most_usd"] == pytest.approx(1.23 + 0.03 + 0.5)
    assert (found["in_doubt_usd"], found["in_doubt_at_most_usd"]) == (0.01, 0.03)
