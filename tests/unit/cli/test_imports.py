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
ARROW = frozenset({"pyarrow", "troupe_batch.results.panel", "troupe_batch.results.dataset"})
PEOPLE = frozenset(
    {"numpy", "jinja2"} | {f"troupe_batch.{name}" for name in ("planning.plan", "studies", "simulation")}
)
OTHERS = frozenset({"troupe_batch.demography.compiling", "troupe_batch.truths", "troupe_batch.studies.world.runner"})
ALL = CLIENTS | PRICES | STATISTICS | ARROW | PEOPLE | OTHERS
# What none of them loads, and how many modules it loads at most.
COMMANDS = {
    ("--help",): (ALL | {"pydantic", "asyncio"}, 220),
    ("plan", "tea.yaml", "--rehearse"): (ALL - PEOPLE - PRICES - {"httpx2"}, 840),  # the library of prices loads it
    ("status",): (ALL, 420),
    ("status", "tea-rehearsal"): (ALL - PEOPLE, 800),
    ("results", "tea-rehearsal"): (ALL - PEOPLE - ARROW - {"pandas"}, 1_250),
    ("verify", "tea-rehearsal"): (ALL - PEOPLE - ARROW - {"pandas"}, 1_250),
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
    without, most = COMMANDS[command]
    assert without.isdisjoint(loaded)
    assert len(loaded) <= most


def test_a_run_loads_celery_and_the_clients_of_models_while_its_workers_start() -> None:
    code = "import sys, troupe_batch.cli.run; print(*sys.modules)"

    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()

    assert "troupe_batch.wiring.machine" in loaded
    assert (CLIENTS | STATISTICS | PRICES).intersection(loaded) == {"redis"}, "it is asked whether its server is up"
