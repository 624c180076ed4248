"""A run of a study in Python where such studies are off: commands read it, and none runs a line of it."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.doubles.panels import POPULATION
from troupe_batch.cli.main import run_command

MODULE = "a_study_that_leaves_a_trace"
QUESTIONS = [{"id": "why", "type": "open", "text": "Why?"}]
STUDY = {"kind": "python", "function": f"{MODULE}:talk", "calls_per_unit": 1, "questions": QUESTIONS}
ON = "Simulation.ALLOW_PYTHON_STUDIES=true"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A project with a complete run of such a study; importing the module from now on leaves a file behind."""
    root = tmp_path_factory.mktemp("project")
    path = list(sys.path)
    module = root / f"{MODULE}.py"
    module.write_text("async def talk(case):\n    return {'why': 'because'}\n")
    (root / "small.yaml").write_text(yaml.safe_dump(POPULATION))
    write(root, "talks", study=STUDY)
    write(root, "asks", study={"questions": QUESTIONS}, wave={"number": 2, "after": "talks", "memory": "summary"})
    write(root, "asks_too", study={"questions": QUESTIONS}, wave={"number": 2, "after": "talks", "memory": "none"})
    with contextlib.chdir(root):
        assert run_command(["run", "talks.yaml", "--rehearse", "--inline", "--json", "--set", ON]) == 0
    sys.path[:] = path
    del sys.modules[MODULE]
    module.write_text(f"open({str(root / 'trace')!r}, 'w').close()\n" + module.read_text())
    yield root
    sys.path[:] = path


def write(root: Path, name: str, **fields: object) -> None:
    job = {"schema": "troupe_batch/job/1", "id": name.replace("_", "-"), "population": "small.yaml", **fields}
    (root / f"{name}.yaml").write_text(yaml.safe_dump(job))


@pytest.mark.parametrize(
    "words",
    [
        "status",
        "verify talks-rehearsal",
        "results talks-rehearsal",
        "documents talks-rehearsal documents",
        "plan asks.yaml --rehearse",
        "plan asks_too.yaml --rehearse",
        "run asks.yaml --rehearse --inline",
        "plan talks.yaml --rehearse",
        "run talks.yaml --rehearse --inline",
        "watch talks-rehearsal",
    ],
)
def test_no_command_runs_the_code_of_a_study_while_such_studies_are_off(
    folder: Path, monkeypatch: pytest.MonkeyPatch, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder)
    # Even where the module could be found.
    monkeypatch.syspath_prepend(folder)

    code = run_command(words.split())

    assert not (folder / "trace").exists()
    assert MODULE not in sys.modules
    said = capsys.readouterr().err
    if words.split(maxsplit=1)[0] in ("status", "verify", "results") or "asks" in words:
        assert code == 0, said
    elif "talks.yaml" in words:
        assert code == 2
        assert "Simulation.ALLOW_PYTHON_STUDIES (default) is off" in said
