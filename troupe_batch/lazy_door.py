"""Door of a package: its names stand in its stub, and are loaded when they are asked for."""

from __future__ import annotations

import ast
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any


def lazy_door(package: str, file: str) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """`__getattr__` and `__dir__` of a package: what its `__init__.pyi` imports, from where that says.

    The stub is the one list of what a package offers: type checkers read it, and so does this. To import a module of
    the package costs that module alone; the library itself takes every name from the module that defines it.
    """

    @cache
    def homes() -> dict[str, str]:
        stub = ast.parse(Path(file).with_suffix(".pyi").read_text(encoding="utf-8"))
        imports = [node for node in stub.body if isinstance(node, ast.ImportFrom)]
        return {alias.name: node.module or "" for node in imports for alias in node.names}

    def named(name: str) -> Any:
        if name == "__all__":
            return sorted(homes())
        # Python asks for names like `__path__` again and again: no stub has one.
        if name.startswith("__") or name not in homes():
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(__import__(homes()[name], fromlist=[name]), name)

    return named, lambda: sorted(homes())
