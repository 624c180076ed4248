"""Prompts on record: other words reach a model only under another digest, so that no run mixes two of them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import troupe_batch
from tests.unit.prompts.recording import FOLDER, NAMES, is_mixed, record

LIBRARY = Path(troupe_batch.__file__).parent
# Whatever is written for a model in Python is written in one of these.
WRITERS = (
    "simulation/acting", "simulation/record/memory.py", "simulation/record/mental_state.py",
    "simulation/record/transcript.py", "simulation/judging", "simulation/world/routing.py",
    "simulation/person/validator.py", "simulation/extraction", "studies/asking.py", "studies/minds.py",
    "persona/block.py", "factory/enrichment.py", "factory/full_persona.py", "factory/judging.py", "planning/waves.py",
)  # fmt: skip
NOT_ON_RECORD = Path(__file__).with_name("not_on_record.txt")


@pytest.mark.parametrize("name", NAMES)
async def test_what_reaches_a_model_is_on_record(name: str) -> None:
    before, now = (FOLDER / f"{name}.txt").read_text(encoding="utf-8"), await record(name)

    assert not is_mixed(before, now), "other words under the same digest: raise a version in planning/word_digests.py"
    assert now == before, "write the record anew: python -m tests.unit.prompts.recording"


def test_no_record_is_of_a_plan_that_is_gone() -> None:
    assert {path.stem for path in FOLDER.iterdir()} == set(NAMES)


def test_each_sentence_where_prompts_are_written_is_on_record_or_listed() -> None:
    """A new one is brought into a job or scene of this folder; what no model reads is listed by hand."""
    shown = " ".join(" ".join(path.read_text(encoding="utf-8") for path in FOLDER.iterdir()).split()).casefold()
    listed = {line for line in NOT_ON_RECORD.read_text(encoding="utf-8").splitlines() if not line.startswith("# ")}

    found = {sentence for path in _writers() for sentence in _sentences(path) if sentence.casefold() not in shown}

    assert not found - listed, "bring these into tests/unit/prompts/jobs.py or scenes.py"
    assert not listed - found, "these are gone, or on record: take them out of not_on_record.txt"


def _writers() -> Iterator[Path]:
    for name in WRITERS:
        path = LIBRARY / name
        assert path.exists(), f"{name} has moved: say where prompts are written now"
        yield from sorted(path.rglob("*.py")) if path.is_dir() else [path]


def _sentences(path: Path) -> Iterator[str]:
    """Texts of several words in the code, and the parts of those that values stand in; no errors for users, no logs."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    left_out = {id(inside) for node in ast.walk(tree) if _is_for_users(node) for inside in ast.walk(node)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in left_out:
            sentence = " ".join(node.value.split())
            if " " in sentence and len(re.findall(r"[A-Za-z]{2,}", sentence)) >= 2:
                yield sentence


def _is_for_users(node: ast.AST) -> bool:
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Constant)
    if not isinstance(node, ast.Call):
        return False
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    return name in ("FixTheInput", "Field", "Mistake", "warning", "error", "info", "exception") or "Error" in name
