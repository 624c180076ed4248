"""Freezing of plans: a run's is stored once, and a resume must bring the same one."""

from __future__ import annotations

from dataclasses import dataclass

from troupe_batch.errors import FixTheInput, PlanChanged
from troupe_batch.planning.plan import Plan, as_resumed, differences
from troupe_batch.results.store import RunStore

_MOST_DIFFERENCES = 12


@dataclass(frozen=True, slots=True)
class Frozen:
    """The plan that counts from now on; `is_new` where the run was never started before."""

    plan: Plan
    is_new: bool


async def freeze(store: RunStore, plan: Plan, job_text: str) -> Frozen:
    """The plan of a new run; or that of a resumed one, with whatever may change, like the cost cap, taken over.

    Raises PlanChanged, with the differences, where another plan was started under the same run id.
    """
    job = job_text.encode()
    if await store.save_plan(job=job, plan=plan.to_json().encode()):
        return Frozen(plan, is_new=True)
    frozen = await load_plan(store)
    plan = as_resumed(plan, frozen)
    if frozen.digest != plan.digest:
        raise PlanChanged(_message(store, differences(frozen, plan)))
    await store.replace_plan(job=job, plan=plan.to_json().encode())
    return Frozen(plan, is_new=False)


async def load_plan(store: RunStore) -> Plan:
    """The frozen plan of the run; FixTheInput where it was never started."""
    text = await store.plan_text()
    if text is None:
        raise FixTheInput(f"{store.url}: no run was started there; check the run id, or start it with `troupe run`")
    return store.plan_of(text, Plan.from_json)


def plan_now(store: RunStore) -> Plan | None:
    """The frozen plan of the run, read without an event loop; None where it was never started."""
    text = store.plan_text_now()
    return None if text is None else store.plan_of(text, Plan.from_json)


def _message(store: RunStore, changed: list[str]) -> str:
    lines = [f"  {line}" for line in changed[:_MOST_DIFFERENCES]]
    if len(changed) > _MOST_DIFFERENCES:
        lines.append(f"  and {len(changed) - _MOST_DIFFERENCES} more")
    listing = "\n".join(lines)
    cure = "undo the changes, or give the job another id"
    return f"run {store.run_id} was started before with another plan; {cure}. Changed:\n{listing}"
