"""What people think with: a model, how it is asked, and the calls that were made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from troupe_batch.errors import FixTheInput, RecordAndGoOn
from troupe_batch.llm.chat import (
    CallRecord,
    ChatModel,
    ChatReply,
    ChatRequest,
    Endpoint,
    Message,
    Parameters,
    ReplySchema,
)


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
            reason = str(error) or type(error).__name__
            self.calls.append(CallRecord(purpose, request.key().hex(), draw, "failed", reason, None))
            raise
        key = reply.key if reply.key is not None else request.key()
        self.calls.append(CallRecord(purpose, key.hex(), draw, reply.status, reply.reason, reply))
        return reply


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
