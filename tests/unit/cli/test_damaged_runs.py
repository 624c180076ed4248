"""What others have put into the folder of results: every command says so, and no run spoils another."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.unit.cli.test_stopping import JOB, POPULATION
from troupe_batch.cli.main import run_command

RUN = "tea-rehearsal"
COMMANDS = (("status",), ("status", RUN), ("results", RUN), ("verify", RUN), ("failed", RUN))
FILES = (
    "plan/plan.json",
    "ledger/000000.json",
    "ledger/000003.json",
    "dataset/manifest.json",
    "stop.json",
    "quarantine/000001.json",
    "spend",
)
NASTY: tuple[Any, ...] = (None, True, -1, 0, 2**63, 1.5, 1e308, "x", "", "../../x", [], {}, [[]], {"a": {"b": 1}})


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("finished")
    (folder / "town.yaml").write_text(yaml.safe_dump(POPULATION))
    (folder / "tea.yaml").write_text(yaml.safe_dump(JOB))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert run_command(["run", "tea.yaml", "--rehearse", "--inline", "--json"]) == 0
    run = folder / "runs" / "tea-rehearsal"
    # Of a run that is not complete everything is read: a shard is open, one is set aside, and there is a stop.
    (run / "ledger" / "000001.json").unlink()
    (run / "quarantine").mkdir()
    (run / "quarantine" / "000001.json").write_text('{"reason": "it failed"}')
    (run / "stop.json").write_text(
        '{"error": "Interrupted", "reason": "on request", "at": "2026-01-01T00:00:00+00:00"}'
    )
    return folder


@pytest.fixture
def here(finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(finished, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", FILES)
def test_a_forged_or_damaged_file_is_a_message_in_every_command(
    here: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    run = here / "runs" / "tea-rehearsal"
    file = next((run / name).iterdir()) if name == "spend" else run / name
    whole = file.read_bytes()
    chance = random.Random(name)  # noqa: S311 -- the same mutations each time

    for changed in [*_cut(whole), *[_mutated(whole, chance) for _ in range(12)]]:
        file.write_bytes(changed)
        for command in COMMANDS:
            code = run_command([*command])

            said = capsys.readouterr()
            assert code in (0, 1, 2, 4), said.err
            assert "Traceback" not in said.err + said.out


def test_what_is_no_run_is_passed_over_and_a_damaged_run_spoils_no_other(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = here / "runs"
    (runs / "lost+found").mkdir()
    (runs / "photos" / "2024").mkdir(parents=True)
    (runs / "photos" / "2024" / "a.jpg").write_bytes(b"x")
    shutil.copytree(runs / "tea-rehearsal", runs / "broken")
    (runs / "broken" / "plan" / "plan.json").write_text("{")

    code = run_command(["status", "--json"])

    found = {one["run_id"]: one for one in json.loads(capsys.readouterr().out)}
    assert code == 0
    assert sorted(found) == ["broken", "tea-rehearsal"]
    assert "plan/plan.json" in found["broken"]["problem"]
    assert (found["tea-rehearsal"]["committed"], found["tea-rehearsal"]["shards"]) == (11, 12)
    assert run_command(["status", "broken"]) == 1


@pytest.mark.usefixtures("here")
def test_status_tells_units_cost_rate_and_failures(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["status", "tea-rehearsal", "--json"]) == 0

    [found] = json.loads(capsys.readouterr().out)
    assert (found["units"], found["units_done"], found["answers"]) == (60, 55, 55)
    assert found["cost_usd"] > 0
    assert found["rate"] > 0
    assert found["ends_at"] is None, "nobody is at it"
    assert found["failures"] == {}
    assert (found["stopped_by"], found["stop_reason"]) == ("Interrupted", "on request")
    assert found["workers"] is None


@pytest.mark.usefixtures("here")
def test_watch_says_that_nobody_is_at_a_run_of_this_folder(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["watch", "tea-rehearsal"]) == 4
    assert "nobody in this folder is at run tea-rehearsal" in capsys.readouterr().err


def _cut(whole: bytes) -> Iterator[bytes]:
    yield b""
    yield whole[: len(whole) // 2]
    yield b"[" * 2_000
    yield b"\xff\x00"
    yield b"[]"
    yield b"{}"
    yield b"3"


def _mutated(whole: bytes, chance: random.Random) -> bytes:
    """The JSON with one value, anywhere in it, replaced, renamed or removed."""
    body = json.loads(whole)
    places = list(_places(body))
    holder, key = chance.choice(places)
    what = chance.randrange(4)
    if what == 0:
        del holder[key]
    elif what == 1 and isinstance(holder, dict):
        holder[f"{key}x"] = holder.pop(key)
    else:
        holder[key] = chance.choice(NASTY)
    return json.dumps(body).encode()


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    if isinstance(value, dict | list):
        for key in value if isinstance(value, dict) else range(len(value)):
            yield value, key
            yield from _places(value[key])
