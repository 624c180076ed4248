"""The shape of the package: what it exports, what importing it does, how long its files are."""

import ast
import importlib.metadata
import subprocess
import sys
from pathlib import Path

import troupe_batch

PROJECT = Path(__file__).resolve().parents[2]
SOURCES = sorted((PROJECT / "troupe_batch").rglob("*.py")) + sorted((PROJECT / "workers").rglob("*.py"))
LONGEST_FILE = 500


def test_the_exported_names_are_exactly_the_intended_ones() -> None:
    assert set(dir(troupe_batch)) == {
        "Arm",
        "BudgetSpec",
        "Dataset",
        "InterviewSpec",
        "JobSpec",
        "ModelSpec",
        "MultiChoice",
        "Numeric",
        "OpenText",
        "Persona",
        "PopulationSpec",
        "PythonSpec",
        "Ranking",
        "Rating",
        "Result",
        "SingleChoice",
        "SurveySpec",
        "TinyPerson",
        "TinyPersonFactory",
        "TinySocialNetwork",
        "TinyWorld",
        "TroupeError",
        "WorldSpec",
        "connect",
        "control",
        "disconnect",
        "freeze",
        "run",
        "run_sync",
    }
    assert troupe_batch.__version__ == importlib.metadata.version("troupe_batch")


def test_importing_the_package_is_silent_and_light() -> None:
    code = (
        "import sys, troupe_batch; print(sorted({'pandas', 'celery', 'openai', 'redis', 'numpy'} & set(sys.modules)))"
    )

    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True)

    assert (done.stdout.strip(), done.stderr) == ("[]", "")


def test_no_file_is_longer_than_the_limit() -> None:
    tests = sorted((PROJECT / "tests").rglob("*.py"))

    assert {str(p): n for p in SOURCES + tests if (n := len(p.read_text().splitlines())) > LONGEST_FILE} == {}


def test_nothing_draws_from_a_process_wide_generator() -> None:
    for source in SOURCES:
        names = {alias.name for node in ast.walk(ast.parse(source.read_text())) for alias in _imported(node)}
        assert "random" not in names, source


def _imported(node: ast.AST) -> list[ast.alias]:
    return node.names if isinstance(node, ast.Import | ast.ImportFrom) else []
