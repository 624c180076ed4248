"""What the wheel brings and what it asks for: one package, its data, and every library that its code imports."""

from __future__ import annotations

import ast
import importlib.metadata
import re
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from hatchling.builders.wheel import WheelBuilder

PROJECT = Path(__file__).resolve().parents[2]
PACKAGE = PROJECT / "troupe_batch"


def stated() -> dict[str, Any]:
    project: dict[str, Any] = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    return project


def named(requirements: list[str]) -> set[str]:
    return {canonical(re.split(r"[\s\[<>=!~;]", requirement, maxsplit=1)[0]) for requirement in requirements}


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def imported() -> dict[str, set[str]]:
    """Top-level module -> the files that import it, wherever in them."""
    found: dict[str, set[str]] = {}
    for file in PACKAGE.rglob("*.py"):
        for name in _modules(ast.parse(file.read_text(encoding="utf-8"))):
            found.setdefault(name.partition(".")[0], set()).add(str(file.relative_to(PROJECT)))
    return found


def _modules(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module


def test_every_library_that_is_imported_is_declared() -> None:
    project = stated()
    declared = named([*project["dependencies"], *chain(*project["optional-dependencies"].values())])
    providers = importlib.metadata.packages_distributions()
    undeclared = {}

    for module, files in imported().items():
        if module in sys.stdlib_module_names or module == "troupe_batch":
            continue
        # One that is not installed here is optional, and has the name of its distribution.
        if not declared & {canonical(name) for name in providers.get(module, [module])}:
            undeclared[module] = sorted(files)

    assert undeclared == {}


def test_kombu_brings_what_its_redis_transport_imports() -> None:
    kombu = next(line for line in stated()["dependencies"] if line.startswith("kombu"))

    assert kombu.startswith("kombu[redis]")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    [path] = WheelBuilder(str(PROJECT)).build(directory=str(tmp_path_factory.mktemp("dist")), versions=["standard"])
    return zipfile.ZipFile(path)


def test_nothing_but_the_package_goes_into_site_packages(wheel: zipfile.ZipFile) -> None:
    top_level = {name.partition("/")[0] for name in wheel.namelist()}

    assert {name for name in top_level if not name.endswith(".dist-info")} == {"troupe_batch"}


def test_every_file_of_the_package_is_in_the_wheel(wheel: zipfile.ZipFile) -> None:
    files = {
        str(file.relative_to(PROJECT))
        for file in PACKAGE.rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }

    assert files - set(wheel.namelist()) == set()


def test_a_checkout_still_has_an_app_for_celery_by_hand() -> None:
    code = (PROJECT / "workers" / "celery_app.py").read_text(encoding="utf-8")

    assert "from troupe_batch.worker.celery_app import app" in code
