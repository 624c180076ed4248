"""HTTP/1.1 for one kind of client: small JSON requests over connections that stay open, answered one at a time.

Written by hand because it is measured: with aiohttp's server, HTTP alone cost 85 of 130 µs a request, and a benchmark
on two cores pays for both sides. What it does not offer (upgrades, compression, ranges) it refuses.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import cast
from urllib.parse import unquote

MOST_BODY_BYTES = 64 * 2**20
_MOST_HEAD_BYTES = 64 * 2**10

_log = logging.getLogger(__name__)

_CHUNK_SIZE = re.compile(rb"[0-9A-Fa-f]{1,12}")
_REASONS = {status.value: status.phrase for status in HTTPStatus}


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A complete request; `path` is without the query."""

    method: str
    path: str
    body: bytes


class BadHttp(Exception):
    """What came is no request that this server takes; the connection is closed after saying so."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(slots=True)
class _Head:
    method: str
    path: str
    length: int | None
    keeps_alive: bool
    expects_continue: bool


class HttpConnection(asyncio.Protocol):
    """One client. `handle` gets each request when it is complete and must see to it that `reply` is called in the end.

    The next request is looked at after the reply to the one before, so replies keep their order. When the client
    leaves before it was answered, `on_lost` of that request is called. `headers` are whole lines that every reply has.
    """

    def __init__(
        self,
        handle: Callable[[HttpRequest, HttpConnection], None],
        open_ones: set[HttpConnection],
        headers: str = "content-type: application/json\r\n",
    ) -> None:
        self._handle = handle
        self._open_ones = open_ones
        self._headers = headers
        self._buffer = bytearray()
        self._head: _Head | None = None
        self._chunks: _Chunks | None = None
        self._is_busy = False
        self._transport: asyncio.Transport | None = None
        self.on_lost: Callable[[], None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client is there."""
        # uvloop's transports are no asyncio.Transport by class, only by what they can do.
        self._transport = cast("asyncio.Transport", transport)
        self._open_ones.add(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 -- asyncio's signature
        """The client is gone."""
        self._open_ones.discard(self)
        self._transport = None
        if self.on_lost:
            self.on_lost()

    def data_received(self, data: bytes) -> None:
        """Collects a request, hands it on when it is whole."""
        self._buffer += data
        if not self._is_busy:
            self._advance()
        elif len(self._buffer) > MOST_BODY_BYTES:
            self.abort()

    def reply(self, status: int, body: bytes, headers: str = "") -> None:
        """Answers the request at hand; `headers` are more lines. The connection stays open if the client wants it."""
        keeps_alive = self._head is not None and self._head.keeps_alive
        self._write(_head_of(status, len(body), self._headers + headers, keeps_alive=keeps_alive) + body)
        self.on_lost = None
        self._is_busy = False
        self._head = None
        if not keeps_alive:
            self.close()
        elif self._buffer:
            # Not from here: a client that sends many requests at once would have us call ourselves as often.
            asyncio.get_running_loop().call_soon(self._advance)

    def break_off(self, status: int, body: bytes) -> None:
        """Promises the whole body, sends half of it and closes."""
        self._write(_head_of(status, len(body), self._headers, keeps_alive=True) + body[: len(body) // 2])
        self.close()

    def close(self) -> None:
        """Ends the connection when all that was written has gone out."""
        if self._transport:
            self._transport.close()

    def abort(self) -> None:
        """Ends the connection at once."""
        if self._transport:
            self._transport.abort()

    def _write(self, data: bytes) -> None:
        if self._transport:
            self._transport.write(data)

    def _advance(self) -> None:
        if self._is_busy or self._transport is None or self._transport.is_closing():
            return
        try:
            request = self._next_request()
        except BadHttp as error:
            message = f'{{"error":{{"message":"{error}","type":"invalid_request_error","param":null,"code":null}}}}'
            self._head = None
            self.reply(error.status, message.encode())
            return
        if request:
            self._is_busy = True
            try:
                self._handle(request, self)
            except Exception:  # noqa: BLE001 -- the boundary of one request: its client would wait for ever
                _log.exception("A request could not be handled.", extra={"action": "request_failed"})
                self.abort()

    def _next_request(self) -> HttpRequest | None:
        """The first request in the buffer once it is whole; BadHttp where it never will be."""
        if self._head is None:
            self._head = self._read_head()
            if self._head is None:
                return None
        body = self._read_body(self._head)
        return None if body is None else HttpRequest(self._head.method, self._head.path, body)

    def _read_head(self) -> _Head | None:
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0 or end > _MOST_HEAD_BYTES:
            if len(self._buffer) > _MOST_HEAD_BYTES:
                raise BadHttp(431, "the header is too large")
            return None
        head = _parse_head(bytes(self._buffer[:end]))
        del self._buffer[: end + 4]
        self._chunks = _Chunks() if head.length is None else None
        if head.expects_continue and self._transport:
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        return head

    def _read_body(self, head: _Head) -> bytes | None:
        if self._chunks:
            return self._chunks.read(self._buffer)
        length = head.length or 0
        if len(self._buffer) < length:
            return None
        body = bytes(self._buffer[:length])
        del self._buffer[:length]
        return body


class _Chunks:
    """A body that comes in chunks, of which the first ones may be here already."""

    def __init__(self) -> None:
        self._body = bytearray()
        self._is_over = False

    def read(self, buffer: bytearray) -> bytes | None:
        """Takes whole chunks out of the buffer; the body once its end is there."""
        while (end := buffer.find(b"\r\n")) >= 0:
            if self._is_over:
                # Trailers, then an empty line.
                del buffer[: end + 2]
                if end == 0:
                    return bytes(self._body)
                continue
            size = _hexadecimal(bytes(buffer[:end]).partition(b";")[0])
            if len(self._body) + size > MOST_BODY_BYTES:
                raise BadHttp(413, "the body is too large")
            if size and len(buffer) < end + 2 + size + 2:
                return None
            self._body += buffer[end + 2 : end + 2 + size]
            del buffer[: end + 2 + (size + 2 if size else 0)]
            self._is_over = size == 0
        return None


def _parse_head(head: bytes) -> _Head:
    line, _, fields = head.partition(b"\r\n")
    words = line.decode("latin-1").split(" ")
    if len(words) != 3 or words[2] not in ("HTTP/1.1", "HTTP/1.0"):
        raise BadHttp(400, "this is not HTTP/1.1")
    # One line per field, each found by its name: a request has a dozen and we look at five.
    lowered = b"\r\n" + fields.lower() + b"\r\n"
    if _field(lowered, b"content-encoding") not in ("", "identity"):
        raise BadHttp(415, "compressed requests are not understood")
    connection = _field(lowered, b"connection")
    path = words[1].partition("?")[0]
    return _Head(
        method=words[0],
        path=unquote(path) if "%" in path else path,
        length=_length(lowered),
        keeps_alive=connection == "keep-alive" if words[2] == "HTTP/1.0" else "close" not in connection,
        expects_continue=_field(lowered, b"expect") == "100-continue",
    )


def _length(fields: bytes) -> int | None:
    """The length of the body; None where it comes in chunks."""
    coding = _field(fields, b"transfer-encoding")
    written = _field(fields, b"content-length")
    if coding:
        if coding != "chunked" or written:
            raise BadHttp(400, "the length of the body is unclear")
        return None
    if not written:
        return 0
    if not (written.isascii() and written.isdigit()):
        raise BadHttp(400, "the content length is no number")
    if len(written) > 12 or int(written) > MOST_BODY_BYTES:
        raise BadHttp(413, "the body is too large")
    return int(written)


def _field(fields: bytes, name: bytes) -> str:
    start = fields.find(b"\r\n" + name + b":")
    if start < 0:
        return ""
    start += len(name) + 3
    return fields[start : fields.find(b"\r\n", start)].decode("latin-1").strip()


def _hexadecimal(written: bytes) -> int:
    # int() alone would also take signs, underscores and a prefix.
    if not _CHUNK_SIZE.fullmatch(written.strip()):
        raise BadHttp(400, "a chunk has no size")
    return int(written, 16)


def _head_of(status: int, length: int, headers: str, *, keeps_alive: bool) -> bytes:
    closing = "" if keeps_alive else "connection: close\r\n"
    return f"HTTP/1.1 {status} {_REASONS[status]}\r\n{headers}{closing}content-length: {length}\r\n\r\n".encode(
        "latin-1"
    )
