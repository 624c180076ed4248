"""What a terminal gets to see of text that others wrote."""

from __future__ import annotations

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from troupe_batch.shown_text import MOST_CHARACTERS, shown, shown_json, shown_line

ACTING = "\x00\x07\x08\x1b\x7f\x85\x9b\r\u200b\u200c\u200d\u200e\u2028\u202e\u2066\ufeff\ud800\U000e0041"


@given(st.text(alphabet=ACTING + "ab é[/]\\\n\t", max_size=40))
def test_nothing_that_acts_or_hides_is_left_and_nothing_is_lost(text: str) -> None:
    seen = shown(text)

    acting = {"Cc", "Cf", "Cs", "Zl", "Zp"}
    assert not [one for one in seen if one not in "\n\t" and unicodedata.category(one) in acting]
    plain = [one for one in text if one in "ab é[/]\\\n\t"]
    assert [one for one in seen if one in "é[/]\n\t "] == [one for one in plain if one in "é[/]\n\t "]
    assert "\n" not in shown_line(text)


@given(st.dictionaries(st.text(ACTING + "a\n", max_size=5), st.text(ACTING + 'é["\\\n\t', max_size=20), max_size=3))
def test_json_keeps_its_value_and_does_not_act(value: dict[str, str]) -> None:
    seen = shown_json(json.dumps(value, ensure_ascii=False, indent=2))

    assert json.loads(seen) == value
    assert seen.replace("\n", "").isprintable()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\x1b]0;title\x07", r"\x1b]0;title\x07"),
        ("\x1b]52;c;cGFzc3dk\x1b\\", "\\x1b]52;c;cGFzc3dk\\x1b\\"),
        ("\x9b31m", r"\x9b31m"),
        ("safe\u202egpj.exe", r"safe\u202egpj.exe"),
        ("pass\u200bword", r"pass\u200bword"),
        ("[bold]", "[bold]"),
    ],
)
def test_controls_are_spelled_out(text: str, expected: str) -> None:
    assert shown(text) == expected


@pytest.mark.parametrize("text", ["café", "می‌خواهم", "👩‍👩‍👧", "❤️‍🔥", "क्‍ष", "C:\\new", "two\nlines\tand a tab"])
def test_what_people_write_stays_as_it_is(text: str) -> None:
    assert shown(text) == text


def test_what_is_too_long_is_cut_and_says_so() -> None:
    assert shown("x" * (MOST_CHARACTERS + 5)).endswith("x… (5 more characters)")
    assert shown("x" * 10_000, None) == "x" * 10_000
