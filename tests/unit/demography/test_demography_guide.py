"""The guide to demographies does what it says, from top to bottom."""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path
from typing import Any

import pytest

from troupe_batch.cli.main import run_command
from troupe_batch.population import load_population

GUIDE = (Path(__file__).resolve().parents[3] / "docs" / "demography.md").read_text(encoding="utf-8")


async def test_the_guide_works_from_top_to_bottom(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "notes.txt").write_text("In our village 52 percent are women.")
    names: dict[str, Any] = {}

    for language, text in re.findall(r"^```(\w+)\n(.*?)^```$", GUIDE, re.DOTALL | re.MULTILINE):
        if language == "json":
            (tmp_path / "testland.json").write_text(text)
        elif language == "python":
            code = compile(text, "docs/demography.md", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
            ran = eval(code, names)  # noqa: S307 -- the guide's own code, as a notebook runs it
            if inspect.iscoroutine(ran):
                await ran

    told = capsys.readouterr().out
    assert "Political Affiliation -- they sum to 124.1" in told
    assert "5 of 5" in told
    assert names["first"].persona["particularities"] == "Moved to the town last year."
    assert len({person.person_id for person in [names["first"], *names["people"]]}) == 6


def test_the_commands_of_the_guide_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "notes.txt").write_text("In our village 52 percent are women.")
    [demography] = re.findall(r"^```json\n(.*?)^```$", GUIDE, re.DOTALL | re.MULTILINE)
    (tmp_path / "testland.json").write_text(demography)

    commands = re.findall(r"^\$ troupe (.+)$", GUIDE, re.MULTILINE)

    assert [run_command(command.split()) for command in commands] == [0] * 3
    assert load_population(tmp_path / "testland.yaml").spec.size == 2000
    assert (tmp_path / "village.yaml").exists()
