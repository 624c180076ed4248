"""Doors of packages: what they offer, and that nothing of the library goes through one."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import troupe_batch

PROJECT = Path(__file__).resolve().parents[2]
STUBS = sorted((PROJECT / "troupe_batch").rglob("__init__.pyi"))
DOORS = {".".join(stub.parent.relative_to(PROJECT).parts): stub for stub in STUBS}


def _offered(door: str) -> dict[str, str]:
    """The modules that define what this door offers, by name."""
    tree = ast.parse(DOORS[door].read_text(encoding="utf-8"))
    imports = [node for node in tree.body if isinstance(node, ast.ImportFrom)]
    return {alias.name: str(node.module) for node in imports for alias in node.names}


@pytest.mark.parametrize("door", DOORS)
def test_every_name_in_the_stub_of_a_door_is_offered_and_found(door: str) -> None:
    package = importlib.import_module(door)

    assert dir(package) == sorted(_offered(door)) == package.__all__
    for name, home in _offered(door).items():
        assert getattr(package, name) is getattr(importlib.import_module(home), name)


@pytest.mark.parametrize("door", DOORS)
def test_no_name_on_offer_is_one_of_a_module_which_would_hide_it_once_imported(door: str) -> None:
    modules = {path.stem for path in DOORS[door].parent.iterdir()}

    assert modules.isdisjoint(_offered(door))


@pytest.mark.parametrize("name", ["TinyPersn", "__path_of_none__"])
def test_a_name_that_is_not_on_offer_is_an_attribute_error(name: str) -> None:
    with pytest.raises(AttributeError, match=f"module 'troupe_batch' has no attribute '{name}'"):
        getattr(troupe_batch, name)


def test_opening_doors_loads_no_module_behind_them() -> None:
    code = f"import sys, {', '.join(DOORS)}; print(*(name for name in sys.modules if name.startswith('troupe_batch')))"

    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True).stdout.split()

    assert {*loaded} <= {*DOORS, "troupe_batch.lazy_door", "troupe_batch.simulation.acting"}


def test_the_library_takes_each_name_from_the_module_that_defines_it() -> None:
    through_a_door = {
        f"{source.relative_to(PROJECT)}: {node.module}"
        for source in (PROJECT / "troupe_batch").rglob("*.py")
        for node in ast.walk(ast.parse(source.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom)
        and node.module in DOORS
        and not {alias.name for alias in node.names}.isdisjoint(_offered(node.module))
    }

    assert through_a_door == set()
