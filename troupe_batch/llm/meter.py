"""Entries in the books: every call before it leaves and at its end, whatever becomes of its reply."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeAlias

from troupe_batch.errors import EndpointFaulty, EndpointUnreachable, RecordAndGoOn, StopTheJob, TryAgain
from troupe_batch.llm.books import Books
from troupe_batch.llm.chat import ChatModel, ChatReply, ChatRequest
from troupe_batch.llm.prices import Prices

Look: TypeAlias = Callable[[ChatRequest, ChatReply], Awaitable[None]]


class Metered:
    """A model that enters in `books` what each call costs, by the price of the model that the call names.

    Stands below everything that may send a call again. `look` is shown each reply beside its request.
    """

    def __init__(self, inner: ChatModel, books: Books, prices: Prices, *, look: Look | None = None) -> None:
        self._inner = inner
        self._books = books
        self._prices = prices
        self._look = look

    async def complete(self, request: ChatRequest) -> ChatReply:
        """The reply to `request`."""
        books, worst_usd = self._books, self._books.foreseen.get(id(request))
        if worst_usd is None and (price := self._prices.of(request.endpoint.model)) is not None:
            worst_usd = price.worst_case(request)
        if books.departed_usd + (worst_usd or 0.0) > books.limit_usd:
            await books.make_room(worst_usd or 0.0)
        row = books.depart(request, worst_usd or 0.0)
        try:
            reply = await self._inner.complete(request)
        except BaseException as error:
            if may_be_paid(error):
                books.enter_doubt(row, worst_usd)
            else:
                books.enter_nothing(row, worst_usd)
            raise
        books.enter_reply(row, worst_usd, reply)
        if self._look is not None:
            await self._look(request, reply)
        return reply


def may_be_paid(error: BaseException) -> bool:
    """Whether a call that ended in this error may be charged for. A cancelled one may: it may have been served."""
    if isinstance(error, EndpointFaulty | EndpointUnreachable):
        return error.may_be_paid
    return not isinstance(error, TryAgain | RecordAndGoOn | StopTheJob)
