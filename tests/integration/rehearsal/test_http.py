"""The HTTP of the rehearsal server, byte by byte: what clients other than the SDK may send."""

from __future__ import annotations

import gzip
import socket
from collections.abc import Iterator

import pytest

from tests.patience import HANG_S
from troupe_batch.rehearsal import RehearsalConfig, RehearsalProcess

BODY = b'{"model":"m","messages":[{"role":"user","content":"Hi"}]}'
POST = b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\n"
WHOLE = POST + b"Content-Length: %d\r\n\r\n" % len(BODY) + BODY
HEALTH = b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RehearsalProcess]:
    with RehearsalProcess(RehearsalConfig(), tmp_path_factory.mktemp("rehearsal") / "log") as process:
        yield process


@pytest.fixture
def wire(server: RehearsalProcess) -> Iterator[socket.socket]:
    server.reset_stats()
    with socket.create_connection(("127.0.0.1", int(server.url.rpartition(":")[2])), timeout=HANG_S) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        yield connection


def _reply(wire: socket.socket) -> tuple[int, dict[str, str], bytes]:
    """Exactly one reply, so that a byte too many or too few in one shows in the next."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        byte = wire.recv(1)
        assert byte, f"closed after {head!r}"
        head += byte
    line, *fields = head.decode().strip().split("\r\n")
    headers = {name.lower(): value for name, _, value in (field.partition(": ") for field in fields)}
    body = b""
    while len(body) < int(headers["content-length"]):
        body += wire.recv(int(headers["content-length"]) - len(body))
    return int(line.split()[1]), headers, body


def test_a_connection_serves_many_requests_however_they_are_cut(wire: socket.socket) -> None:
    wire.sendall(WHOLE)
    whole = _reply(wire)
    for byte in WHOLE:
        wire.sendall(bytes([byte]))
    in_bytes = _reply(wire)

    assert whole[0] == in_bytes[0] == 200
    # The same but for the count at the end of the id.
    assert whole[2].replace(b"-1", b"-2", 1) == in_bytes[2]
    assert whole[1]["x-troupe-rehearsal"] == RehearsalConfig().identity


def test_pipelined_requests_are_answered_in_order(wire: socket.socket) -> None:
    wire.sendall((WHOLE + HEALTH) * 300)

    replies = [_reply(wire) for _ in range(600)]

    assert all(b"chat.completion" in body for _, _, body in replies[::2])
    assert all(b"ok" in body for _, _, body in replies[1::2])


def test_a_chunked_body_with_extensions_and_trailers_is_read(wire: socket.socket) -> None:
    chunks = b"".join(b"%x;note=1\r\n%b\r\n" % (len(part), part) for part in (BODY[:1], BODY[1:20], BODY[20:]))
    wire.sendall(POST + b"Transfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\nTrailer: 1\r\n\r\n" + WHOLE)

    first, second = _reply(wire), _reply(wire)

    assert first[0] == 200
    assert first[2].replace(b"-1", b"-2", 1) == second[2]


def test_a_compressed_body_is_read(wire: socket.socket) -> None:
    packed = gzip.compress(BODY)
    wire.sendall(POST + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed) + packed + WHOLE)

    first, second = _reply(wire), _reply(wire)

    assert first[0] == 200
    assert first[2].replace(b"-1", b"-2", 1) == second[2]


def test_expect_continue_is_answered_before_the_body_comes(wire: socket.socket) -> None:
    wire.sendall(POST + b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(BODY))
    interim = wire.recv(len(b"HTTP/1.1 100 Continue\r\n\r\n"), socket.MSG_WAITALL)
    wire.sendall(BODY)

    assert interim == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert _reply(wire)[0] == 200


@pytest.mark.parametrize(
    "request_bytes",
    [HEALTH.replace(b"Host", b"Connection: close\r\nHost"), HEALTH.replace(b"/1.1", b"/1.0")],
    ids=["close", "HTTP/1.0"],
)
def test_a_client_that_wants_the_connection_closed_gets_one_reply(wire: socket.socket, request_bytes: bytes) -> None:
    wire.sendall(request_bytes)

    status, _, _ = _reply(wire)

    assert status == 200
    assert wire.recv(1) == b""


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"hello\r\n\r\n", 400),
        (POST + b"Content-Length: -1\r\n\r\n", 400),
        (POST + b"Content-Length: 99999999999\r\n\r\n", 413),
        (POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        (POST + b"Transfer-Encoding: gzip\r\n\r\n", 400),
        (POST + b"Transfer-Encoding: chunked\r\n\r\n0x5\r\n", 400),
        (POST + b"X: " + b"x" * 70_000, 400),
    ],
)
def test_what_is_not_understood_is_refused_and_the_connection_closed(
    wire: socket.socket, server: RehearsalProcess, request_bytes: bytes, status: int
) -> None:
    wire.sendall(request_bytes)

    found, _, body = _reply(wire)

    assert (found, bool(body)) == (status, True)
    assert wire.recv(1) == b""
    assert server.stats()["requests"] == 0


def test_a_client_that_hangs_up_in_the_middle_of_a_request_leaves_no_trace(
    wire: socket.socket, server: RehearsalProcess
) -> None:
    wire.sendall(WHOLE[:-3])
    wire.close()

    stats = server.stats()

    assert (stats["requests"], stats["in_flight"], stats["abandoned"]) == (0, 0, 0)
