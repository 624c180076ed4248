"""Books of one process: what its calls cost, entered in memory that a killed process can leave behind."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Iterator
from mmap import mmap
from typing import TypeAlias

from troupe_batch.errors import EndpointFaulty, EndpointUnreachable, RecordAndGoOn, StopTheJob, TryAgain
from troupe_batch.llm.chat import ChatModel, ChatReply, ChatRequest
from troupe_batch.llm.prices import Prices
from troupe_batch.llm.spending import COLUMNS, KindSums, Spending, share, spending_in, tally_of

MAGIC = b"troupe books 1\n\n"  # 16 bytes; stands there once the rest can be read
_NAME_BYTES = 128
_ROW_NUMBERS = _NAME_BYTES // 8 + len(COLUMNS)
_ROW_BYTES = 8 * _ROW_NUMBERS
_MOST_KINDS = 64
_OTHERS = "others"
SIZE = len(MAGIC) + _MOST_KINDS * _ROW_BYTES

_AT = {name: _NAME_BYTES // 8 + place for place, name in enumerate(COLUMNS)}
_CALLS, _SILENT, _UNPRICED = _AT["calls"], _AT["silent_calls"], _AT["unpriced"]
_COST, _LIKES, _LIKES_USD, _DEAREST = _AT["cost_usd"], _AT["likes"], _AT["likes_usd"], _AT["dearest"]
_OVER, _OVER_USD = _AT["over_calls"], _AT["over_usd"]
_DOUBTFUL, _DOUBTFUL_USD = _AT["doubtful_calls"], _AT["doubtful_usd"]
_HELD, _HELD_USD = _AT["held_calls"], _AT["held_usd"]
_PROMPT, _CACHED, _WRITTEN = _AT["prompt_tokens"], _AT["cached_tokens"], _AT["cache_write_tokens"]
_COMPLETION, _REASONING = _AT["completion_tokens"], _AT["reasoning_tokens"]
# The price of a call and the price of its usage are sums of floats.
_ROUNDING = 1.0 + 1e-9
Look: TypeAlias = Callable[[ChatRequest, ChatReply], Awaitable[None]]


async def _no_room(worst_usd: float) -> None:
    """Where nobody keeps a record beside the books, calls need no room in it."""


class Books:
    """Counts each call at its departure and at its end. Belongs to one event loop.

    `foreseen` are the worst cases of requests on their way to the meter, by `id`, where somebody has reckoned them.
    `departed_usd` adds up the worst cases of all calls that left; beyond `limit_usd` a call asks `make_room` first, and
    beyond `low_usd` its departure tells `run_low`: so whoever stores the books keeps ahead of what is spent.
    """

    def __init__(self) -> None:
        self._buffer: bytearray | mmap = bytearray(SIZE)
        self._buffer[: len(MAGIC)] = MAGIC
        self._numbers = memoryview(self._buffer).cast("d")
        self._rows: dict[tuple[str, str | None, int | None], int] = {}
        self._names: dict[str, int] = {}
        self._in_doubt: set[int] = set()
        self._cost_usd = 0.0
        self.foreseen: dict[int, float] = {}
        self.departed_usd = 0.0
        self.limit_usd = self.low_usd = math.inf
        self.make_room: Callable[[float], Awaitable[None]] = _no_room
        self.run_low: Callable[[], None] = lambda: None

    def move_to(self, buffer: bytearray | mmap) -> None:
        """Goes on in another buffer of `SIZE` bytes, all zero; the old one is free after that."""
        buffer[len(MAGIC) : SIZE] = self._buffer[len(MAGIC) : SIZE]
        buffer[: len(MAGIC)] = MAGIC
        self._numbers.release()
        self._buffer, self._numbers = buffer, memoryview(buffer).cast("d")

    def content(self) -> bytes:
        """The books as they stand, for `tallies_in`."""
        return bytes(self._buffer)

    def total(self) -> Spending:
        """What this process has spent."""
        return spending_in(tallies_in(self.content()))

    @property
    def held_calls(self) -> int:
        """How many calls are in flight."""
        numbers = self._numbers
        return round(sum(numbers[row + _HELD] for row in self._names.values()))

    def money(self) -> tuple[float, float]:
        """USD that are spent, and that a cost cap keeps beyond them for doubtful calls."""
        expected, reserved, numbers = 0.0, 0.0, self._numbers
        for row in self._in_doubt:  # as `KindSums` does, in a tenth of the time: this is done at each call
            likes, worst_usd = numbers[row + _LIKES], numbers[row + _LIKES_USD]
            mean = numbers[row + _COST] / worst_usd if worst_usd else 1.0
            expected += numbers[row + _DOUBTFUL_USD] * share(likes, mean)
            reserved += numbers[row + _DOUBTFUL_USD] * share(likes, numbers[row + _DEAREST])
        return self._cost_usd + expected, max(0.0, reserved - expected)

    def depart(self, request: ChatRequest, worst_usd: float) -> int:
        """Enters a call that leaves now; the row that its end is to be entered in."""
        schema = None if request.reply_schema is None else request.reply_schema.name
        kind = (request.endpoint.model, schema, request.parameters.max_completion_tokens)
        row = self._rows.get(kind)
        if row is None:
            row = self._rows[kind] = self._row(" ".join("-" if part is None else str(part) for part in kind))
        self._numbers[row + _HELD_USD] += worst_usd
        self._numbers[row + _HELD] += 1
        self.departed_usd += worst_usd
        if self.departed_usd > self.low_usd:
            self.run_low()
        return row

    def enter_reply(self, row: int, worst_usd: float | None, reply: ChatReply) -> None:
        """Enters the end of a call that was answered; None where its model has no price."""
        numbers, usage, cost_usd = self._numbers, reply.usage, reply.cost_usd
        if usage is None and cost_usd is None:
            numbers[row + _CALLS] += 1
            numbers[row + _SILENT] += 1
            self.enter_doubt(row, worst_usd)
            return
        # What is certain stands there before it is no longer held: a kill in between counts it twice, and never not.
        if cost_usd is None:
            numbers[row + _UNPRICED] += 1
        else:
            self._enter_cost(row, worst_usd or 0.0, cost_usd)
        numbers[row + _CALLS] += 1
        if usage is not None:
            numbers[row + _PROMPT] += usage.prompt_tokens
            numbers[row + _CACHED] += usage.cached_tokens
            numbers[row + _WRITTEN] += usage.cache_write_tokens
            numbers[row + _COMPLETION] += usage.completion_tokens
            numbers[row + _REASONING] += usage.reasoning_tokens
        self.enter_nothing(row, worst_usd)

    def enter_doubt(self, row: int, worst_usd: float | None) -> None:
        """Enters the end of a call of which nobody knows whether, or how much, it was charged for."""
        numbers = self._numbers
        if worst_usd is None:
            numbers[row + _UNPRICED] += 1
        numbers[row + _DOUBTFUL_USD] += worst_usd or 0.0
        numbers[row + _DOUBTFUL] += 1
        self._in_doubt.add(row)
        self.enter_nothing(row, worst_usd)

    def enter_nothing(self, row: int, worst_usd: float | None) -> None:
        """Enters the end of a call that costs nothing."""
        numbers = self._numbers
        numbers[row + _HELD] -= 1
        # Sums of floats leave a rest behind; where nothing is in flight, nothing is held.
        left_usd = numbers[row + _HELD_USD] - (worst_usd or 0.0) if numbers[row + _HELD] else 0.0
        numbers[row + _HELD_USD] = max(0.0, left_usd)

    def _enter_cost(self, row: int, worst_usd: float, cost_usd: float) -> None:
        numbers = self._numbers
        self._cost_usd += cost_usd
        numbers[row + _COST] += cost_usd
        numbers[row + _LIKES] += 1
        numbers[row + _LIKES_USD] += worst_usd
        if worst_usd and cost_usd > worst_usd * numbers[row + _DEAREST]:
            numbers[row + _DEAREST] = cost_usd / worst_usd
        if cost_usd > worst_usd * _ROUNDING:
            numbers[row + _OVER] += 1
            numbers[row + _OVER_USD] += cost_usd - worst_usd

    def _row(self, name: str) -> int:
        """The row of a kind; the last one is for all kinds that find no row of their own."""
        text = name.encode()[:_NAME_BYTES].decode(errors="ignore")
        if text not in self._names and len(self._names) >= _MOST_KINDS - 1:
            text = _OTHERS
        if text not in self._names:
            start = len(MAGIC) + len(self._names) * _ROW_BYTES
            self._names[text] = start // 8
            self._buffer[start : start + _NAME_BYTES] = text.encode().ljust(_NAME_BYTES, b"\0")
        return self._names[text]


def tallies_in(content: bytes) -> dict[str, KindSums]:
    """The sums by kind in the books that one process has left; ValueError where these are no books."""
    if len(content) != SIZE or not content.startswith(MAGIC):
        raise ValueError("no books of this version")
    return dict(_rows_in(content))


def _rows_in(content: bytes) -> Iterator[tuple[str, KindSums]]:
    for start in range(len(MAGIC), SIZE, _ROW_BYTES):
        name = content[start : start + _NAME_BYTES].rstrip(b"\0").decode(errors="replace")
        if not name:
            return
        numbers = memoryview(content)[start + _NAME_BYTES : start + _ROW_BYTES].cast("d")
        if not all(0 <= number < math.inf for number in numbers):
            raise ValueError(f"the sums of {name!r} are no sums")
        yield name, tally_of(numbers)


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
