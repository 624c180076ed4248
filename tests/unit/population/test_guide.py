"""The guide's files load and its code runs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from troupe_batch.population import resolve_population
from troupe_batch.spec_files import read_spec_text

PROJECT = Path(__file__).resolve().parents[3]
GUIDE = (PROJECT / "docs" / "populations.md").read_text(encoding="utf-8")


def fences(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", GUIDE, flags=re.DOTALL)


@pytest.mark.parametrize("text", fences("yaml"), ids=["small", "by name"])
def test_each_population_file_of_the_guide_loads(text: str) -> None:
    people = resolve_population(read_spec_text("guide.yaml", text), PROJECT / "populations").population

    assert len(people.names(0, 2)) == 2


def test_the_python_of_the_guide_runs(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(PROJECT)

    for code in fences("python"):
        exec(compile(code, "docs/populations.md", "exec"), {})  # noqa: S102 # the guide's own code

    assert "<persona>\n- name: " in capsys.readouterr().out
