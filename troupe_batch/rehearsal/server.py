"""Routes requests to the endpoint, keeps them waiting as long as they should, and runs the life of the server."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable

import orjson

from troupe_batch.rehearsal.config import RehearsalConfig
from troupe_batch.rehearsal.endpoint import Endpoint, Order
from troupe_batch.rehearsal.faults import FaultKind
from troupe_batch.rehearsal.http_connection import HttpConnection, HttpRequest
from troupe_batch.rehearsal.prefix_cache import without_hints
from troupe_batch.rehearsal.replies import Reply, error
from troupe_batch.seeded import stream

_MODELS = ("rehearsal", "text-embedding-rehearsal")
_BACKLOG = 4_096


async def serve(config: RehearsalConfig, *, ready: Callable[[str], None], stop: asyncio.Event | None = None) -> None:
    """Serves until `stop` is set or the task is cancelled; calls `ready` with the base URL once it listens.

    SpecError where the respondent file is wrong, OSError where the address cannot be had.
    """
    door = _Door(config)
    # Who answers, so that a client can tell whether these are the respondents that its run was planned with.
    headers = f"x-troupe-rehearsal: {config.identity}\r\ncontent-type: application/json\r\n"
    open_ones: set[HttpConnection] = set()
    server = await asyncio.get_running_loop().create_server(
        lambda: HttpConnection(door.handle, open_ones, headers), config.host, config.port, backlog=_BACKLOG
    )
    try:
        host, port = server.sockets[0].getsockname()[:2]
        ready(f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}")
        await (stop or asyncio.Event()).wait()
    finally:
        server.close()
        for connection in list(open_ones):
            connection.abort()
        await server.wait_closed()


class _Door:
    """Takes HTTP requests, answers the simple ones, and hands model calls to the endpoint."""

    def __init__(self, config: RehearsalConfig) -> None:
        self.endpoint = Endpoint(config)
        self._hash_key = stream(config.seed, "rehearsal").to_bytes(8, "big")

    def handle(self, request: HttpRequest, connection: HttpConnection) -> None:
        """Sees to it that the request is answered, now or later."""
        path = request.path
        if request.method == "POST" and path.endswith(("/chat/completions", "/embeddings")):
            key = hashlib.blake2b(without_hints(request.body), digest_size=8, key=self._hash_key).digest()
            is_chat = path.endswith("/chat/completions")
            order = Order(is_chat, _model_in(path), request.body, int.from_bytes(key, "big"))
            _Exchange(self.endpoint, order, connection).begin()
        elif (page := self._page(request.method, path)) is not None:
            connection.reply(200, orjson.dumps(page))
        else:
            unknown = error(404, f"Unknown request URL: {request.method} {path}", kind="invalid_request_error")
            connection.reply(404, unknown.body)

    def _page(self, method: str, path: str) -> dict[str, object] | None:
        if (method, path) == ("POST", "/stats/reset"):
            self.endpoint.reset()
            return self.endpoint.stats.as_json()
        if method != "GET":
            return None
        if path == "/stats":
            return self.endpoint.stats.as_json()
        if path == "/health":
            return {"status": "ok", "rehearsal": True}
        return _models(path)


class _Exchange:
    """One model call from its arrival to its end: answered, left hanging, or given up by the client."""

    __slots__ = ("_connection", "_endpoint", "_order", "_timer")

    def __init__(self, endpoint: Endpoint, order: Order, connection: HttpConnection) -> None:
        self._endpoint = endpoint
        self._order = order
        self._connection = connection
        self._timer: asyncio.TimerHandle | None = None

    def begin(self) -> None:
        """Works out the reply, and sends it when its latency is over."""
        self._endpoint.stats.arrive()
        self._connection.on_lost = self._give_up
        reply, delay_s = self._endpoint.answer(self._order)
        if delay_s:
            self._timer = asyncio.get_running_loop().call_later(delay_s, self._end, reply)
        else:
            self._end(reply)

    def _end(self, reply: Reply) -> None:
        if reply.fault in _HANGING:
            self._connection.on_lost = self._leave
            if reply.fault is FaultKind.DROP:
                self._connection.abort()
            elif reply.fault is FaultKind.DROP_MIDWAY:
                self._connection.break_off(reply.status, reply.body)
            return
        self._endpoint.sent(self._order, reply)
        self._leave()
        headers = "".join([f"{name}: {value}\r\n" for name, value in reply.headers.items()])
        self._connection.reply(reply.status, reply.body, headers)

    def _give_up(self) -> None:
        if self._timer:
            self._timer.cancel()
        self._endpoint.stats.abandoned += 1
        self._leave()

    def _leave(self) -> None:
        # Looked up at the end: a reset in between puts other counters in place.
        self._endpoint.stats.leave()


_HANGING = frozenset((FaultKind.TIMEOUT, FaultKind.DROP, FaultKind.DROP_MIDWAY))


def _model_in(path: str) -> str | None:
    """The deployment that an Azure path names."""
    _, found, rest = path.partition("/openai/deployments/")
    return rest.partition("/")[0] if found else None


def _models(path: str) -> dict[str, object] | None:
    if path.endswith("/models"):
        return {"object": "list", "data": [_model(name) for name in _MODELS]}
    before, found, name = path.rpartition("/models/")
    return _model(name) if found and name and before in ("", "/v1", "/openai/v1") else None


def _model(name: str) -> dict[str, object]:
    return {"id": name, "object": "model", "created": 0, "owned_by": "rehearsal"}
