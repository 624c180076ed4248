"""Servers that speak TLS on loopback: one in front of a real Redis, and an impostor that nobody may talk to."""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class TlsServer:
    """Listens on `port` of localhost. `heard` is all that clients said after the handshake."""

    certificate: Path
    key: Path
    redis_socket: Path | None = None
    port: int = 0
    heard: bytearray = field(default_factory=bytearray)
    _open: list[socket.socket] = field(default_factory=list)
    _threads: list[threading.Thread] = field(default_factory=list)

    def start(self) -> None:
        listener = socket.create_server(("127.0.0.1", 0))
        self.port = listener.getsockname()[1]
        self._open.append(listener)
        self._run(self._accept, listener)

    def stop(self) -> None:
        for one in list(self._open):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
        for thread in self._threads:
            thread.join()

    def _run(self, work: object, *arguments: object) -> None:
        thread = threading.Thread(target=work, args=arguments)  # type: ignore[arg-type]  # any of the methods below
        self._threads.append(thread)
        thread.start()

    def _accept(self, listener: socket.socket) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self.key)
        with contextlib.suppress(OSError):
            while True:
                plain, _ = listener.accept()
                plain.settimeout(60)
                try:
                    client = context.wrap_socket(plain, server_side=True)
                except OSError:  # the client does not trust us
                    plain.close()
                    continue
                self._open.append(client)
                self._talk(client)

    def _talk(self, client: ssl.SSLSocket) -> None:
        if self.redis_socket is None:
            self._run(self._agree, client)
            return
        server = socket.socket(socket.AF_UNIX)
        server.connect(str(self.redis_socket))
        self._open.append(server)
        self._run(self._pass_on, client, server)

    def _agree(self, client: ssl.SSLSocket) -> None:
        """Says yes to everything, as who wants a password would."""
        with contextlib.suppress(OSError), client:
            while said := client.recv(4096):
                self.heard += said
                client.sendall(b"+OK\r\n")

    def _pass_on(self, client: ssl.SSLSocket, server: socket.socket) -> None:
        # One thread for both directions: an SSL object is not made for two.
        with contextlib.suppress(OSError), client, server:
            while True:
                ready = [client] if client.pending() else select.select([client, server], [], [])[0]
                for source, target in ((client, server), (server, client)):
                    if source in ready:
                        if not (said := source.recv(65536)):
                            return
                        target.sendall(said)
                        self.heard += said if source is client else b""


@contextlib.contextmanager
def running(server: TlsServer) -> Iterator[TlsServer]:
    """The server, on threads of its own."""
    server.start()
    try:
        yield server
    finally:
        server.stop()


def certificate(folder: Path, name: str, *, host: str = "localhost") -> tuple[Path, Path]:
    """A self-signed certificate for `host`, and its key."""
    made, key = folder / f"{name}.pem", folder / f"{name}.key"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-keyout", str(key), "-out", str(made), "-days", "2", "-subj", f"/CN={host}"]
    subprocess.run([*command, "-addext", f"subjectAltName=DNS:{host}"], check=True, capture_output=True)
    return made, key
