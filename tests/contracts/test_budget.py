"""What every budget promises, proved over the in-memory one and over real Redis."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack

import pytest

from troupe_batch.errors import BudgetSpent, StateUnreachable
from troupe_batch.llm.budget import Budget, BudgetStatus, MemoryBudget
from troupe_batch.llm.redis_batch import RedisBatch
from troupe_batch.llm.redis_budget import RedisBudget

# Two ends of one budget, as two processes would hold them.
Open = Callable[..., Awaitable[tuple[Budget, Budget]]]


@pytest.fixture(params=["memory", "redis"])
async def opened(request: pytest.FixtureRequest) -> AsyncIterator[Open]:
    async with AsyncExitStack() as stack:

        async def memory(cap_usd: float, spent_usd: float = 0.0) -> tuple[Budget, Budget]:
            budget = MemoryBudget(cap_usd, spent_usd)
            return budget, budget

        async def redis(cap_usd: float, spent_usd: float = 0.0) -> tuple[Budget, Budget]:
            one, two = [await redis_budget(stack, request.getfixturevalue("redis_url")) for _ in range(2)]
            await one.ensure(cap_usd=cap_usd, spent_usd=spent_usd)
            return one, two

        if request.param == "redis":
            request.getfixturevalue("redis_url")
        yield memory if request.param == "memory" else redis


async def redis_budget(
    stack: AsyncExitStack, url: str, *, patience_s: float = 180.0, lease_s: float = 30.0
) -> RedisBudget:
    batch = RedisBatch(url)
    stack.push_async_callback(batch.aclose)
    budget = RedisBudget(batch, "run", patience_s=patience_s, poll_s=0.01, lease_s=lease_s)
    stack.push_async_callback(budget.aclose)
    return budget


async def money(budget: Budget) -> tuple[float, float]:
    status = await budget.status()
    return status.spent_usd, status.held_usd


async def test_reserved_money_is_held_and_settled_money_is_spent(opened: Open) -> None:
    one, two = await opened(1.0)

    await one.reserve(0.3)
    held = await money(one)
    one.settle(0.3, 0.1)

    assert held == (0.0, 0.3)
    assert await money(one) == (0.1, 0.0)
    await two.reserve(0.9)
    assert await money(two) == (0.1, 0.9)


async def test_an_amount_that_can_never_fit_is_refused_at_once(opened: Open) -> None:
    one, _ = await opened(1.0, 0.8)

    with pytest.raises(BudgetSpent, match=r"\$0\.8000 of \$1\.0000"):
        await one.reserve(0.3)

    await one.reserve(0.2)
    assert await money(one) == (0.8, 0.2)


async def test_an_amount_that_only_held_money_keeps_out_waits_for_it_to_be_settled(opened: Open) -> None:
    one, two = await opened(1.0)
    await one.reserve(0.9)
    second = asyncio.create_task(two.reserve(0.5))
    done, _ = await asyncio.wait((second,), timeout=0.05)
    assert not done

    one.settle(0.9, 0.2)

    await second
    assert await money(two) == (0.2, 0.5)


async def test_waiting_ends_in_budget_spent_when_the_held_money_was_really_spent(opened: Open) -> None:
    one, two = await opened(1.0)
    await one.reserve(0.9)
    second = asyncio.create_task(two.reserve(0.5))
    await asyncio.wait((second,), timeout=0.05)

    one.settle(0.9, 0.9)

    with pytest.raises(BudgetSpent):
        await second


async def test_a_thousand_calls_at_once_never_hold_or_spend_more_than_the_cap(opened: Open) -> None:
    one, two = await opened(1.0)
    over = []

    async def call(budget: Budget, number: int) -> bool:
        try:
            await budget.reserve(0.01)
        except BudgetSpent:
            return False
        if number % 50 == 0:
            status = await budget.status()
            over.append(status.spent_usd + status.held_usd > status.cap_usd)
        budget.settle(0.01, 0.004)
        return True

    went = await asyncio.gather(*(call((one, two)[number % 2], number) for number in range(1000)))

    assert not any(over)
    # The last call may only start while a whole worst case still fits: 248 * 0.004 + 0.01 > 1.
    assert sum(went) == 248
    assert await money(one) == (0.992, 0.0)


async def test_a_cancelled_wait_holds_nothing(opened: Open) -> None:
    one, two = await opened(1.0)
    await one.reserve(0.9)
    second = asyncio.create_task(two.reserve(0.5))
    await asyncio.wait((second,), timeout=0.05)

    second.cancel()
    await asyncio.wait((second,))
    one.settle(0.9, 0.0)

    await one.reserve(1.0)
    assert await money(one) == (0.0, 1.0)


async def test_fractions_of_a_cent_add_up_exactly(opened: Open) -> None:
    one, _ = await opened(1.0)

    for _ in range(100):
        await one.reserve(0.000_000_1)
        one.settle(0.000_000_1, 0.000_000_1)

    assert await money(one) == (0.000_01, 0.0)


async def test_ensure_keeps_what_redis_knows_and_takes_the_ledger_where_that_is_more(redis_url: str) -> None:
    async with AsyncExitStack() as stack:
        budget = await redis_budget(stack, redis_url)
        await budget.ensure(cap_usd=1.0, spent_usd=0.4)
        await budget.ensure(cap_usd=2.0, spent_usd=0.1)
        kept = await budget.status()
        await budget.ensure(cap_usd=2.0, spent_usd=0.7)

        assert (kept.cap_usd, kept.spent_usd) == (2.0, 0.4)
        assert (await budget.status()).spent_usd == 0.7


async def test_without_its_entry_in_redis_nothing_is_granted(redis_url: str) -> None:
    async with AsyncExitStack() as stack:
        budget = await redis_budget(stack, redis_url)

        with pytest.raises(StateUnreachable, match="resume the run"):
            await budget.reserve(0.1)

        await budget.ensure(cap_usd=1.0, spent_usd=0.0)
        await budget.reserve(0.1)
        assert await money(budget) == (0.0, 0.1)


async def test_money_that_a_dead_worker_holds_stays_held_and_ends_in_budget_spent(redis_url: str) -> None:
    async with AsyncExitStack() as stack:
        dead = await redis_budget(stack, redis_url)
        alive = await redis_budget(stack, redis_url, patience_s=0.1)
        await dead.ensure(cap_usd=1.0, spent_usd=0.0)
        await dead.reserve(0.9)

        with pytest.raises(BudgetSpent, match="worker died"):
            await alive.reserve(0.5)

        await alive.reserve(0.1)


async def test_a_restart_frees_what_the_dead_held_and_never_falls_below_the_record(redis_url: str) -> None:
    async with AsyncExitStack() as stack:
        dead, alive = [await redis_budget(stack, redis_url) for _ in range(2)]
        await dead.ensure(cap_usd=1.0, spent_usd=0.0)
        await dead.reserve(0.9)
        await alive.reserve(0.1)
        alive.settle(0.1, 0.05)
        await money(alive)

        await alive.restart(cap_usd=1.0, spent_usd=0.2, is_new=False)

        assert await money(alive) == (0.2, 0.0)
        await alive.restart(cap_usd=1.0, spent_usd=0.1, is_new=False)
        assert await money(alive) == (0.2, 0.0)
        await alive.reserve(0.8)


async def test_what_a_restart_freed_is_not_given_back_again_by_who_held_it(redis_url: str) -> None:
    async with AsyncExitStack() as stack:
        late, alive = [await redis_budget(stack, redis_url) for _ in range(2)]
        await late.ensure(cap_usd=1.0, spent_usd=0.0)
        await late.reserve(0.6)
        await alive.restart(cap_usd=1.0, spent_usd=0.0, is_new=False)
        await alive.reserve(0.7)

        late.settle(0.6, 0.1)

        await late.status()
        assert await money(alive) == (0.1, 0.7)


async def test_a_run_that_is_new_owes_nothing_for_a_removed_one_of_its_name(redis_url: str) -> None:
    async with AsyncExitStack() as stack:
        budget = await redis_budget(stack, redis_url)
        await budget.ensure(cap_usd=1.0, spent_usd=0.9)

        await budget.restart(cap_usd=1.0, spent_usd=0.0, is_new=True)

        assert await budget.status() == BudgetStatus(1.0, 0.0, 0.0)


async def test_a_cap_that_is_raised_lets_those_go_on_who_have_met_the_old_one(redis_url: str) -> None:
    async with AsyncExitStack() as stack:
        worker, submitter = [await redis_budget(stack, redis_url) for _ in range(2)]
        await worker.ensure(cap_usd=0.1, spent_usd=0.0)
        with pytest.raises(BudgetSpent):
            await worker.reserve(0.5)

        await submitter.ensure(cap_usd=1.0, spent_usd=0.0)

        await worker.reserve(0.5)


async def test_a_call_that_is_sent_twice_counts_once(redis_url: str) -> None:
    async with AsyncExitStack() as stack:
        budget = await redis_budget(stack, redis_url)
        await budget.ensure(cap_usd=1.0, spent_usd=0.0)
        await budget.reserve(0.3)

        budget._number -= 1  # the answer was lost with the connection: the same call goes out again
        await budget.reserve(0.3)

        assert await money(budget) == (0.0, 0.3)


async def test_nobody_waits_for_money_that_a_dead_process_holds(redis_url: str) -> None:
    async with AsyncExitStack() as stack:
        dead = await redis_budget(stack, redis_url, lease_s=0.3)
        await dead.ensure(cap_usd=1.0, spent_usd=0.1)
        await dead.reserve(0.6)
        await stop_living(dead)
        other = await redis_budget(stack, redis_url, lease_s=0.3)

        await other.reserve(0.2)
        with pytest.raises(BudgetSpent, match=r"\$0\.1000 are spent, and calls of workers that died .* \$0\.6000"):
            await other.reserve(0.35)

        assert await money(other) == (0.1, 0.8)
        await other.restart(cap_usd=1.0, spent_usd=0.1, is_new=False)
        await other.reserve(0.9)


async def test_a_process_that_lives_is_waited_for_however_long_its_calls_take(redis_url: str) -> None:
    async with AsyncExitStack() as stack:
        slow = await redis_budget(stack, redis_url, lease_s=0.6)
        await slow.ensure(cap_usd=1.0, spent_usd=0.0)
        await slow.reserve(0.8)
        other = await redis_budget(stack, redis_url, lease_s=0.6)

        waiting = asyncio.create_task(other.reserve(0.5))
        done, _ = await asyncio.wait((waiting,), timeout=1.5)
        slow.settle(0.8, 0.1)
        await waiting

        assert not done
        assert await money(other) == (0.1, 0.5)


async def test_a_process_that_was_only_cut_off_takes_its_share_back(redis_url: str) -> None:
    async with AsyncExitStack() as stack:
        away = await redis_budget(stack, redis_url, lease_s=0.3)
        await away.ensure(cap_usd=1.0, spent_usd=0.0)
        await away.reserve(0.7)
        await stop_living(away)
        other = await redis_budget(stack, redis_url, lease_s=0.3)
        with pytest.raises(BudgetSpent, match="workers that died"):
            await other.reserve(0.5)

        away.settle(0.7, 0.2)
        await away.aclose()
        await other.reserve(0.5)

        assert await money(other) == (0.2, 0.5)


async def stop_living(budget: RedisBudget) -> None:
    """As if its process were killed, or its network cut."""
    living = budget._living
    assert living is not None
    living.cancel()
    await asyncio.gather(living, return_exceptions=True)
