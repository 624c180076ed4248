"""What signals do to a run, and what is said of one that is not complete."""

from __future__ import annotations

import asyncio
import json
import os
import shlex
import signal
from pathlib import Path
from typing import Any

import pytest
import yaml

from troupe_batch.api import Follower, RunOptions, run_job
from troupe_batch.cli.main import run_command
from troupe_batch.cli.stopping import Stops, stopping
from troupe_batch.dispatch.run_status import RunStatus
from troupe_batch.errors import Interrupted
from troupe_batch.planning.loading import load_job
from troupe_batch.results.extractor import is_behind
from troupe_batch.settings import Settings
from troupe_batch.use_cases.runs import BegunRun

POPULATION: dict[str, Any] = {
    "schema": "troupe_batch/population/1",
    "id": "town",
    "size": 60,
    "sources": [{"id": "none", "citation": "Invented for this test"}],
    "dimensions": {"area": {"type": "categorical", "values": {"north": 0.5, "south": 0.5}, "source": "none"}},
    "names": {"provider": "none"},
}
JOB: dict[str, Any] = {
    "schema": "troupe_batch/job/1",
    "id": "tea",
    "population": "town.yaml",
    "units_per_shard": 5,
    "study": {
        "kind": "survey",
        "questions": [{"id": "likes", "type": "single", "text": "Do you like tea?", "options": ["yes", "no"]}],
    },
}


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "town.yaml").write_text(yaml.safe_dump(POPULATION))
    (tmp_path / "my tea.yaml").write_text(yaml.safe_dump(JOB))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
async def test_each_signal_asks_the_run_to_stop_and_says_so(
    number: signal.Signals, capsys: pytest.CaptureFixture[str]
) -> None:
    stops = Stops()
    # Under nohup the tests themselves ignore a hangup, and so would the run.
    before = signal.signal(number, signal.SIG_DFL)

    try:
        with stopping(stops):
            os.kill(os.getpid(), number)
            await asyncio.wait_for(stops.asked.wait(), 60)
    finally:
        signal.signal(number, before)

    assert "stopping: calls in flight end and are kept" in capsys.readouterr().err


async def test_a_hangup_that_is_ignored_stays_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with stopping(Stops()):
            assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


async def test_a_signal_while_the_dataset_is_written_leaves_the_dataset(capsys: pytest.CaptureFixture[str]) -> None:
    stops = Stops()
    stops.check_dataset()

    stops.ask(signal.SIGINT)

    assert "leaving the dataset for later" in capsys.readouterr().err
    with pytest.raises(Interrupted):
        stops.check_dataset()


def test_an_interrupted_run_says_where_it_stands_and_the_whole_command_that_goes_on(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TROUPE_BUDGET_MAX_USD", "2")
    words = ["run", "my tea.yaml", "--rehearse", "--inline", "--run-id", "r-1", "--set", "OpenAI.TEMPERATURE=0.5"]

    code = _interrupted(monkeypatch, words, after_units=12)

    printed = capsys.readouterr()
    assert code == 4
    assert len(printed.out.splitlines()) == 1, "the path of the dataset and no table"
    assert "of 12 shards" in printed.err
    assert f"TROUPE_BUDGET_MAX_USD=2 troupe {shlex.join(words)}" in printed.err.replace("\n", "")
    assert len(printed.err.splitlines()) < 25


def test_a_dataset_that_was_left_is_made_by_results(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["run", "my tea.yaml", "--rehearse", "--inline", "--json"]

    code = _interrupted(monkeypatch, words, after_units=12, skips=True)

    said = json.loads(capsys.readouterr().out)
    assert (code, said["error"], said["dataset"]) == (4, "Interrupted", None)
    assert not list(Path("runs/tea-rehearsal").glob("dataset/**/*.parquet")), "no part without a manifest"
    assert run_command(["results", "tea-rehearsal", "--json"]) == 0
    assert Path("runs/tea-rehearsal/dataset/manifest.json").is_file()


async def test_a_dataset_is_behind_until_it_shows_what_is_committed(tmp_path: Path) -> None:
    settings = Settings().with_values("here", storage__url=str(tmp_path / "runs"))

    def leave(_done: int, _shards: int) -> None:
        raise Interrupted("enough")

    began: list[BegunRun] = []
    follower = Follower(on_begin=began.append, on_dataset=leave)

    left = await run_job(load_job(tmp_path / "my tea.yaml"), RunOptions(rehearse=True, inline=True), settings, follower)

    run = began[0].run
    assert left.outcome.manifest is None
    assert await is_behind(run)
    done = await run_job(load_job(tmp_path / "my tea.yaml"), RunOptions(rehearse=True, inline=True), settings)
    assert done.is_complete
    assert not await is_behind(run)


def _interrupted(monkeypatch: pytest.MonkeyPatch, words: list[str], *, after_units: int, skips: bool = False) -> int:
    """The exit code of the command, told to stop when so many units are done, and then not to wait for its dataset."""
    asked = Stops.check_dataset

    def check(self: Stops) -> None:
        asked(self)
        if skips:
            self.ask(signal.SIGINT)
        asked(self)

    class Watched(Stops):
        check_dataset = check

    def show(progress: Any, status: RunStatus) -> None:
        if status.progress.units >= after_units:
            os.kill(os.getpid(), signal.SIGINT)
            progress.show = lambda _: None

    monkeypatch.setattr("sys.argv", ["troupe"])
    monkeypatch.setattr("troupe_batch.cli.run.Stops", Watched)
    monkeypatch.setattr("troupe_batch.cli.progress.RunProgress.show", show)
    return run_command([*words, "--set", "OpenAI.MAX_CONCURRENT_MODEL_CALLS=1"])


def test_a_changed_job_is_refused_with_the_way_out_and_what_it_would_reuse(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    job = here / "my tea.yaml"
    command = ["run", "my tea.yaml", "--rehearse", "--inline"]
    job.write_text(yaml.safe_dump({**JOB, "people": 30}))
    assert run_command(command) == 0
    capsys.readouterr()

    job.write_text(yaml.safe_dump({**JOB, "people": 40}))
    assert run_command(command) == 2
    more_people = capsys.readouterr().err
    job.write_text(job.read_text().replace("Do you like tea?", "Do you like tea much?"))
    assert run_command(command) == 2
    other_words = capsys.readouterr().err

    assert "`--run-id NAME`" in more_people
    assert "about 30 of its 40 calls are the same as before" in more_people
    assert "about 10 are asked anew" in more_people
    assert "all of its about 40 calls are asked anew" in other_words
