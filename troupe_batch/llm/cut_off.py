"""Replies that reach the limit of completion tokens: what used the limit up, and one larger try where the job asks."""

from __future__ import annotations

from dataclasses import replace

from troupe_batch.errors import RecordAndGoOn
from troupe_batch.llm.chat import ChatModel, ChatReply, ChatRequest, ReplyStatus
from troupe_batch.llm.unsuitable import more_room, thinking_of


class CutOff:
    """A model whose cut off replies say how much of them was thinking and which setting helps.

    Where the parameters name a `larger_limit`, such a request is sent once more with that limit: a call of its own to
    limits and budget, whose tokens, cost and time are added to those of the first.
    """

    def __init__(self, inner: ChatModel) -> None:
        self._inner = inner

    async def complete(self, request: ChatRequest) -> ChatReply:
        """The reply to `request`, from the larger try where it was cut off."""
        first = await self._inner.complete(request)
        if first.status is not ReplyStatus.TRUNCATED:
            return first
        first = _explained(first, request)
        if request.parameters.larger_limit is None:
            return first
        larger = replace(request.parameters, max_completion_tokens=request.parameters.larger_limit, larger_limit=None)
        wider = replace(request, parameters=larger)
        try:
            second = await self._inner.complete(wider)
        except RecordAndGoOn as error:
            # As with repairs: the first reply is paid for, and its status stands.
            return replace(first, reason=f"{first.reason}; the larger try failed: {error}")
        if second.status is ReplyStatus.TRUNCATED:
            second = _explained(second, wider)
        return second.after(first)


def _explained(reply: ChatReply, request: ChatRequest) -> ChatReply:
    limit = request.parameters.max_completion_tokens
    at = f"max_completion_tokens = {limit:,}" if limit else "its limit of completion tokens"
    thinking = thinking_of(reply)
    return replace(reply, reason=f"it reached {at}{thinking}; {more_room(has_thought=bool(thinking))}")
