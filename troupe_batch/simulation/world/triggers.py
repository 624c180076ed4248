"""Triggers of a world: its interventions, and which of them have fired."""

from __future__ import annotations

from troupe_batch.errors import FixTheInput, RecordAndGoOn, StopTheJob, TryAgain
from troupe_batch.simulation.arguments import shown
from troupe_batch.simulation.mind import all_ended, raise_gravest
from troupe_batch.simulation.people import Observed
from troupe_batch.simulation.record.events import Event, EventKind, EventStatus, Journal
from troupe_batch.simulation.world.interventions import Intervention
from troupe_batch.simulation.world.turns import StepFailure, error_text


class Triggers:
    """The interventions of a world in the order in which it got them; failures are added to the world's."""

    def __init__(self, name: str, journal: Journal, failures: list[StepFailure]) -> None:
        self.interventions: tuple[Intervention, ...] = ()
        self.fired: set[str] = set()
        self._name = name
        self._journal = journal
        self._failures = failures

    def add(self, intervention: Intervention) -> None:
        """Look at this one too, after the others."""
        if not isinstance(intervention, Intervention):
            raise FixTheInput(f"{self._name} takes an Intervention, not {shown(intervention)}")
        if not intervention.has_effect:
            raise FixTheInput(
                f"intervention {intervention.name!r} has no effect; give it one with `.effect(function)` first"
            )
        if any(intervention.name == other.name for other in self.interventions):
            raise FixTheInput(f"two interventions of {self._name} are called {intervention.name!r}; rename one")
        self.interventions += (intervention,)

    def remove(self, intervention: Intervention | str) -> None:
        """Look at this one, given by itself or by its name, no longer; FixTheInput where there is none."""
        name = intervention if isinstance(intervention, str) else getattr(intervention, "name", None)
        kept = tuple(one for one in self.interventions if one.name != name)
        if len(kept) == len(self.interventions):
            there = ", ".join(repr(one.name) for one in kept) or "none"
            raise FixTheInput(f"{self._name} has no intervention {shown(intervention)}; it has: {there}")
        self.interventions = kept
        self.fired.discard(str(name))

    async def bring_about(self, world: Observed) -> Exception | None:
        """Every effect whose preconditions hold; the first error that one of them raised of its own."""
        armed = [one for one in self.interventions if not (one.once and one.name in self.fired)]
        # Functions before models: whoever fails here costs no call.
        likely = [one for one in armed if one.functions_hold(world)]
        verdicts = await all_ended(one.claims_hold(world) for one in likely)
        raise_gravest(verdicts)
        raised: list[Exception] = []
        for intervention, verdict in zip(likely, verdicts, strict=True):
            if isinstance(verdict, RecordAndGoOn):
                self._fail_intervention(intervention, verdict)
            elif verdict is True and (error := await self._fire(intervention, world)) is not None:
                raised.append(error)
        return raised[0] if raised else None

    async def _fire(self, intervention: Intervention, world: Observed) -> Exception | None:
        """Bring the effect about; the error where it raised one of its own, which is a failure and no firing."""
        event = Event(EventKind.CHANGE, "INTERVENTION", intervention.name)
        self._journal.add(event)
        # Before the effect, which may run the world.
        self.fired.add(intervention.name)
        try:
            await intervention.happen(world)
        except RecordAndGoOn as error:
            self._fail_intervention(intervention, error)
        except (StopTheJob, TryAgain) as error:
            self.fired.discard(intervention.name)
            event.status, event.reason = EventStatus.FAILED, error_text(error)
            raise
        except Exception as error:  # noqa: BLE001 -- a boundary: effects are users' code, raised when all are through
            self.fired.discard(intervention.name)
            self._failures.append(StepFailure.of(error, self._journal))
            event.kind, event.status, event.reason = EventKind.FAILURE, EventStatus.FAILED, self._failures[-1].reason
            error.add_note(f"Raised by the effect of intervention {intervention.name!r} of {self._name}.")
            return error
        return None

    def _fail_intervention(self, intervention: Intervention, error: RecordAndGoOn) -> None:
        self._failures.append(StepFailure.of(error, self._journal))
        failed = Event(EventKind.FAILURE, "INTERVENTION", intervention.name, status=EventStatus.FAILED)
        failed.reason = f"{self._failures[-1].status}: {self._failures[-1].reason}"
        failed.call_key = error.call_key
        self._journal.add(failed)
