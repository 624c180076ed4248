"""Names of the library: one public name for one thing, and docstrings that begin with the thing they name."""

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
MODULES = {
    file: ast.parse(file.read_text(encoding="utf-8")) for file in sorted((PROJECT / "troupe_batch").rglob("*.py"))
}

TWICE = {"Fact", "Person"}
"""Words of the checks for contradictions that a judged call is about to replace."""


def test_a_public_name_of_a_type_stands_once() -> None:
    places = defaultdict(list)
    for file, module in MODULES.items():
        for name, line in _public_types(module):
            places[name].append(f"{file.relative_to(PROJECT)}:{line}")

    assert {name: found for name, found in places.items() if len(found) > 1 and name not in TWICE} == {}


def _public_types(module: ast.Module) -> Iterator[tuple[str, int]]:
    """Classes of every kind, aliases of types and new types at the top of a module."""
    for node in module.body:
        match node:
            case ast.ClassDef(name=name):
                pass
            case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)) if (
                not name.isupper()
            ):
                pass
            case _:
                continue
        if name[0].isupper():
            yield name, node.lineno
