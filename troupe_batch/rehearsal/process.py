"""Rehearsal server in a process of its own, for as long as a `with` block lasts."""

from __future__ import annotations

import json
import os
import select
import subprocess
import threading
import time
import urllib.request
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from troupe_batch.errors import EndpointUnreachable
from troupe_batch.rehearsal.config import RehearsalConfig
from troupe_batch.trust import python_command, python_environment

_START_S = 30.0
_STOP_S = 5.0


class RehearsalProcess:
    """Starts the server, knows its `url`, and stops it; it also stops by itself when this process dies.

    What the server has to say goes to the file `log_path`. SpecError where the respondent file is wrong,
    EndpointUnreachable where the server does not come up.
    """

    def __init__(self, config: RehearsalConfig, log_path: Path) -> None:
        self.config = config
        self.log_path = log_path
        self.url = ""
        self._process: subprocess.Popen[bytes] | None = None
        self._changing = threading.Lock()
        self._is_wanted = False

    def __enter__(self) -> Self:
        self.config.load()
        self._start(self.config)
        self._is_wanted = True
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def base_url(self) -> str:
        """What an OpenAI client takes as its base URL."""
        return f"{self.url}/v1"

    @property
    def pid(self) -> int:
        """Process id of the running server."""
        if self._process is None:
            raise EndpointUnreachable("the rehearsal server is not running")
        return self._process.pid

    def stats(self) -> dict[str, Any]:
        """What the server has counted by now."""
        return self._fetch("/stats", "GET")

    def reset_stats(self) -> None:
        """Makes the server forget what it has counted and seen."""
        self._fetch("/stats/reset", "POST")

    def revive(self) -> bool:
        """Starts the server again at its old address if it has died, with fresh stats; whether that was needed.

        May be called from any thread. EndpointUnreachable where it does not come up.
        """
        with self._changing:
            is_alive = self._process is not None and self._process.poll() is None
            if is_alive or not self._is_wanted:
                return False
            self._end()
            self._start(replace(self.config, port=urlsplit(self.url).port or 0))
            return True

    def stop(self) -> None:
        """Ends the server and waits until it is gone; does nothing if it is gone already."""
        with self._changing:
            self._is_wanted = False
            self._end()

    def _start(self, config: RehearsalConfig) -> None:
        command = python_command("troupe_batch.rehearsal", "--stop-with-parent", *config.argv())
        self.log_path.parent.mkdir(parents=True, exist_ok=True)
        with self.log_path.open("ab") as log:
            # Its own session: a Ctrl-C in the terminal is for us, and we still need the server while we wind down.
            self._process = subprocess.Popen(  # noqa: S603 -- our own interpreter and module
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env=python_environment(os.environ),
                start_new_session=True,
            )
        try:
            self.url = self._first_line()
        except BaseException:
            self._end()
            raise

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe:
                pipe.close()

    def _first_line(self) -> str:
        """The URL, which is the first line the server prints; the kernel wakes us when it is there."""
        assert self._process is not None  # noqa: S101 -- for the type checker: called by __enter__ only
        assert self._process.stdout is not None  # noqa: S101 -- for the type checker: started with a pipe
        pipe = self._process.stdout
        deadline = time.monotonic() + _START_S
        line = b""
        while not line.endswith(b"\n"):
            is_ready, _, _ = select.select([pipe], [], [], max(0.0, deadline - time.monotonic()))
            piece = os.read(pipe.fileno(), 4_096) if is_ready else b""
            if not piece:
                raise EndpointUnreachable(f"the rehearsal server did not start: {self._last_words()}")
            line += piece
        return line.decode().strip()

    def _last_words(self) -> str:
        said = self.log_path.read_text(errors="replace").strip().splitlines()
        return said[-1] if said else f"it said nothing in {self.log_path}"

    def _fetch(self, path: str, method: str) -> dict[str, Any]:
        request = urllib.request.Request(self.url + path, method=method)  # noqa: S310 -- always our own http address
        try:
            with urllib.request.urlopen(request, timeout=_START_S) as reply:  # noqa: S310 -- as above
                found: dict[str, Any] = json.load(reply)
        except OSError as error:
            raise EndpointUnreachable(f"the rehearsal server at {self.url} does not answer: {error}") from error
        return found
