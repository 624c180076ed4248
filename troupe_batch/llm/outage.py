"""Outages of the endpoint, told from the failure of one request: only the latter may become a row of the dataset."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import replace

from troupe_batch.errors import (
    EndpointDown,
    EndpointFaulty,
    EndpointStaysDown,
    EndpointUnreachable,
    GaveUp,
    RecordAndGoOn,
)
from troupe_batch.llm.chat import ChatModel, ChatReply, ChatRequest, Message, Parameters, Role
from troupe_batch.llm.embeddings import EmbeddingRequest

_LOG = logging.getLogger(__name__)

# Where the endpoint has never answered, a wrong address is likelier than an outage.
_PATIENCE_BEFORE_THE_FIRST_ANSWER_S = 600.0
_OF_THE_ENDPOINT = (EndpointFaulty, EndpointUnreachable)
_PROBE = (Message(Role.USER, "Reply with the word: here"),)
_PROBE_LIMIT = Parameters(max_completion_tokens=16)


class OutageAware:
    """A model that raises EndpointDown in place of GaveUp where the endpoint answers nothing at all.

    Whenever a request is given up, `probed` (the model below the retries) is sent one tiny request that has nothing in
    common with it. If that is answered, the request is tried once more, as the endpoint may just have come back; if
    this fails too, the request itself is at fault and GaveUp stands. (Counting failures instead would let the first
    ones of an outage through, and would take the last requests of a run, where all of them are poisonous, for an outage
    without end.) After `patience_s` without any answer EndpointStaysDown stops the job.
    """

    def __init__(
        self,
        inner: ChatModel,
        probed: ChatModel,
        *,
        patience_s: float,
        rest_s: float = 15.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._inner = inner
        self._probed = probed
        self._patience_s = patience_s
        self._rest_s = rest_s
        self._clock = clock
        self._has_answered = False
        self._down_since_s: float | None = None
        self._probing = asyncio.Lock()
        self._probes = 0

    async def complete(self, request: ChatRequest) -> ChatReply:
        """The reply to `request`; GaveUp only where the endpoint answers others."""
        try:
            reply = await self._inner.complete(request)
        except GaveUp as error:
            if not isinstance(error.__cause__, _OF_THE_ENDPOINT):
                raise
            await self._probe(request, error)
            reply = await self._last_try(request, error)
        self._note_answer()
        return reply

    async def _last_try(self, request: ChatRequest, error: GaveUp) -> ChatReply:
        try:
            reply = await self._probed.complete(request)
        except _OF_THE_ENDPOINT:
            raise error from error.__cause__
        return replace(reply, attempts=reply.attempts + error.attempts)

    async def _probe(self, request: ChatRequest, error: GaveUp) -> None:
        """Comes back where the endpoint answers. All who give up at about the same time share one probe."""
        seen = self._probes
        async with self._probing:
            if self._probes == seen:
                await self._send_probe(request)
                self._probes += 1
        if self._down_since_s is None:
            return
        down_s = self._clock() - self._down_since_s
        if down_s >= self._patience:
            waited = f", and has not for {down_s / 60:.0f} minutes" if down_s >= 60 else ""
            raise EndpointStaysDown(
                f"the endpoint answers nothing{waited} ({error.__cause__}); check "
                "OpenAI.BASE_URL and the service's status page, then give the same command again to go on"
            ) from error
        raise EndpointDown(f"the endpoint answers nothing for now ({error.__cause__})", rest_s=self._rest_s) from error

    async def _send_probe(self, request: ChatRequest) -> None:
        try:
            await self._probed.complete(_probe_like(request))
        except _OF_THE_ENDPOINT:
            if self._down_since_s is None:
                self._down_since_s = self._clock()
                _LOG.warning("The endpoint answers nothing; shards wait for it", extra={"action": "endpoint_down"})
            return
        except RecordAndGoOn:
            pass  # a refusal of the probe is an answer too
        self._note_answer()

    def _note_answer(self) -> None:
        self._has_answered = True
        if self._down_since_s is not None:
            self._down_since_s = None
            _LOG.warning("The endpoint answers again", extra={"action": "endpoint_back"})

    @property
    def _patience(self) -> float:
        if self._has_answered:
            return self._patience_s
        return min(self._patience_s, _PATIENCE_BEFORE_THE_FIRST_ANSWER_S)


def _probe_like(request: ChatRequest) -> ChatRequest:
    """A tiny request of the same kind to the same model: an embedding model knows nothing of chat."""
    if isinstance(request, EmbeddingRequest):
        return EmbeddingRequest.of(request.endpoint, "here")
    return ChatRequest(request.endpoint, _PROBE, "probe", _PROBE_LIMIT)
