"""What people think with: a model, how it is asked, and the calls that were made."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from troupe_batch.errors import CannotAct, FixTheInput, RecordAndGoOn, StopTheJob
from troupe_batch.llm.chat import (
    CallRecord,
    ChatModel,
    ChatReply,
    ChatRequest,
    Endpoint,
    Message,
    Parameters,
    ReplySchema,
    ReplyStatus,
)
from troupe_batch.llm.embeddings import EmbeddingRequest, vector_of

EMBEDDING = "embedding"
"""The purpose under which embeddings stand among the calls."""

_MOST_VECTORS_KEPT = 2_000

Vector = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class MindSettings:
    """How people remember, act and are checked: everything beside the model that can change what they do.

    Lengths count events of a person. An act is asked for at most `max_rounds` times when its faculties bring something
    to look at, and holds at most `max_actions` actions. With `checks_quality` each act is scored by one more call and
    generated anew while a score (0 to 9) is below `quality_threshold`: at most `2 * quality_attempts` calls an act.
    """

    consolidates: bool = True
    min_episode_length: int = 15
    max_episode_length: int = 50
    fixed_prefix_length: int = 10
    lookback_length: int = 20
    max_actions: int = 12
    max_rounds: int = 3
    prevents_harm: bool = True
    prevents_copyright_infringement: bool = True
    checks_quality: bool = False
    quality_attempts: int = 2
    quality_threshold: int = 5


class Mind:
    """Asks a model on behalf of people, and keeps a record of each call. Share one among the people of a world.

    `sample` begins the name of every draw: two minds with different samples get independent replies. With
    `shares_draws` people whose prompts are equal get one reply. `premise` is the text that all prompts of the study
    have in common: its occasion, its rules, its material. `reasoning` answers what takes deliberation (checks,
    extraction), by default the same endpoint. Embeddings are asked of `embedding`.
    """

    def __init__(  # noqa: PLR0913 -- each is a property of its own, and only the first two are needed
        self,
        model: ChatModel,
        endpoint: Endpoint,
        *,
        parameters: Parameters | None = None,
        settings: MindSettings | None = None,
        reasoning: Endpoint | None = None,
        embedding: Endpoint | None = None,
        sample: str = "0",
        shares_draws: bool = False,
        premise: str = "",
    ) -> None:
        self.model = model
        self.endpoint = endpoint
        self.parameters = parameters or Parameters()
        self.settings = settings or MindSettings()
        self.reasoning = reasoning or endpoint
        self.embedding = embedding
        self.premise = premise
        self.calls: list[CallRecord] = []
        self._sample = sample
        self._shares_draws = shares_draws
        self._vectors: dict[str, Vector] = {}

    def draw_of(self, person_id: str, number: int) -> str:
        """The name of draw `number` of a person; the same for all people where draws are shared."""
        if self._shares_draws:
            return f"{self._sample}.{number}"
        return f"{self._sample}.{person_id}.{number}"

    async def ask(
        self,
        purpose: str,
        messages: Sequence[Message],
        schema: ReplySchema,
        *,
        draw: str,
        endpoint: Endpoint | None = None,
    ) -> ChatReply:
        """The model's reply, whatever its status; recorded under `purpose`. Raises what the model raises."""
        request = ChatRequest(endpoint or self.endpoint, tuple(messages), draw, self.parameters, schema)
        try:
            reply = await self.model.complete(request)
        except RecordAndGoOn as error:
            self._record(purpose, request, error)
            raise
        self._record(purpose, request, reply)
        return reply

    async def embed(self, texts: Sequence[str]) -> Vector:
        """The embeddings of `texts`, shape (n, d), each of length 1: the cosine of two is their product.

        Each text is asked for once by this mind, and paid for once by all who share a cache. CannotAct where an
        endpoint answers with something else; FixTheInput where the mind was given no `embedding`.
        """
        if self.embedding is None:
            raise FixTheInput("looking things up needs a model for embeddings; give the mind an `embedding` endpoint")
        new = [text for text in dict.fromkeys(texts) if text not in self._vectors]
        requests = [EmbeddingRequest.of(self.embedding, text) for text in new]
        # All at once, each to its end: none is left running behind an error, and the record keeps the order.
        outcomes = await asyncio.gather(*map(self.model.complete, requests), return_exceptions=True)
        found = dict(zip(new, self._vectors_in(requests, outcomes), strict=True))
        vectors = [found[text] if text in found else self._vectors[text] for text in texts]
        self._keep(found)
        if len({len(vector) for vector in vectors}) > 1:
            raise CannotAct("unreadable", f"embeddings of {self.embedding.model} differ in length")
        return np.stack(vectors) if vectors else np.empty((0, 0), np.float32)

    def _vectors_in(
        self, requests: Sequence[ChatRequest], outcomes: Sequence[ChatReply | BaseException]
    ) -> list[Vector]:
        """The vectors of all replies, recorded; raises the gravest error where there is one."""
        for request, outcome in zip(requests, outcomes, strict=True):
            if isinstance(outcome, ChatReply | RecordAndGoOn):
                self._record(EMBEDDING, request, outcome)
        errors = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
        if errors:
            # What stops the run goes first, then what has the shard tried again, then what is only a row.
            raise min(errors, key=lambda e: (not isinstance(e, StopTheJob), isinstance(e, RecordAndGoOn)))
        replies = [outcome for outcome in outcomes if isinstance(outcome, ChatReply)]
        for reply in replies:
            if reply.status is not ReplyStatus.OK:
                raise CannotAct(reply.status, reply.reason or "no embedding came back")
        return [vector_of(reply) for reply in replies]

    def _keep(self, found: dict[str, Vector]) -> None:
        """Remember vectors for the next question; the oldest go where they become too many."""
        self._vectors.update(found)
        for text in list(self._vectors)[: max(0, len(self._vectors) - _MOST_VECTORS_KEPT)]:
            del self._vectors[text]

    def _record(self, purpose: str, request: ChatRequest, outcome: ChatReply | RecordAndGoOn) -> None:
        if isinstance(outcome, ChatReply):
            key = outcome.key if outcome.key is not None else request.key()
            record = CallRecord(purpose, key.hex(), request.sample, outcome.status, outcome.reason, outcome)
        else:
            reason = str(outcome) or type(outcome).__name__
            record = CallRecord(purpose, _key_of(request), request.sample, "failed", reason, None)
        self.calls.append(record)


def _key_of(request: ChatRequest) -> str:
    """The key in hex; none for a text that is no UTF-8, which is why such a request failed."""
    try:
        return request.key().hex()
    except TypeError:
        return ""


class _Connected:
    """The mind of people who were given none: the one place for it, set by `connect` and never by the library."""

    mind: Mind | None = None


def use_mind(mind: Mind | None) -> None:
    """Makes this the mind of all people who were given none; None disconnects them."""
    _Connected.mind = mind


def connected_mind() -> Mind:
    """The mind of people who were given none; FixTheInput where nobody has connected one."""
    if _Connected.mind is None:
        raise FixTheInput(
            "no model is connected: call `await troupe_batch.connect()` first (or `connect(rehearse=True)` for "
            "placeholder answers without a key), or give the person or world a `mind`"
        )
    return _Connected.mind
