"""docs/architecture.md, held against the code it speaks of."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[2]
PAGE = (PROJECT / "docs" / "architecture.md").read_text(encoding="utf-8")


def test_the_map_shows_the_layers_of_the_contract_in_their_order() -> None:
    [layers] = [contract["layers"] for contract in _contracts() if contract["id"] == "layers"]
    drawn = re.search(r"## The layers.*?```text\n(.*?)```", PAGE, re.DOTALL)

    assert drawn
    assert [re.split(r"\s{2,}", line)[0] for line in drawn[1].splitlines()] == layers


def test_the_page_names_every_class_of_the_family_of_runs() -> None:
    classes = {
        node.name
        for file in (PROJECT / "troupe_batch").rglob("*.py")
        for node in ast.parse(file.read_text(encoding="utf-8")).body
        if isinstance(node, ast.ClassDef) and re.match(r"Run([A-Z]|$)", node.name)
    }
    section = PAGE.split("## The family of `Run…`")[1].split("## ")[0]

    assert set(re.findall(r"`(Run\w*)`", section)) == classes


def test_each_promise_names_tests_that_are_there() -> None:
    rows = [line for line in PAGE.split("## The promises")[1].splitlines() if line.startswith("| ")][1:]

    assert len(rows) >= 13
    for row in rows:
        guards = re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", row)
        assert guards, row
        for file, name in guards:
            assert re.search(rf"def {name or 'test_'}", (PROJECT / file).read_text(encoding="utf-8")), f"{file}::{name}"


def test_files_that_the_page_and_the_guide_for_contributors_name_are_there() -> None:
    for text in (PAGE, (PROJECT / "CONTRIBUTING.md").read_text(encoding="utf-8")):
        for path in re.findall(r"`((?:troupe_batch|tests|docs|workers|jobs|populations|wiring|\.ci)/[\w/.]*)`", text):
            known = [PROJECT / path, PROJECT / "troupe_batch" / path]
            assert any(place.exists() for place in known), path


def _contracts() -> list[dict[str, Any]]:
    settings = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts: list[dict[str, Any]] = settings["tool"]["importlinter"]["contracts"]
    return contracts
