"""Routes requests to the endpoint, keeps them waiting as long as they should, and runs the life of the server."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable

import orjson
from aiohttp import web

from troupe_batch.rehearsal.config import RehearsalConfig
from troupe_batch.rehearsal.endpoint import RehearsalEndpoint, RehearsalRequest
from troupe_batch.rehearsal.faults import FaultKind
from troupe_batch.rehearsal.prefix_cache import without_hints
from troupe_batch.rehearsal.replies import Reply, error
from troupe_batch.seeded import stream

MOST_BODY_BYTES = 64 * 2**20
_MODELS = ("rehearsal", "text-embedding-rehearsal")
_BACKLOG = 4_096
_MOST_HEAD_BYTES = 64 * 2**10
# Clients keep connections open for as long as a run lasts, also where nobody asks anything for hours.
_KEEP_ALIVE_S = 7 * 24 * 3_600.0


async def serve(config: RehearsalConfig, *, ready: Callable[[str], None], stop: asyncio.Event | None = None) -> None:
    """Serves until `stop` is set or the task is cancelled; calls `ready` with the base URL once it listens.

    SpecError where the respondent file is wrong, OSError where the address cannot be had.
    """
    loop = asyncio.get_running_loop()
    # Without the router and the middlewares of an application: they cost more than what is answered here.
    connections = web.Server(
        _Door(config).handle,
        request_factory=lambda message, payload, protocol, writer, task: web.BaseRequest(
            message, payload, protocol, writer, task, loop, client_max_size=MOST_BODY_BYTES
        ),
        # A client that leaves ends the waiting for its reply.
        handler_cancellation=True,
        keepalive_timeout=_KEEP_ALIVE_S,
        max_line_size=_MOST_HEAD_BYTES,
        max_field_size=_MOST_HEAD_BYTES,
        lingering_time=0.0,
        access_log=None,
    )
    server = await loop.create_server(connections, config.host, config.port, backlog=_BACKLOG)
    try:
        host, port = server.sockets[0].getsockname()[:2]
        ready(f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}")
        await (stop or asyncio.Event()).wait()
    finally:
        server.close()
        for connection in connections.connections:
            if connection.transport:
                connection.transport.abort()
        await server.wait_closed()


class _Door:
    """Takes HTTP requests, answers the simple ones, and hands model calls to the endpoint."""

    def __init__(self, config: RehearsalConfig) -> None:
        self.endpoint = RehearsalEndpoint(config)
        self._hash_key = stream(config.seed, "rehearsal").to_bytes(8, "big")
        # Who answers, so that a client can tell whether these are the respondents that its run was planned with.
        self._headers = {"x-troupe-rehearsal": config.identity, "content-type": "application/json"}

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """The answer to a request, or none where it is one that a fault leaves hanging."""
        method, path = request.method, request.path
        if (request.content_length or 0) > MOST_BODY_BYTES:
            return self._answer(error(413, "the body is too large", kind="invalid_request_error"), closes=True)
        if request.headers.get("expect", "").lower() == "100-continue":
            await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = await request.read()
        if method == "POST" and path.endswith(("/chat/completions", "/embeddings")):
            key = hashlib.blake2b(without_hints(body), digest_size=8, key=self._hash_key).digest()
            order = RehearsalRequest(
                path.endswith("/chat/completions"), _model_in(path), body, int.from_bytes(key, "big")
            )
            return await self._exchange(request, order)
        if (page := self._page(method, path)) is not None:
            return self._answer(Reply(200, orjson.dumps(page)))
        return self._answer(error(404, f"Unknown request URL: {method} {path}", kind="invalid_request_error"))

    async def _exchange(self, request: web.BaseRequest, order: RehearsalRequest) -> web.StreamResponse:
        """One model call from its arrival to its end: answered, left hanging, or given up by the client."""
        self.endpoint.stats.arrive()
        try:
            reply = await self._reply(order)
            if reply.fault in _HANGING:
                await self._hang(request, reply)
            self.endpoint.sent(order, reply)
        finally:
            # Looked up at the end: a reset in between puts other counters in place.
            self.endpoint.stats.leave()
        return self._answer(reply)

    async def _reply(self, order: RehearsalRequest) -> Reply:
        reply, delay_s = self.endpoint.answer(order)
        if delay_s:
            try:
                await asyncio.sleep(delay_s)
            except asyncio.CancelledError:
                self.endpoint.stats.abandoned += 1
                raise
        return reply

    async def _hang(self, request: web.BaseRequest, reply: Reply) -> None:
        """Sends half of the reply or nothing, and comes back only by being cancelled, once the connection is gone."""
        transport = request.transport
        if transport and reply.fault is FaultKind.DROP:
            transport.abort()
        elif transport and reply.fault is FaultKind.DROP_MIDWAY:
            promised = web.StreamResponse(status=reply.status, headers=self._headers)
            promised.content_length = len(reply.body)
            await promised.prepare(request)
            await promised.write(reply.body[: len(reply.body) // 2])
            transport.close()
        await asyncio.Event().wait()

    def _answer(self, reply: Reply, *, closes: bool = False) -> web.Response:
        answer = web.Response(status=reply.status, body=reply.body, headers={**self._headers, **reply.headers})
        if closes:
            answer.force_close()
        return answer

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


_HANGING = frozenset((FaultKind.TIMEOUT, FaultKind.DROP, FaultKind.DROP_MIDWAY))


def _model_in(path: str) -> str | None:
    """The deployment that an Azure path names."""
    _, found, rest = path.partition("/openai/deployments/")
    return rest.partition("/")[0] if found else None


def _models(path: str) -> dict[str, object] | None:
    if path.endswith("/models"):
        return {"object": "list", "data": [_model_card(name) for name in _MODELS]}
    before, found, name = path.rpartition("/models/")
    return _model_card(name) if found and name and before in ("", "/v1", "/openai/v1") else None


def _model_card(name: str) -> dict[str, object]:
    return {"id": name, "object": "model", "created": 0, "owned_by": "rehearsal"}
