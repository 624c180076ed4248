from __future__ import annotations

import asyncio
import os
import signal
import stat
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
import redis

from tests.integration.dispatch.fleet import PROJECT, Fleet, fleet_on, until
from tests.processes import is_over
from troupe_batch.dispatch import redis_guard
from troupe_batch.dispatch.embedded_redis import EmbeddedRedis, find_server
from troupe_batch.errors import SettingsError, StateUnreachable


def client(server: EmbeddedRedis) -> Any:
    return redis.Redis.from_url(server.url, decode_responses=True)


def processes(folder: Path, name: str) -> list[psutil.Process]:
    """Living processes whose command line names the folder and the program."""
    found = []
    for process in psutil.process_iter():
        try:
            words = process.cmdline()
            if any(str(folder) in w for w in words) and any(name in w for w in words[:3]):
                found.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
            continue
    return found


def guards(folder: Path) -> list[psutil.Process]:
    return processes(folder, "redis_guard.py")


def servers(folder: Path) -> list[psutil.Process]:
    return [child for guard in guards(folder) for child in guard.children()]


def answers(server: EmbeddedRedis) -> Callable[[], bool]:
    def ask() -> bool:
        try:
            with client(server) as asking:
                return bool(asking.ping())
        except redis.exceptions.RedisError:
            return False

    return ask


def socket_of(server: EmbeddedRedis) -> Path:
    return Path(server.url.removeprefix("unix://"))


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def is_there(path: Path) -> bool:
    return path.exists()


def started(command: list[str], *, keep: tuple[int, ...] = ()) -> subprocess.Popen[bytes]:
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=PROJECT, pass_fds=keep)


async def begun(fleet: Fleet, shards: int) -> None:
    await until(lambda: len(fleet.runs.begun("r")) >= shards)


def gone(folder: Path) -> Callable[[], bool]:
    return lambda: not guards(folder)


async def test_it_persists_never_evicts_and_only_its_user_may_open_it(tmp_path: Path) -> None:
    with EmbeddedRedis(tmp_path) as server, client(server) as asking:
        settings = asking.config_get("*")
        mode = mode_of(socket_of(server))

    assert settings["appendonly"] == "yes"
    assert settings["appendfsync"] == "everysec"
    assert settings["maxmemory-policy"] == "noeviction"
    assert int(settings["maxmemory"]) > 0
    assert settings["port"] == "0"
    assert mode == 0o700


async def test_what_was_written_is_there_in_the_next_command(tmp_path: Path) -> None:
    with EmbeddedRedis(tmp_path) as server, client(server) as writing:
        writing.set("reply", "paid for")
    await until(gone(tmp_path))

    with EmbeddedRedis(tmp_path) as server, client(server) as reading:
        assert reading.get("reply") == "paid for"
    await until(gone(tmp_path))


async def test_commands_share_one_server_and_the_last_one_stops_it(tmp_path: Path) -> None:
    with EmbeddedRedis(tmp_path) as first:
        with EmbeddedRedis(tmp_path) as second:
            assert len(servers(tmp_path)) == 1
        assert second.url == first.url
        assert answers(first)()

    await until(gone(tmp_path))
    assert not is_there(socket_of(first))


async def test_many_commands_that_start_at_once_start_one_server(tmp_path: Path) -> None:
    def use() -> str:
        with EmbeddedRedis(tmp_path) as server, client(server) as asking:
            return str(asking.info("server")["run_id"])

    with EmbeddedRedis(tmp_path):
        runs = await asyncio.gather(*(asyncio.to_thread(use) for _ in range(8)))

    assert len(set(runs)) == 1
    await until(gone(tmp_path))


async def test_a_command_that_comes_while_the_server_stops_gets_a_fresh_one(tmp_path: Path) -> None:
    for round_ in range(20):
        with EmbeddedRedis(tmp_path) as server, client(server) as asking:
            assert asking.incr("rounds") == round_ + 1
    await until(gone(tmp_path))


async def test_a_killed_server_comes_back_with_its_data(tmp_path: Path) -> None:
    with EmbeddedRedis(tmp_path) as server:
        with client(server) as writing:
            writing.config_set("appendfsync", "always")  # `everysec` may lose the last second
            writing.set("reply", "paid for")
        killed = servers(tmp_path)[0]
        killed.kill()

        await until(lambda: is_over(killed))
        await until(answers(server))
        with client(server) as reading:
            assert reading.get("reply") == "paid for"
    await until(gone(tmp_path))


async def test_a_killed_guard_is_replaced_at_the_next_look(tmp_path: Path) -> None:
    with EmbeddedRedis(tmp_path) as server:
        with client(server) as writing:
            writing.set("reply", "paid for")
        orphan = servers(tmp_path)[0]
        guards(tmp_path)[0].kill()
        await until(gone(tmp_path))

        server.ensure()

        with client(server) as reading:
            assert reading.get("reply") == "paid for"
        await until(lambda: is_over(orphan))  # it gave its lock back, and that a little before it is gone
        assert len(guards(tmp_path)) == 1
    await until(gone(tmp_path))


async def test_a_server_and_guard_that_were_killed_together_leave_no_lock_behind(tmp_path: Path) -> None:
    with EmbeddedRedis(tmp_path) as server:
        for process in [*guards(tmp_path), *servers(tmp_path)]:
            process.kill()
        await until(gone(tmp_path))

        server.ensure()

        assert answers(server)()
    await until(gone(tmp_path))


async def test_a_killed_command_does_not_keep_the_server(tmp_path: Path) -> None:
    program = f"""
        import pathlib, sys, time
        from troupe_batch.dispatch.embedded_redis import EmbeddedRedis
        with EmbeddedRedis(pathlib.Path({str(tmp_path)!r})):
            print("in use", flush=True)
            sys.stdin.read()
    """
    with started([sys.executable, "-c", textwrap.dedent(program)]) as command:
        assert command.stdout is not None
        assert command.stdout.readline() == b"in use\n"
        assert guards(tmp_path)

        command.kill()

        await until(gone(tmp_path))


async def test_a_process_that_was_handed_the_lock_keeps_the_server(tmp_path: Path) -> None:
    with EmbeddedRedis(tmp_path) as server:
        worker = started(["cat"], keep=(server.use_lock,))

    with worker:
        assert answers(server)()
        assert guards(tmp_path)
        worker.kill()
    await until(gone(tmp_path))


async def test_a_long_folder_path_still_gives_a_short_private_socket(tmp_path: Path) -> None:
    deep = tmp_path / ("a" * 60) / ("b" * 60)

    with EmbeddedRedis(deep) as server:
        socket = socket_of(server)
        mode = mode_of(socket.parent)
        assert answers(server)()

    assert len(os.fsencode(socket)) < 100
    assert mode == 0o700
    await until(gone(deep))
    socket.parent.rmdir()


def test_the_binary_that_wrote_the_data_is_used_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = find_server(tmp_path)
    newcomer = tmp_path / "bin" / "redis-server"
    newcomer.parent.mkdir()
    newcomer.write_text("#!/bin/sh\necho 'Redis server v=99.0.0 sha=0'\n")
    newcomer.chmod(0o755)
    monkeypatch.setenv("PATH", f"{newcomer.parent}:{os.environ['PATH']}")

    again = find_server(tmp_path)
    elsewhere = find_server(tmp_path / "bin")

    assert again == first
    assert elsewhere == newcomer


def test_a_server_that_is_too_old_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = tmp_path / "redis-server"
    old.write_text("#!/bin/sh\necho 'Redis server v=5.0.3 sha=0'\n")
    old.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")

    assert find_server(tmp_path) != old


async def test_a_binary_that_the_folder_names_is_never_run(tmp_path: Path) -> None:
    planted = tmp_path / "valkey-server"
    planted.write_text(f"#!/bin/sh\ntouch {tmp_path}/was-run\n")
    planted.chmod(0o755)
    (tmp_path / "redis").mkdir()
    (tmp_path / "redis" / "server").write_text(str(planted))

    with EmbeddedRedis(tmp_path) as server:
        assert answers(server)()

    assert not is_there(tmp_path / "was-run")
    assert (tmp_path / "redis" / "server").read_text().strip() != str(planted)
    await until(gone(tmp_path))


@pytest.mark.parametrize("place", ["", ".", "bin"])
def test_a_server_in_the_working_folder_is_not_on_the_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    (tmp_path / "bin").mkdir()
    for planted in (tmp_path / "redis-server", tmp_path / "bin" / "redis-server"):
        planted.write_text("#!/bin/sh\necho 'Redis server v=99.0.0'\n")
        planted.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", f"{place}:{os.environ['PATH']}")

    found = find_server(tmp_path)

    assert found.is_absolute()
    assert not found.is_relative_to(tmp_path)


def test_a_forged_process_id_gets_no_signal(tmp_path: Path) -> None:
    (tmp_path / "server.lock").touch()
    with started(["cat"]) as foreign:
        (tmp_path / "server.pid").write_text(str(foreign.pid))

        redis_guard._end_server(tmp_path / "server.pid", tmp_path / "server.lock")

        with pytest.raises(subprocess.TimeoutExpired):
            foreign.wait(timeout=0.3)
        foreign.kill()


@pytest.mark.parametrize("note", ["", "-1", "0", "1", "no number", "99999999999999999999"])
def test_a_damaged_process_id_harms_nobody(tmp_path: Path, note: str) -> None:
    (tmp_path / "server.lock").touch()
    (tmp_path / "server.pid").write_text(note)

    redis_guard._end_server(tmp_path / "server.pid", tmp_path / "server.lock")


async def test_a_server_that_cannot_start_is_reported_with_its_last_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "bin" / "redis-server"
    broken.parent.mkdir()
    words = "[ $1 = --version ] && echo 'Redis server v=99.0.0' && exit 0\necho 'the disk is on fire'\nexit 1"
    broken.write_text(f"#!/bin/sh\n{words}\n")
    broken.chmod(0o755)
    monkeypatch.setenv("PATH", f"{broken.parent}:{os.environ['PATH']}")

    with pytest.raises(StateUnreachable, match="the disk is on fire"):
        EmbeddedRedis(tmp_path).__enter__()
    await until(gone(tmp_path))


async def test_a_folder_of_another_user_below_tmp_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    deep = tmp_path / ("a" * 60) / ("b" * 60)
    planted = Path(EmbeddedRedis(deep).url.removeprefix("unix://")).parent
    planted.chmod(0o777)

    with pytest.raises(SettingsError, match="not a private folder of yours"):
        EmbeddedRedis(deep)


@pytest.mark.chaos
async def test_a_run_survives_the_death_of_its_redis(tmp_path: Path) -> None:
    with EmbeddedRedis(tmp_path / ".troupe") as server:
        async with fleet_on(server.url, tmp_path) as fleet:
            _, reconciler = await fleet.planned("r", shards=20)
            async with fleet.workers(unit_s=0.1, keep_fds=(server.use_lock,)):
                running = asyncio.create_task(fleet.finished(reconciler))
                for done in (2, 8):
                    await begun(fleet, done)
                    os.kill(servers(tmp_path)[0].pid, signal.SIGKILL)
                    await until(answers(server))
                status = await running

    marks = list((tmp_path / "runs" / "r" / "marks").iterdir())
    assert status.is_complete
    assert len(marks) == 20
    assert status.extracted_shards == 20
    await until(gone(tmp_path))
