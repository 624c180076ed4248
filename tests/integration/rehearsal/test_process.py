"""The life of a server process: it starts, says where it is, and never outlives whoever started it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import textwrap
import urllib.error
import urllib.request
from pathlib import Path

import psutil
import pytest

from tests.patience import HANG_S
from troupe_batch.errors import EndpointUnreachable, SpecError
from troupe_batch.rehearsal import RehearsalConfig, RehearsalProcess, parse_faults
from troupe_batch.rehearsal.command import main


def test_a_server_runs_for_the_length_of_the_block(tmp_path: Path) -> None:
    with RehearsalProcess(RehearsalConfig(), tmp_path / "logs" / "log") as server:
        running = psutil.Process(server.pid)
        url = server.url
        assert server.stats()["requests"] == 0

    assert not running.is_running()
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(url + "/health", timeout=HANG_S)  # noqa: S310 -- the address of our own server
    with pytest.raises(EndpointUnreachable, match="does not answer"):
        server.stats()


@pytest.mark.parametrize("leaves_a_child", [False, True], ids=["alone", "with a forked child that keeps the pipe open"])
def test_a_server_stops_by_itself_when_its_parent_is_killed(tmp_path: Path, *, leaves_a_child: bool) -> None:
    code = f"""
        import os, signal, sys
        from pathlib import Path
        from troupe_batch.rehearsal import RehearsalConfig, RehearsalProcess
        with RehearsalProcess(RehearsalConfig(), Path({str(tmp_path / "log")!r})) as server:
            child = os.fork() if {leaves_a_child} else os.getpid()
            if child == 0:
                os.close(1)
                signal.pause()
            print(server.pid, child, flush=True)
            sys.stdin.read()
    """
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as parent:
        assert parent.stdout is not None
        server, child = map(psutil.Process, map(int, parent.stdout.readline().split()))
        parent.kill()

    _, alive = psutil.wait_procs([server], timeout=HANG_S)

    if leaves_a_child:
        child.kill()
    assert alive == []


def test_a_wrong_respondent_file_is_an_error_here_and_starts_nothing(tmp_path: Path) -> None:
    file = tmp_path / "respondents.yaml"
    file.write_text("schema: troupe_batch/respondents/1\nquestions: {}\n")

    with (
        pytest.raises(SpecError, match="questions"),
        RehearsalProcess(RehearsalConfig(respondents=file), tmp_path / "log"),
    ):
        pass

    assert not (tmp_path / "log").exists()


def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        with (
            pytest.raises(EndpointUnreachable, match=f"cannot listen on 127.0.0.1 port {port}"),
            RehearsalProcess(RehearsalConfig(port=port), tmp_path / "log"),
        ):
            pass


def test_the_command_announces_its_address_and_stops_on_a_signal(tmp_path: Path) -> None:
    port_file = tmp_path / "port"
    config = RehearsalConfig(seed=7, latency_ms=1.5, faults=parse_faults(["429=0.5 first 2 on a b"]), rpm=5)
    command = [sys.executable, "-m", "troupe_batch.rehearsal", *config.argv(), "--port-file", str(port_file)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        url = server.stdout.readline().strip()
        port = port_file.read_text()
        os.kill(server.pid, signal.SIGTERM)

    assert url == f"http://127.0.0.1:{port}"
    assert server.returncode == 0


@pytest.mark.parametrize(
    ("argv", "complaint"),
    [
        (["--fault", "refusl"], "did you mean `refusal`"),
        (["--respondents", "nowhere.yaml"], "no such file"),
        (["--rpm", "0"], "rpm must be at least 1"),
    ],
)
def test_a_wrong_option_is_explained_and_is_a_usage_error(
    argv: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main(argv)

    assert code == 2
    assert complaint in capsys.readouterr().err


def test_the_identity_names_respondents_and_seed_but_no_port(tmp_path: Path) -> None:
    file = tmp_path / "respondents.yaml"
    file.write_text("{schema: troupe_batch/respondents/1, questions: {q: {type: choice, base: {a: 1}}}}")

    plain = RehearsalConfig(port=80, seed=4, latency_ms=9).identity

    assert plain == RehearsalConfig(seed=4).identity
    assert plain.startswith("rehearsal/")
    assert plain.endswith("/4")
    assert plain != RehearsalConfig(seed=4, respondents=file).identity


def test_a_server_that_died_comes_back_at_its_old_address(tmp_path: Path) -> None:
    with RehearsalProcess(RehearsalConfig(), tmp_path / "log") as server:
        url, first = server.url, psutil.Process(server.pid)
        assert not server.revive()
        first.kill()
        first.wait(timeout=HANG_S)

        assert server.revive()

        assert server.url == url
        assert server.pid != first.pid
        assert server.stats()["requests"] == 0


def test_a_server_that_was_stopped_is_not_brought_back(tmp_path: Path) -> None:
    with RehearsalProcess(RehearsalConfig(), tmp_path / "log") as server:
        server.stop()

        assert not server.revive()
