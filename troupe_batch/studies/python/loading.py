"""Function of a study written in Python: how it is found, and what is wrong where it cannot be one."""

from __future__ import annotations

import hashlib
import importlib
import inspect
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeAlias

from troupe_batch.errors import Mistake, SpecError
from troupe_batch.spec_files import did_you_mean

UnitFunction: TypeAlias = Callable[[Any], Awaitable[Any]]
"""`async def function(case)`."""

_PLACE = "study.function"

# Modules are the process's, and so is what their files were when they were imported: file -> spec and digest.
_IMPORTED: dict[Path, tuple[object, str]] = {}


def load_function(path: str) -> UnitFunction:
    """The function at `package.module:name`; SpecError where there is none, or it is not `async def name(case)`.

    Runs the code of its module: whoever calls this has allowed that.
    """
    module_name, _, name = path.partition(":")
    module = _imported(module_name)
    function = getattr(module, name, None)
    if function is None:
        known = [key for key, value in vars(module).items() if inspect.iscoroutinefunction(value)]
        raise _code_error(f"the module {module_name} has no {name}", did_you_mean(name, known) or "check the name")
    if not inspect.iscoroutinefunction(function):
        raise _code_error(f"{path} is no async function", f"write `async def {name}(case):`")
    found: UnitFunction = function
    if not _takes_one_argument(found):
        raise _code_error(f"{path} does not take exactly the case", f"write `async def {name}(case):`")
    return found


def source_digest(function: UnitFunction, path: str) -> str:
    """SHA-256 (hex) of the file that the function stands in, as it was imported; SpecError where it was edited since.

    Known from the first time on that a study of the file is made in this process.
    """
    defined = inspect.unwrap(function)
    try:
        file = Path(inspect.getsourcefile(defined) or "")
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
    except (OSError, TypeError) as error:
        raise _code_error(f"{path} has no source file that could be read", "define it in a file of its own") from error
    # Another spec is another import: the module was loaded anew, and so was its file.
    spec = getattr(sys.modules.get(defined.__module__), "__spec__", None)
    seen_spec, seen_digest = _IMPORTED.get(file, (None, ""))
    if file not in _IMPORTED or seen_spec is not spec:
        _IMPORTED[file] = (spec, digest)
    elif seen_digest != digest:
        problem = f"{file.name} was edited after this process imported it, and would be run as it was before"
        raise _code_error(problem, "restart the workers, or the kernel of the notebook")
    return digest


def _imported(name: str) -> object:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and (name == error.name or name.startswith(f"{error.name}.")):
            cure = "install it where workers run, or put the folder that holds it on PYTHONPATH"
            raise _code_error(f"there is no module {error.name}", cure) from error
        raise _code_error(f"the module {name} needs {error.name}, which is not there", "install it") from error
    except Exception as error:
        # The code is the user's, and may fail in any way when it is imported.
        problem = f"importing {name} fails: {type(error).__name__}: {error}"
        raise _code_error(problem, f"`python -c 'import {name}'` shows where") from error


def _takes_one_argument(function: UnitFunction) -> bool:
    try:
        inspect.signature(function).bind(object())
    except TypeError:
        return False
    return True


def _code_error(problem: str, cure: str) -> SpecError:
    return SpecError("job", [Mistake(problem, cure, _PLACE)])
