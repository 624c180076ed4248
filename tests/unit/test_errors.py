"""Errors between processes: what kind they are is a word of its own, whatever their classes are called."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path

import troupe_batch
from troupe_batch import errors
from troupe_batch.errors import FixTheInput, ProseMissing, StopReason, StopTheJob, TroupeError

# Redis, stored files and scripts hold these: a word may be added, and none may change.
WORDS = """
Other FixTheInput SpecError SettingsError PlanChanged ResultsDamaged TableMissing ProseMissing BudgetSpent
QuotaExhausted CredentialsRejected EndpointMissing EndpointMisaddressed EndpointStaysDown EndpointUnsuitable
WrongEndpoint WorkersFailed Interrupted
"""


def test_the_words_for_why_something_ended_stay_as_they_were_written() -> None:
    assert [str(reason) for reason in StopReason] == WORDS.split()


def test_each_error_that_ends_a_run_or_a_command_has_a_reason_of_its_own() -> None:
    ending = [kind for kind in _classes() if issubclass(kind, FixTheInput | StopTheJob | ProseMissing)]

    reasons = [kind.stop_reason for kind in ending if kind is not StopTheJob]

    assert sorted(reasons) == sorted(reason for reason in StopReason if reason is not StopReason.OTHER)


def test_no_code_knows_a_stop_by_its_word() -> None:
    words = {str(reason) for reason in StopReason} - {StopReason.OTHER}
    library = Path(troupe_batch.__file__).parent

    known = [
        f"{path.relative_to(library)}:{node.lineno}: {node.value}"
        for path in sorted(library.rglob("*.py"))
        if path.name != "errors.py"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and node.value in words
    ]

    assert not known, "compare with the StopReason instead"


def _classes() -> list[type[TroupeError]]:
    found = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, TroupeError)]
    return [kind for kind in found if kind.__module__ == errors.__name__]
