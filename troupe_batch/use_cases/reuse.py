"""Reuse of the calls of a run before by a changed job: their replies are in the cache and cost nothing again."""

from __future__ import annotations

from collections.abc import Iterator

from troupe_batch.planning.plan import Plan
from troupe_batch.planning.units import Casting

_MOST_UNITS = 40


def reuse_text(old: Plan, old_casting: Casting, new: Plan, new_casting: Casting) -> str:
    """In words, from a sample of units, each answered alike under both plans."""
    units = _spread(new.units)
    before = {key for index in units if index < old.units for key in _keys(old, old_casting, index)}
    asked = [key for index in units for key in _keys(new, new_casting, index)]
    share = sum(key in before for key in asked) / len(asked) if asked else 0.0
    calls = len(asked) * new.units / len(units) if units else 0.0
    again = "under an id of its own (`--run-id NAME`, or another `id` in the job)"
    if share == 0:
        return f"{again} all of its about {calls:,.0f} calls are asked anew: the changes are in every prompt"
    kept = share * calls
    return (
        f"{again} about {kept:,.0f} of its {calls:,.0f} calls are the same as before: as far as the cache has their "
        f"replies they cost nothing again, and about {calls - kept:,.0f} are asked anew"
    )


def _spread(units: int) -> list[int]:
    """Unit numbers from the first to the last, evenly."""
    if units <= _MOST_UNITS:
        return list(range(units))
    return [place * (units - 1) // (_MOST_UNITS - 1) for place in range(_MOST_UNITS)]


def _keys(plan: Plan, casting: Casting, index: int) -> Iterator[bytes]:
    unit = plan.unit(index)
    seated = casting.people([unit.case])
    people = [seated[number] for number in casting.members(unit.case)]
    for call in plan.study.planned_calls(unit, people, plan.settings):
        yield call.request.key()
