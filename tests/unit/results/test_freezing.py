from __future__ import annotations

import dataclasses

import pytest

from tests.doubles.runs import memory_store, plan
from troupe_batch.errors import FixTheInput, PlanChanged
from troupe_batch.llm.chat import Endpoint
from troupe_batch.planning.plan import Plan
from troupe_batch.results.freezing import freeze, load_plan


async def test_a_new_run_is_frozen_with_its_job_as_written() -> None:
    store = memory_store()

    assert (await freeze(store, plan(), "id: soup  # mine\n")).is_new
    assert (await load_plan(store)).digest == plan().digest
    assert await store.job_text() == b"id: soup  # mine\n"


async def test_a_resume_with_the_same_plan_goes_on() -> None:
    store = memory_store()
    await freeze(store, plan(), "a")

    assert not (await freeze(store, plan(), "a")).is_new


async def test_a_raised_budget_reaches_the_workers_of_the_resume() -> None:
    store = memory_store()
    await freeze(store, plan(budget={"max_usd": 1.0}), "a")

    await freeze(store, plan(budget={"max_usd": 5.0}), "b")

    assert (await load_plan(store)).cap_usd == 5.0
    assert await store.job_text() == b"b"


async def test_a_resume_with_another_plan_names_what_changed_and_changes_nothing() -> None:
    store = memory_store()
    await freeze(store, plan(), "a")

    with pytest.raises(PlanChanged) as caught:
        await freeze(store, plan(seed=7, replicates=2), "b")

    message = str(caught.value)
    assert message.startswith("run soup was started before with another plan; undo the changes")
    assert "seed: 0 -> 7" in message
    assert "replicates: 1 -> 2" in message
    assert await store.job_text() == b"a"


async def test_a_resume_keeps_the_shards_that_were_cut_whatever_rule_is_in_force_now() -> None:
    store = memory_store()
    before = dataclasses.replace(plan(people=60, units_per_shard="auto"), units_per_shard=11)
    await freeze(store, before, "a")

    resumed = await freeze(store, plan(people=60, units_per_shard="auto"), "a")

    assert plan(people=60, units_per_shard="auto").units_per_shard != 11
    assert (resumed.is_new, resumed.plan.units_per_shard) == (False, 11)
    assert (await load_plan(store)).digest == before.digest


def _at(model: str, effort: str | None, *, is_rehearsal: bool) -> Plan:
    here = Endpoint("rehearsal/abc/1" if is_rehearsal else "openai", model, is_rehearsal=is_rehearsal)
    base = plan()
    return dataclasses.replace(
        base, endpoint=here, parameters=dataclasses.replace(base.parameters, reasoning_effort=effort)
    )


async def test_a_rehearsal_goes_on_whatever_model_it_is_a_rehearsal_of_now() -> None:
    store = memory_store()
    before = _at("gpt-4o-mini", None, is_rehearsal=True)
    await freeze(store, before, "a")

    resumed = await freeze(store, _at("gpt-6-luna", "none", is_rehearsal=True), "a")

    assert (resumed.is_new, resumed.plan.digest) == (False, before.digest)
    assert (resumed.plan.endpoint, resumed.plan.parameters) == (before.endpoint, before.parameters)


async def test_a_real_run_never_goes_on_with_another_model() -> None:
    store = memory_store()
    await freeze(store, _at("gpt-4o-mini", None, is_rehearsal=False), "a")

    with pytest.raises(PlanChanged, match=r"endpoint\.model: 'gpt-4o-mini' -> 'gpt-6-luna'"):
        await freeze(store, _at("gpt-6-luna", "none", is_rehearsal=False), "a")


async def test_a_number_of_units_that_the_job_names_must_stay() -> None:
    store = memory_store()
    await freeze(store, plan(units_per_shard=11), "a")

    with pytest.raises(PlanChanged, match="units_per_shard: 11 -> 12"):
        await freeze(store, plan(units_per_shard=12), "a")


async def test_a_crash_between_plan_and_job_file_is_mended_by_the_resume() -> None:
    store = memory_store()
    await freeze(store, plan(), "a")
    await store.objects.delete("job.yaml")

    await freeze(store, plan(), "a")

    assert await store.job_text() == b"a"


async def test_a_run_that_was_never_started_says_so() -> None:
    with pytest.raises(FixTheInput, match="no run was started there"):
        await load_plan(memory_store())
