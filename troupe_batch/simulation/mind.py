"""Minds: what people think with, be it a model, how it is asked, and calls that are made together."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeVar

import numpy as np

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
    Sharing,
)
from troupe_batch.llm.embeddings import EmbeddingRequest, vector_of
from troupe_batch.llm.model_names import NO_EFFORT, default_effort
from troupe_batch.simulation.vectors import Vector, VectorStore

EMBEDDING = "embedding"
"""The purpose under which embeddings stand among the calls."""
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class MindSettings:
    """Settings of minds: how people remember, act and are checked, all beside the model that can change what they do.

    Lengths count events of a person. An act is asked for at most `max_rounds` times when its faculties bring something
    to look at, and each reply holds at most `max_actions` actions. With `checks_quality` each act is scored by one more
    call and generated anew while a score (0 to 9) is below `quality_threshold`: at most `2 * quality_attempts` calls an
    act. `retrieves`: of more facts than a prompt shows it has those that fit the moment, by an embedding call an act.
    """

    consolidates: bool = True
    retrieves: bool = True
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
    have in common: its occasion, its rules, its material. `person_id` is whose mind it is, where it is one person's:
    all of its calls are theirs. `reasoning` answers what takes deliberation (checks, extraction), by default the same
    endpoint. Embeddings are asked of `embedding` and kept in `vectors`, which several minds may share. `alike` is about
    how many calls of a run have the premise of this mind.
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
        person_id: str | None = None,
        vectors: VectorStore | None = None,
        alike: int = 1,
    ) -> None:
        self.model = model
        self.endpoint = endpoint
        self.parameters = parameters or Parameters()
        self.settings = settings or MindSettings()
        self.reasoning = reasoning or endpoint
        self.embedding = embedding
        self.premise = premise
        self.person_id = person_id
        self.vectors = vectors if vectors is not None else VectorStore()
        self.calls: list[CallRecord] = []
        self._alike = alike
        self._sample = sample
        self._namesakes: dict[str, int] = {}
        self._shares_draws = shares_draws

    def namesake(self, person_id: str, number: int | None = None) -> int:
        """The number of one more person of this id who thinks with this mind, from 1; or `number`, where they have one.

        People who were made by hand may share a name, and with it an id: they are told apart by the order in which they
        first act, which is the same whenever a program is run again.
        """
        known = self._namesakes.get(person_id, 0)
        number = known + 1 if number is None else number
        self._namesakes[person_id] = max(known, number)
        return number

    def forget_namesakes(self) -> None:
        """Count people of the same id anew: a program begins again."""
        self._namesakes.clear()

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
        """The model's reply, whatever its status; recorded under `purpose`. Raises what the model raises.

        The first of the messages is taken to be the same for all whom a mind of this premise asks for the same.
        """
        endpoint = endpoint or self.endpoint
        # The name of a draw without its number is whose draw it is.
        sharing = Sharing(1, self._alike, draw.rpartition(".")[0])
        parameters = parameters_at(endpoint, self.endpoint, self.parameters)
        request = ChatRequest(endpoint, tuple(messages), draw, parameters, schema, sharing)
        try:
            reply = await self.model.complete(request)
        except RecordAndGoOn as error:
            self._record(purpose, request, error)
            raise
        self._record(purpose, request, reply)
        return reply

    async def embed(self, texts: Sequence[str]) -> Vector:
        """The embeddings of `texts`, shape (n, d), each of length 1: the cosine of two is their product.

        Only what the mind's `vectors` do not hold is asked for, and only that is on record. CannotAct where an
        endpoint answers with something else; FixTheInput where the mind was given no `embedding`.
        """
        if self.embedding is None:
            raise FixTheInput("looking things up needs a model for embeddings; give the mind an `embedding` endpoint")
        once = list(dict.fromkeys(texts))
        found = self.vectors.at_hand(self.embedding, once)
        if len(found) < len(once):
            found |= await self._embed_new([text for text in once if text not in found], self.embedding)
        if len({len(vector) for vector in found.values()}) > 1:
            raise CannotAct("unreadable", f"embeddings of {self.embedding.model} differ in length")
        return np.stack([found[text] for text in texts]) if found else np.empty((0, 0), np.float32)

    async def _embed_new(self, texts: Sequence[str], endpoint: Endpoint) -> dict[str, Vector]:
        """The vectors of these texts, recorded; raises the gravest error where there is one."""
        made: dict[str, ChatReply | RecordAndGoOn] = {}
        requests = {text: EmbeddingRequest.of(endpoint, text) for text in texts}
        asked = [self.vectors.vector(endpoint, text, partial(self._asked_for, requests[text], made)) for text in texts]
        # All at once, each to its end: none is left running behind an error, and the record keeps the order.
        outcomes = await asyncio.gather(*asked, return_exceptions=True)
        for text in texts:
            if text in made:
                self._record(EMBEDDING, requests[text], made[text])
        errors = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
        if errors:
            # What stops the run goes first, then what has the shard tried again, then what is only a row.
            raise min(errors, key=lambda e: (not isinstance(e, StopTheJob), isinstance(e, RecordAndGoOn)))
        return {text: one for text, one in zip(texts, outcomes, strict=True) if not isinstance(one, BaseException)}

    async def _asked_for(self, request: EmbeddingRequest, made: dict[str, ChatReply | RecordAndGoOn]) -> Vector:
        try:
            reply = await self.model.complete(request)
        except RecordAndGoOn as error:
            made[request.text] = error
            raise
        # A shard keeps its records until its files are written, and the vector has its place in the store.
        made[request.text] = replace(reply, text=None, value=None)
        if reply.status is not ReplyStatus.OK:
            reason = reply.reason or "no embedding came back"
            raise CannotAct(reply.status, reason, call_key=_key_of(request, reply))
        return vector_of(reply)

    def _record(self, purpose: str, request: ChatRequest, outcome: ChatReply | RecordAndGoOn) -> None:
        if isinstance(outcome, ChatReply):
            status, reason = outcome.status, outcome.reason
            record = CallRecord(
                purpose, _key_of(request, outcome), request.sample, status, reason, outcome, self.person_id
            )
        else:
            reason = str(outcome) or type(outcome).__name__
            record = CallRecord(
                purpose, _key_of_failed(request), request.sample, "failed", reason, None, self.person_id
            )
        self.calls.append(record)


def parameters_at(endpoint: Endpoint, asked: Endpoint, parameters: Parameters) -> Parameters:
    """Those chosen for `asked`; but `none` is for people, and another model may not know it: that gets its default."""
    if endpoint.model == asked.model or parameters.reasoning_effort != NO_EFFORT:
        return parameters
    return replace(parameters, reasoning_effort=default_effort(endpoint.model))


def _key_of(request: ChatRequest, reply: ChatReply) -> str:
    """The key in hex, as the cache computed it where there is one."""
    return (reply.key if reply.key is not None else request.key()).hex()


def _key_of_failed(request: ChatRequest) -> str:
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


async def all_ended(calls: Iterable[Coroutine[Any, Any, T]]) -> list[T | BaseException]:
    """What each call brought, in the order given: its result or its error. Nothing is cancelled because of another."""
    return await asyncio.gather(*calls, return_exceptions=True)


def raise_gravest(outcomes: Sequence[object]) -> None:
    """Raises the error that nobody can record and go on from: what stops the job first, else the first in order."""
    graves = [one for one in outcomes if isinstance(one, BaseException) and not isinstance(one, RecordAndGoOn)]
    if graves:
        raise next((one for one in graves if isinstance(one, StopTheJob)), graves[0])


def raise_first(outcomes: Sequence[object]) -> None:
    """Raises the gravest error, else the first that can be recorded; comes back where there is none at all."""
    raise_gravest(outcomes)
    for one in outcomes:
        if isinstance(one, BaseException):
            raise one
