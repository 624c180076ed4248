"""Names of the library: one public name for one thing, and docstrings that begin with the thing they name."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
FILES = sorted((PROJECT / "troupe_batch").rglob("*.py"))
MODULES = {file: ast.parse(file.read_text(encoding="utf-8")) for file in FILES}

QUESTION = re.compile(r"(How|If|What|When|Where|Whether|Which|Who|Whom|Whose|Why)\b")
NO_THING = re.compile(rf"(A|All|An|From|The)\b|{QUESTION.pattern}")
MECHANICS = re.compile(r"\A(Gets?|This|Function|Method|Computes?)\b|^(Args|Parameters|Returns):", re.MULTILINE)
ONE_WORD = re.compile(r"_[a-z]+")
# A word that helps in three modules says neither its object nor its form: `_number` becomes `_number_cell`.
MOST_MODULES = 2


def test_a_public_name_of_a_type_stands_once() -> None:
    places = defaultdict(list)
    for file, module in MODULES.items():
        for name, line in _types(module):
            places[name].append(f"{file.relative_to(PROJECT)}:{line}")

    assert {name: found for name, found in places.items() if len(found) > 1} == {}


def test_a_module_is_told_by_the_thing_that_it_holds() -> None:
    docs = {str(file.relative_to(PROJECT)): ast.get_docstring(module) or "" for file, module in MODULES.items()}

    assert {file: doc.split("\n")[0] for file, doc in docs.items() if NO_THING.match(doc)} == {}


def test_a_public_class_is_told_by_the_thing_that_it_is() -> None:
    classes = [
        (f"{file.relative_to(PROJECT)}:{node.lineno}", ast.get_docstring(node) or "")
        for file, module in MODULES.items()
        for node in module.body
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
    ]

    assert {place: doc.split("\n")[0] for place, doc in classes if QUESTION.match(doc)} == {}


def test_a_function_is_told_by_what_its_caller_gets() -> None:
    functions = [
        (f"{file.relative_to(PROJECT)}:{node.lineno}", ast.get_docstring(node) or "")
        for file, module in MODULES.items()
        for node in ast.walk(module)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]

    assert {place: doc.split("\n")[0] for place, doc in functions if MECHANICS.search(doc)} == {}


def test_a_private_function_of_one_word_is_no_habit() -> None:
    places = defaultdict(list)
    for file, module in MODULES.items():
        for node in module.body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and ONE_WORD.fullmatch(node.name):
                places[node.name].append(f"{file.relative_to(PROJECT)}:{node.lineno}")

    assert {name: found for name, found in places.items() if len(found) > MOST_MODULES} == {}


def _types(module: ast.Module) -> Iterator[tuple[str, int]]:
    """Public classes of every kind, aliases of types and new types at the top of a module."""
    for node in module.body:
        match node:
            case (
                ast.ClassDef(name=name)
                | ast.Assign(targets=[ast.Name(id=name)])
                | ast.AnnAssign(target=ast.Name(id=name))
            ) if name[0].isupper() and not name.isupper():
                yield name, node.lineno
            case _:
                pass
