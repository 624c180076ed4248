"""Mind for people who are made by hand: in a notebook, a script, a test."""

from __future__ import annotations

from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from troupe_batch.settings import Settings
from troupe_batch.simulation.mind import Mind
from troupe_batch.wiring.caps import Cap
from troupe_batch.wiring.endpoints import check_connection, choose_endpoint, rehearsal_config
from troupe_batch.wiring.list_prices import look_up
from troupe_batch.wiring.machine import machine
from troupe_batch.wiring.minds import default_parameters, further_endpoints
from troupe_batch.wiring.model_stack import ModelStack, open_model


class Connection:
    """A mind and what stands behind it: the model's stack, and the rehearsal server where there is one.

    Belongs to the event loop that opened it. Close it, or use it as `async with await connect(...) as mind`.
    """

    def __init__(self, mind: Mind, stack: ModelStack, resources: AsyncExitStack) -> None:
        self.mind = mind
        self._stack = stack
        self._resources = resources

    @property
    def spent_usd(self) -> float:
        """What the calls have cost so far; in a rehearsal, what they would have cost."""
        return self._stack.spending.usd

    def __repr__(self) -> str:
        endpoint, calls = self.mind.endpoint, len(self.mind.calls)
        model = f"{endpoint.model!r}, rehearsal" if endpoint.is_rehearsal else repr(endpoint.model)
        return f"Connection({model}, calls={calls}, spent_usd={self.spent_usd:.4f})"

    async def aclose(self) -> None:
        """Closes the connections and ends the rehearsal server."""
        await self._resources.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()


async def open_connection(
    settings: Settings, *, model: str | None = None, rehearse: bool = False, respondents: Path | None = None, seed: int
) -> Connection:
    """A mind that asks the endpoint of the settings; replies are kept in the project's state folder.

    SettingsError where a key or an address is missing.
    """
    endpoint = choose_endpoint(settings, model=model, respondents=respondents, rehearse=rehearse)
    check_connection(settings, endpoint, starts_rehearsal=True)
    rehearsal = rehearsal_config(settings, respondents) if rehearse else None
    async with AsyncExitStack() as resources:
        here = await resources.enter_async_context(
            machine(settings, run_id="connect", rehearsal=rehearsal, is_inline=True)
        )
        further = further_endpoints(settings, endpoint)
        models = (endpoint.model, *further.further_models)
        stack = await open_model(
            here.settings,
            endpoint,
            cap=_connection_cap(settings),
            is_shared=False,
            further_models=further.further_models,
            frozen=look_up(settings, endpoint, models, tier=settings.openai.service_tier),
        )
        resources.push_async_callback(stack.aclose)
        mind = Mind(
            stack.model,
            endpoint,
            parameters=default_parameters(settings, endpoint),
            settings=further.minds,
            reasoning=further.reasoning,
            embedding=further.embedding,
            sample=str(seed),
        )
        return Connection(mind, stack, resources.pop_all())


def _connection_cap(settings: Settings) -> Cap | None:
    if settings.budget.max_usd is None:
        return None

    async def nothing() -> None:
        return None

    return Cap("connect", settings.budget.max_usd, nothing)
