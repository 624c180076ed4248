"""The door to the terminal: what is shown is whole, whatever its width."""

from __future__ import annotations

import io
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from troupe_batch.cli.main import run_command
from troupe_batch.terminal import SafeText, Terminal, TextTable

WORDS = st.text("ab [/]é", min_size=1, max_size=30)


@given(st.lists(st.tuples(WORDS, WORDS, WORDS), min_size=1, max_size=3), st.integers(20, 80))
def test_a_table_loses_no_character_of_a_cell_at_any_width(rows: list[tuple[str, str, str]], width: int) -> None:
    table = TextTable("head of one", "two", "three", box=None)
    for one, two, three in rows:
        table.add_row(one, SafeText(two), three)
    terminal = Terminal(file=io.StringIO(), width=width)

    terminal.print(table)

    assert isinstance(terminal.file, io.StringIO)
    given_text = "".join(["head of one", "two", "three", *("".join(row) for row in rows)])
    assert _counted(terminal.file.getvalue()) == _counted(given_text)


def _counted(text: str) -> Counter[str]:
    return Counter("".join(text.split()))


def test_commands_cut_no_label_and_no_figure_on_a_narrow_terminal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "60")
    assert run_command(["init", "long_name_of_a_study"]) == 0
    capsys.readouterr()

    for words in (
        ["plan", "jobs/long_name_of_a_study.yaml"],
        ["population", "populations/long_name_of_a_study.yaml", "--no-html"],
        ["population", "profile", "populations/long_name_of_a_study.yaml"],
        ["config"],
    ):
        assert run_command(words) == 0

        assert "…" not in capsys.readouterr().out
