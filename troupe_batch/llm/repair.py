"""Second tries: a reply that cannot be read goes back with what is wrong with it, a cut off one gets more room."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from importlib import resources

from jinja2 import Environment, StrictUndefined, Template

from troupe_batch.errors import RecordAndGoOn
from troupe_batch.llm.chat import ChatModel, ChatReply, ChatRequest, Message, ReplyStatus, Role
from troupe_batch.llm.unsuitable import more_room, thinking_of

_LONGEST_ECHO = 8_000
_LONGEST_PROBLEM = 500


class Repairing:
    """A model whose unreadable replies get one second chance; tokens, cost and time of both calls are summed.

    Stands below the cache: what is stored under the original request is the final reply. One of which a part is kept
    gets no second chance here: whoever asked asks for the rest alone.
    """

    def __init__(self, inner: ChatModel) -> None:
        self._inner = inner

    async def complete(self, request: ChatRequest) -> ChatReply:
        """The reply to `request`, repaired where its text did not match the schema."""
        reply = await self._inner.complete(request)
        schema = request.reply_schema
        if reply.status is not ReplyStatus.UNREADABLE or schema is None or not reply.text:
            return reply
        if schema.is_kept_in_part(reply.value):
            return reply
        try:
            second = await self._inner.complete(repair_request(request, reply))
        except RecordAndGoOn as error:
            # The first reply is paid for and must be told; the failed repair is only a reason.
            return replace(reply, reason=f"{reply.reason}; the repair round failed: {error}")
        return _better(reply, replace(second.after(reply), is_repaired=second.status is ReplyStatus.OK))


def repair_request(request: ChatRequest, reply: ChatReply) -> ChatRequest:
    """The request with the unreadable reply and the repair prompt behind it, as a draw of its own."""
    problem = (reply.reason or "it was not readable")[:_LONGEST_PROBLEM]
    echo = Message(Role.ASSISTANT, (reply.text or "")[:_LONGEST_ECHO])
    prompt = Message(Role.USER, _repair_template().render(problem=problem))
    return replace(request, messages=(*request.messages, echo, prompt), sample=f"{request.sample}/repair")


def _better(first: ChatReply, second: ChatReply) -> ChatReply:
    """The second reply, unless it holds nothing and the first at least a contradictory value."""
    if second.status is ReplyStatus.OK or second.value is not None or first.value is None:
        return second
    reason = f"{first.reason}; the repair round brought no better reply: {second.status}"
    return replace(second, status=first.status, text=first.text, value=first.value, reason=reason)


@cache
def _repair_template() -> Template:
    text = resources.files("troupe_batch.llm").joinpath("prompts", "repair.md").read_text(encoding="utf-8")
    # Not HTML: quotes and angle brackets of the problem must arrive as they are.
    environment = Environment(undefined=StrictUndefined, autoescape=False, keep_trailing_newline=False)  # noqa: S701 -- plain text for a model
    return environment.from_string(text)


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
