"""Guard of one private Redis server, which lives as long as any command uses it. Run as a script.

    python redis_guard.py FOLDER SERVER [OPTION ...]

Users hold a shared lock on FOLDER/users.lock; the kernel takes it from them however they end, `kill -9` included.
The guard waits for the exclusive lock: when it gets it nobody is left, and it stops the server in good order (SIGTERM
is SHUTDOWN: the append-only file is complete). Until then it restarts a server that dies.
FOLDER/guard.lock is held as long as the guard lives.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

_MAX_QUICK_DEATHS = 5
_QUICK_S = 2.0
_PATIENCE_S = 30


def main(folder: str, command: list[str]) -> int:
    """0 when the server was stopped because nobody used it, 1 when it would not run, 2 when there is a guard."""
    home = Path(folder)
    guard_lock = os.open(home / "guard.lock", os.O_RDWR | os.O_CREAT, 0o600)
    # Tried for a while, as whoever looks for a guard holds it for an instant.
    if not _is_lock_taken(guard_lock, within_s=1.0):
        return 2
    guard = _Guard(home, command)
    users_lock = os.open(home / "users.lock", os.O_RDWR | os.O_CREAT, 0o600)
    threading.Thread(target=_stop_when_unused, args=(users_lock, guard), daemon=True).start()
    signal.signal(signal.SIGTERM, lambda *_: guard.stop())
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    code = guard.run()
    # Given back first and by hand: at the end of a process locks go in no set order, and whoever gets the users' lock
    # from us must not take us for a guard that is still at work.
    os.close(guard_lock)
    return code


class _Guard:
    def __init__(self, home: Path, command: list[str]) -> None:
        self._home = home
        self._command = command
        self._server: subprocess.Popen[bytes] | None = None
        self._stopping = threading.Event()

    def run(self) -> int:
        quick_deaths = 0
        while not self._stopping.is_set():
            started = time.monotonic()
            self._server = self._start()
            if self._server is None:
                _say_words("an earlier server does not end; stop it by hand")
                return 1
            if self._stopping.is_set():  # it came between the check above and the start
                self.stop()
            code = self._server.wait()
            quick_deaths = quick_deaths + 1 if time.monotonic() - started < _QUICK_S else 0
            if quick_deaths >= _MAX_QUICK_DEATHS:
                return 1
            if not self._stopping.is_set():
                _say_words(f"the server ended with code {code}; it is started again")
                time.sleep(0.05 * quick_deaths)
        return 0

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        self._stopping.set()
        if self._server is not None:
            with contextlib.suppress(ProcessLookupError):
                self._server.send_signal(number)

    def _start(self) -> subprocess.Popen[bytes] | None:
        """The server, once no other writes to the same files: it inherits a lock that only its end gives back."""
        lock = os.open(self._home / "server.lock", os.O_RDWR | os.O_CREAT, 0o600)
        note = self._home / "server.pid"
        try:
            if not _is_lock_taken(lock, within_s=8.0, meanwhile=lambda: _end_server(note, self._home / "server.lock")):
                return None
            server = subprocess.Popen(self._command, stdin=subprocess.DEVNULL, pass_fds=[lock])  # noqa: S603 - the caller's own
            note.write_text(str(server.pid))
            return server
        finally:
            os.close(lock)


def _is_lock_taken(lock: int, *, within_s: float, meanwhile: Callable[[], None] = lambda: None) -> bool:
    """Whether the exclusive lock is ours now."""
    ends_at = time.monotonic() + within_s
    while time.monotonic() < ends_at:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            meanwhile()
            time.sleep(0.005)
        else:
            return True
    return False


def _end_server(note: Path, lock: Path) -> None:
    """Asks a server whose guard was killed to end: the noted process, if it really is one that has the lock open."""
    import psutil  # noqa: PLC0415 - seldom needed, and slow to load

    with contextlib.suppress(OSError, ValueError, psutil.Error):
        server = psutil.Process(int(note.read_text()))
        if any(_is_same(opened.path, lock) for opened in server.open_files()):
            server.terminate()


def _is_same(path: str, lock: Path) -> bool:
    with contextlib.suppress(OSError):
        return Path(path).samefile(lock)
    return False


def _say_words(words: str) -> None:
    sys.stderr.write(f"{words}\n")
    sys.stderr.flush()


def _stop_when_unused(users_lock: int, guard: _Guard) -> None:
    # Held until this process ends, after the server: a command that comes now waits for its turn.
    fcntl.flock(users_lock, fcntl.LOCK_EX)
    for _ in range(_PATIENCE_S):
        guard.stop()  # again and again: a server refuses while it writes its first append-only file
        time.sleep(1)
    guard.stop(signal.SIGKILL)


if __name__ == "__main__":
    # Detached from the command that happened to be first: it must neither wait for us nor leave a zombie.
    if os.fork():
        os._exit(0)
    sys.exit(main(sys.argv[1], sys.argv[2:]))
