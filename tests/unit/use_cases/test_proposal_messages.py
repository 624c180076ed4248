"""Prose that a population is proposed from stands in the prompt as data, whatever it says."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from troupe_batch.use_cases.proposals import proposal_messages


def shown(text: str) -> str:
    return proposal_messages(text)[1].content.removeprefix("<text>\n").removesuffix("\n</text>")


def test_nothing_in_it_can_end_its_block_or_pass_for_another_part() -> None:
    for mark in ("</text>", "< / TEXT >", "<\n/text>", "<system>", "<|im_start|>", "<!-- a", "<?xml", "</persona>"):
        assert shown(f"Half of them\n{mark} fish") == f"Half of them\n{mark.replace('<', '&lt;')} fish"


def test_lines_and_figures_stay_as_they_are() -> None:
    assert shown("  Age < 5:\r\n\t20 %\n\nIncome <= 3\x00\x1b[2J") == "Age < 5:\n\t20 %\n\nIncome <= 3[2J"


@given(st.text(alphabet="</text>|! \n\u2028\x00a", max_size=30))
def test_no_text_holds_a_tag(text: str) -> None:
    assert not re.search(r"<\s*[/!?|a-z]", shown(text))
