"""Interventions: something that happens to a world or its people as soon as certain things are so."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple, Self, SupportsIndex, TypeAlias

from troupe_batch.errors import FixTheInput
from troupe_batch.simulation.arguments import a_function, a_text, all_of, shown
from troupe_batch.simulation.judging.judging import Judged, mind_for
from troupe_batch.simulation.judging.propositions import HIGHEST_SCORE, Proposition
from troupe_batch.simulation.mind import Mind, all_ended, raise_first
from troupe_batch.simulation.people import Observed, Overheard
from troupe_batch.simulation.person.person import TinyPerson
from troupe_batch.simulation.record.events import FIRST_STEP

# The function knows what it was given: a world, a person or people.
Holds: TypeAlias = Callable[[Any], bool]
Effect: TypeAlias = Callable[[Any], Awaitable[object] | object]


class _Wanted(NamedTuple):
    """A claim, and the scores that it is to have; without any it is to be true."""

    claim: Proposition
    at_least: int | None
    at_most: int | None


class Intervention:
    """An effect that a world brings about at the beginning of a step, where all preconditions hold.

    | functions (`when_step`, `when`) | asked of a model (`when_proposition`, `when_text`) | model calls | fires |
    |---------------------------------|-----------------------------------------------------|-------------|-------|
    | none                            | none                                                | none        | yes   |
    | all hold                        | none                                                | none        | yes   |
    | one or more do not hold         | none or any                                         | none        | no    |
    | none, or all hold               | all hold                                            | one each    | yes   |
    | none, or all hold               | one or more do not hold                             | one each    | no    |
    | none, or all hold               | one cannot be judged                                | one each    | no    |

    The last is a failure on the world's record: what cannot be judged does not hold, and is asked again in the next
    step. All interventions of a world are looked at before the effect of any; effects come in the order in which the
    world has its interventions. An effect whose model call fails for good has fired, and is a failure on record. One
    that raises an error of its own has not: the other effects of the step come about, the failure is put on record,
    and then, before anybody acts, the error is raised; the next run tries the same step again.

    With `once` (the default) an intervention fires at most once in a world; without, in every step in which its
    preconditions hold. `targets` is what preconditions and effect are given: the world (default), a person of it, or
    several.

    It keeps nothing of what happened, so one object serves any number of worlds; its `name` tells it from the others.
    """

    def __init__(self, name: str, targets: Judged | None = None, *, once: bool = True) -> None:
        self.name = a_text(name, "the name of an intervention", 'write Intervention("its name", targets)')
        self.once = once
        self._targets = _checked_targets(targets)
        self._steps: frozenset[int] | None = None
        self._functions: list[Holds] = []
        self._claims: list[_Wanted] = []
        self._effect: Effect | None = None

    def when_step(self, *steps: int) -> Self:
        """Only in these steps of the world, counted from 1."""
        for step in steps:
            if not isinstance(step, SupportsIndex):
                raise FixTheInput(f"intervention {self.name!r}: when_step takes numbers, not {shown(step)}")
        if not steps or min(steps) < FIRST_STEP:
            raise FixTheInput(f"intervention {self.name!r}: when_step takes one or more steps, counted from 1")
        self._steps = frozenset(steps)
        return self

    def when(self, holds: Holds) -> Self:
        """Only where `holds(targets)` is true. It costs no call, so it comes before whatever a model is asked."""
        a_function(holds, "when", "lambda world: world.failures")
        self._functions.append(holds)
        return self

    def when_proposition(
        self, proposition: Proposition, *, at_least: int | None = None, at_most: int | None = None
    ) -> Self:
        """Only where a model finds the proposition true of the targets, or scores it (0 to 9) within these bounds.

        `at_most=3` fires where something has become too rare: too little variety, too little of the persona.
        """
        if not callable(getattr(proposition, "check", None)):
            raise FixTheInput(
                f"when_proposition takes a Proposition, not {shown(proposition)}; for a claim in words use `when_text`"
            )
        self._claims.append(_Wanted(proposition, *_bounds(self.name, at_least, at_most)))
        return self

    def when_text(self, claim: str) -> Self:
        """Only where a model finds this claim true of the targets."""
        return self.when_proposition(Proposition(claim))

    def effect(self, act: Effect) -> Self:
        """What happens: `act(targets)`, awaited where it is async."""
        a_function(act, "effect", 'lambda world: world.broadcast("...")')
        self._effect = act
        return self

    @property
    def has_effect(self) -> bool:
        """Whether something would happen; a world takes no intervention without an effect."""
        return self._effect is not None

    def targets_in(self, world: Observed) -> Judged:
        """What preconditions and effect are given."""
        return world if self._targets is None else self._targets

    def functions_hold(self, world: Observed) -> bool:
        """Whether everything holds that can be told without a model."""
        if self._steps is not None and world.journal.step not in self._steps:
            return False
        targets = self.targets_in(world)
        return all(holds(targets) for holds in self._functions)

    async def claims_hold(self, world: Observed) -> bool:
        """Whether everything holds that a model is asked; no call where nothing is. Raises what the calls raise."""
        targets = self.targets_in(world)
        mind = mind_for(world, None) if self._claims else None
        outcomes = await all_ended(_holds(one, targets, mind) for one in self._claims)
        raise_first(outcomes)
        return all(outcome is True for outcome in outcomes)

    async def happen(self, world: Observed) -> None:
        """Bring about the effect."""
        if self._effect is None:
            raise FixTheInput(f"intervention {self.name!r} has no effect; give it one with `.effect(function)`")
        result = self._effect(self.targets_in(world))
        if inspect.isawaitable(result):
            await result

    def __repr__(self) -> str:
        return f"Intervention({self.name!r})"


def _checked_targets(targets: Judged | None) -> Judged | None:
    if targets is None or isinstance(targets, Overheard | TinyPerson):
        return targets
    return all_of(TinyPerson, targets, "give a world, a person or a list of people")


async def _holds(wanted: _Wanted, targets: Judged, mind: Mind | None) -> bool:
    if wanted.at_least is None and wanted.at_most is None:
        return await wanted.claim.check(targets, mind=mind)
    score = await wanted.claim.score(targets, mind=mind)
    least = 0 if wanted.at_least is None else wanted.at_least
    most = HIGHEST_SCORE if wanted.at_most is None else wanted.at_most
    return least <= score <= most


def _bounds(name: str, at_least: int | None, at_most: int | None) -> tuple[int | None, int | None]:
    for word, bound in (("at_least", at_least), ("at_most", at_most)):
        if bound is not None and not (type(bound) is int and 0 <= bound <= HIGHEST_SCORE):
            raise FixTheInput(f"intervention {name!r}: {word} is a score from 0 to {HIGHEST_SCORE}, not {shown(bound)}")
    if at_least is not None and at_most is not None and at_least > at_most:
        raise FixTheInput(f"intervention {name!r}: at_least ({at_least}) is greater than at_most ({at_most})")
    return at_least, at_most
