"""What commands load: each of these libraries takes long to import, and none of these commands needs one."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.unit.cli.test_stopping import JOB, POPULATION
from troupe_batch.cli.main import run_command

CLIENTS = frozenset({"openai", "aiohttp", "httpx2", "redis", "celery", "kombu"})
PRICES = frozenset({"genai_prices"})
STATISTICS = frozenset({"pandas", "scipy"})
TABLES = frozenset({"numpy", "pyarrow", "jinja2"})
PEOPLE = frozenset({f"troupe_batch.{name}" for name in ("planning.plan", "studies.study", "simulation.mind")})
COMMANDS = {
    ("--help",): CLIENTS | STATISTICS | PRICES | TABLES | PEOPLE | {"pydantic", "asyncio"},
    ("plan", "tea.yaml", "--rehearse"): CLIENTS - {"httpx2"} | STATISTICS,  # the library of prices loads it
    ("status",): CLIENTS | STATISTICS | PRICES | TABLES | PEOPLE,
    ("status", "tea-rehearsal"): CLIENTS | STATISTICS | PRICES,
    ("verify", "tea-rehearsal"): CLIENTS | STATISTICS - {"pandas"} | PRICES,  # it reads the tables
}
LOADED = """
import json, sys
from troupe_batch.cli.main import run_command
code = run_command(sys.argv[1:])
print(json.dumps([code, sorted(sys.modules)]), file=sys.stderr)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("finished")
    (made / "town.yaml").write_text(yaml.safe_dump(POPULATION))
    (made / "tea.yaml").write_text(yaml.safe_dump(JOB))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(made)
        assert run_command(["run", "tea.yaml", "--rehearse", "--inline", "--json"]) == 0
    return made


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_loads_no_library_that_it_does_not_need(folder: Path, command: tuple[str, ...]) -> None:
    told = subprocess.run(
        [sys.executable, "-c", LOADED, *command], cwd=folder, capture_output=True, text=True, check=True
    )

    code, loaded = json.loads(told.stderr.splitlines()[-1])
    assert code == 0
    assert COMMANDS[command].isdisjoint(loaded)
