from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from tests.doubles.models import GatedModel, ScriptedModel, ok, request
from troupe_batch.errors import BudgetSpent, EndpointBusy, EndpointFaulty, GaveUp, TroupeError
from troupe_batch.llm.books import Books, Metered
from troupe_batch.llm.chat import ChatReply, ReplyStatus, Usage
from troupe_batch.llm.prices import Price, PriceList, Prices
from troupe_batch.llm.repair import Repairing
from troupe_batch.llm.retry import Retrying, RetryPolicy
from troupe_batch.llm.spending import COLUMNS, Spending, spending_in, tally_of

PRICE = Price(1.0, 0.5, 4.0)
WORST_USD = PRICE.worst_case(request())
UNREADABLE = ChatReply(ReplyStatus.UNREADABLE, "{", reason="cut off", usage=Usage(10, 0, 5), cost_usd=0.25)


async def spent_on(*script: ChatReply | TroupeError, prices: Prices = PRICE) -> Spending:
    """What a model with repair and retries has spent on one request."""

    async def at_once(_: float) -> None:
        await asyncio.sleep(0)

    books = Books()
    metered = Metered(ScriptedModel(list(script)), books, prices)
    model = Repairing(Retrying(metered, RetryPolicy.of(3), sleep=at_once))
    try:
        await model.complete(request())
    except TroupeError as error:
        assert isinstance(error, GaveUp | BudgetSpent | EndpointBusy)
    assert books.held_calls == 0
    return books.total()


async def test_a_reply_counts_with_its_tokens_and_its_cost() -> None:
    assert await spent_on(ok()) == Spending(1, 0, 100, 40, 20, 5, 0.01, 0.0)


async def test_the_calls_of_a_repair_count_each() -> None:
    spending = await spent_on(UNREADABLE, ok())

    assert (spending.calls, spending.usd, spending.prompt_tokens) == (2, 0.26, 110)


async def test_a_broken_call_that_may_be_paid_is_a_doubt_beside_the_one_that_went_well() -> None:
    spending = await spent_on(EndpointFaulty("broken body", may_be_paid=True), ok())

    assert (spending.calls, spending.uncertain_calls, spending.sent) == (1, 1, 2)
    assert spending.at_most_usd == pytest.approx(0.01 + WORST_USD)
    # One of its likes cost 0.01, and one more is taken to cost its worst case.
    assert spending.usd == pytest.approx(0.01 + (0.01 + WORST_USD) / 2)


async def test_calls_of_a_request_that_was_given_up_count_though_it_has_no_reply() -> None:
    spending = await spent_on(EndpointFaulty("broken body", may_be_paid=True))

    assert (spending.calls, spending.uncertain_calls) == (0, 3)
    assert spending.uncertain_usd == pytest.approx(3 * WORST_USD)


@pytest.mark.parametrize("error", [EndpointBusy("429"), EndpointFaulty("500"), BudgetSpent("cap")])
async def test_a_call_that_was_turned_away_costs_nothing(error: TroupeError) -> None:
    assert await spent_on(error) == Spending()


async def test_a_reply_without_usage_is_a_doubt() -> None:
    spending = await spent_on(replace(ok(), usage=None, cost_usd=None))

    assert (spending.calls, spending.silent_calls, spending.uncertain_calls, spending.sent) == (1, 1, 1, 1)
    assert spending.cost_usd == 0.0
    assert spending.uncertain_usd == pytest.approx(WORST_USD)


async def test_without_a_price_calls_are_counted_and_not_taken_for_free() -> None:
    spending = await spent_on(replace(ok(), cost_usd=None), prices=PriceList({}))

    assert (spending.calls, spending.usd, spending.unpriced) == (1, 0.0, 1)


async def test_a_call_that_is_cancelled_may_have_been_served() -> None:
    model, books = GatedModel(lambda _: ok()), Books()
    task = asyncio.create_task(Metered(model, books, PRICE).complete(request()))
    await model.started.wait()
    in_flight = books.total()

    task.cancel()
    await asyncio.wait((task,))

    assert (in_flight.held_calls, in_flight.held_usd, in_flight.at_most_usd) == (1, WORST_USD, WORST_USD)
    spending = books.total()
    assert (spending.held_calls, spending.held_usd) == (0, 0.0)
    assert (spending.calls, spending.uncertain_calls, spending.usd) == (0, 1, WORST_USD)


class Killed(BaseException):
    """As kill -9 between two entries."""


class Page(list[float]):
    """The numbers of the books, on which so many entries can still be made."""

    entries = 0

    def __setitem__(self, place: object, number: object) -> None:
        if self.entries == 0:
            raise Killed
        self.entries -= 1
        super().__setitem__(place, number)  # type: ignore[call-overload] # one place, one number


@pytest.mark.parametrize(
    "reply", [ok(), replace(ok(), usage=None, cost_usd=None), replace(ok(), cost_usd=3 * WORST_USD)]
)
def test_a_kill_between_any_two_entries_leaves_no_call_out(reply: ChatReply) -> None:
    is_known = False
    for entries in range(40):
        books, is_sent = Books(), False
        books._numbers = page = Page(books._numbers)  # type: ignore[assignment] # as much as is needed of one
        page.entries = entries
        try:
            row = books.depart(request(), WORST_USD)
            is_sent = True
            books.enter_reply(row, WORST_USD, reply)
            is_known = True
        except Killed:
            pass

        start = 2 + 16  # beyond the magic word and the name of the first kind
        left = spending_in({"": tally_of(page[start : start + len(COLUMNS)])})
        # While it is in flight, nobody knows more than its worst case.
        known_usd = reply.cost_usd if is_known and reply.cost_usd is not None else min(WORST_USD, reply.cost_usd or 1.0)
        assert left.at_most_usd >= (known_usd if is_sent else 0.0)
    assert is_known
