"""Panels: people drawn once, written about by a model where that is wanted, and kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeAlias

from troupe_batch.errors import BudgetSpent, FixTheInput, ProseMissing, SettingsError
from troupe_batch.factory.enrichment import Enriched, EnrichStatus, ProseModel
from troupe_batch.factory.factory import TinyPersonFactory
from troupe_batch.factory.generating import write_all
from troupe_batch.llm.chat import ChatModel, Endpoint
from troupe_batch.planning.estimating import ProseEstimate
from troupe_batch.planning.job import JobSpec
from troupe_batch.planning.loading import Job
from troupe_batch.planning.panels import PANEL_SUFFIX, PanelInfo
from troupe_batch.population.draw import Population
from troupe_batch.population.spec import EnrichLevel
from troupe_batch.results.blocks import BLOCK
from troupe_batch.results.facts import fact_types
from troupe_batch.results.panel_writing import PanelMember, PanelWriter, Written
from troupe_batch.results.spending import SpendRecord, bring_in, spending_of
from troupe_batch.results.store import RunStore
from troupe_batch.settings import Settings
from troupe_batch.simulation.person.person import TinyPerson
from troupe_batch.use_cases.given_files import population_of
from troupe_batch.use_cases.plans import plan_estimate, plan_job
from troupe_batch.wiring.caps import Cap
from troupe_batch.wiring.endpoints import check_connection, choose_endpoint, rehearsal_config
from troupe_batch.wiring.list_prices import look_up
from troupe_batch.wiring.machine import machine
from troupe_batch.wiring.minds import default_parameters, further_endpoints
from troupe_batch.wiring.model_stack import open_model
from troupe_batch.wiring.spending import spend_journal

OnFrozen: TypeAlias = Callable[[int], None]
"""Called with the number of people who are done, again and again."""


@dataclass(frozen=True, slots=True)
class FreezeOptions:
    """Options of freezing: how many people (default all), with how much prose (default as the population says)."""

    people: int | None = None
    enrich: EnrichLevel | None = None
    rehearse: bool = False
    allow_missing: bool = False


@dataclass(frozen=True, slots=True)
class FrozenPanel:
    """A panel that was written, and what its prose has cost; in a rehearsal, would have cost.

    `unchecked` is about how many people it could not be told whether their prose contradicts the facts.
    """

    path: Path
    info: PanelInfo
    spent_usd: float = 0.0
    unchecked: int = 0


@dataclass(frozen=True, slots=True)
class FreezeEstimate:
    """Estimate of a panel's prose if nothing is in the cache; `cost_usd` is None where no price is known."""

    prose: ProseEstimate
    model: str
    cost_usd: float | None


def load_unfrozen(path: Path) -> Population:
    """The population in a file; FixTheInput where the file holds people who were frozen before."""
    if path.suffix == PANEL_SUFFIX:
        cure = f"name it as the `population` of a job, or look at it with `troupe population profile {path}`"
        raise FixTheInput(f"{path}: this is a panel already; {cure}")
    return population_of(path, wanted="freeze")


def freeze_estimate(settings: Settings, population: Population, options: FreezeOptions) -> FreezeEstimate | None:
    """What freezing asks of a model, before anything is asked; None where nothing is written about people."""
    level = _asked_level(population, options)
    if level is EnrichLevel.NONE:
        return None
    # A job about the same people: its prose is that of the panel.
    study = {"questions": [{"id": "any", "type": "open", "text": "?"}]}
    people = _checked_number(population, options)
    body = {"id": "freeze", "population": population.spec, "people": people, "enrich": level, "study": study}
    spec = JobSpec.model_validate(body)
    plan = plan_job(settings, Job(spec, population.spec, "freeze", ""), rehearse=options.rehearse)
    prose = plan_estimate(settings, plan).prose
    assert prose is not None  # noqa: S101 (its people are written about)
    return FreezeEstimate(prose, " and ".join(plan.models), prose.cost_usd)


async def freeze_people(
    settings: Settings, population: Population, to: Path, options: FreezeOptions, on_frozen: OnFrozen = lambda _: None
) -> FrozenPanel:
    """The panel of the first people of the population. Replies are cached, so the same call goes on where one ended.

    Raises ProseMissing, and writes no panel, where the prose about some people could not be had, unless
    `allow_missing`: then their persona is what the facts say. Errors that stop a job, a spent budget too, go through.
    """
    people = _checked_number(population, options)
    if to.suffix != PANEL_SUFFIX or not to.parent.is_dir():
        raise SettingsError(f"{to}: a panel is a file such as panel{PANEL_SUFFIX} in a folder that is there")
    level = _asked_level(population, options)
    if level is EnrichLevel.NONE:
        work = _Freezing(TinyPersonFactory(population, enrich=level), population, on_frozen)
        return FrozenPanel(to, await work.write(to, people, Written(), allow_missing=False))
    endpoint = choose_endpoint(settings, model=None, rehearse=options.rehearse)
    written = Written(level, endpoint.model, endpoint.is_rehearsal)
    judge = further_endpoints(settings, endpoint).reasoning
    asking = ProseModel(endpoint, default_parameters(settings, endpoint), people, judge)
    factory = TinyPersonFactory(population, enrich=level, asking=asking)
    store = RunStore.open(Path(settings.storage.state_folder) / "freezing", _spend_name(population, written))
    async with _stack_model(settings, endpoint, store, () if judge is None else (judge.model,)) as (model, spent_usd):
        work = _Freezing(factory, population, on_frozen, model, settings.openai.max_concurrent_model_calls)
        info = await work.write(to, people, written, allow_missing=options.allow_missing)
        return FrozenPanel(to, info, spent_usd(), work.unchecked)


class _Freezing:
    """One panel under way."""

    def __init__(
        self,
        factory: TinyPersonFactory,
        population: Population,
        on_frozen: OnFrozen,
        model: ChatModel | None = None,
        concurrency: int = 1,
    ) -> None:
        self._factory = factory
        self._population = population
        self._model = model
        self._concurrency = concurrency
        self._on_frozen = on_frozen
        self._done = 0
        self._missing: Counter[str] = Counter()
        self.unchecked = 0

    async def write(self, to: Path, people: int, written: Written, *, allow_missing: bool) -> PanelInfo:
        types = fact_types(self._population.spec, self._factory)
        with PanelWriter(to, self._population.spec, types, written) as writer:
            for start in range(0, people, BLOCK):
                stop = min(start + BLOCK, people)
                writer.add(await self._members(start, stop), self._population.facts(start, stop))
            if self._missing and not allow_missing:
                raise ProseMissing(_missing_text(self._missing, people))
            return writer.close()

    async def _members(self, start: int, stop: int) -> Sequence[PanelMember]:
        cast = self._factory.people(start, stop)
        if self._model is None:
            self._note(len(cast))
            return [PanelMember(person) for person in cast]
        asked = self._model
        written = await write_all(
            range(len(cast)),
            lambda place: self._enriched(cast[place], asked),
            concurrency=self._concurrency,
            on_progress=None,
        )
        return [_member(person, one) for person, one in zip(cast, written, strict=True)]

    async def _enriched(self, person: TinyPerson, model: ChatModel) -> Enriched:
        enriched = await self._factory.enriched(person, model)
        if enriched.person is None:
            self._missing[f"{enriched.status}: {enriched.reason}"] += 1
        self.unchecked += enriched.status is EnrichStatus.UNCHECKED
        self._note(1)
        return enriched

    def _note(self, number: int) -> None:
        self._done += number
        self._on_frozen(self._done)


def _member(person: TinyPerson, enriched: Enriched) -> PanelMember:
    return PanelMember(enriched.person or person, str(enriched.status), is_missing=enriched.person is None)


def _missing_text(missing: Counter[str], people: int) -> str:
    number = sum(missing.values())
    reason, most = missing.most_common(1)[0]
    which = f"{most:,} of them {reason}" if len(missing) > 1 else reason
    return (
        f"nothing could be written about {number:,} of {people:,} people ({which}); no panel was written. "
        "The same command asks for them again, all others come from the cache; --allow-missing takes them without prose"
    )


def _asked_level(population: Population, options: FreezeOptions) -> EnrichLevel:
    return population.spec.persona.enrich if options.enrich is None else options.enrich


def _checked_number(population: Population, options: FreezeOptions) -> int:
    people = population.size if options.people is None else options.people
    if not 0 < people <= population.size:
        raise FixTheInput(f"--people {people}: the population {population.spec.id} has {population.size}")
    return people


def _spend_name(population: Population, written: Written) -> str:
    """One for all commands that write as much about the same people: together they keep to the cap."""
    name = f"{population.digest[:16]}-{written.enrich}"
    return f"{name}-rehearsal" if written.is_rehearsal else name


@asynccontextmanager
async def _stack_model(
    settings: Settings, endpoint: Endpoint, store: RunStore, judges: Sequence[str]
) -> AsyncIterator[tuple[ChatModel, Callable[[], float]]]:
    check_connection(settings, endpoint, starts_rehearsal=True)
    rehearsal = rehearsal_config(settings) if endpoint.is_rehearsal else None
    async with AsyncExitStack() as resources:
        on_machine = machine(settings, run_id="freeze", rehearsal=rehearsal, is_inline=True)
        here = await resources.enter_async_context(on_machine)
        journal = spend_journal(settings, store)
        await bring_in(store, journal)
        frozen = look_up(settings, endpoint, (endpoint.model, *judges), tier=settings.openai.service_tier)
        cap = _freeze_cap(settings, store)
        stack = await open_model(
            here.settings, endpoint, cap=cap, is_shared=False, frozen=frozen, further_models=judges
        )
        record = SpendRecord(store, stack.books, worker="freeze", journal=journal)
        # Closed after the stack, whose calls in flight are on the bill too.
        resources.push_async_callback(record.aclose)
        await resources.enter_async_context(stack)
        await record.open()
        with _curable():
            yield stack.model, lambda: stack.spending.usd


@contextmanager
def _curable() -> Iterator[None]:
    """Panels have no job file: says what to raise where the money is spent."""
    try:
        yield
    except BudgetSpent as error:
        problem = str(error).rpartition("; ")[0]
        cure = "raise Budget.MAX_USD and give the same command again, which goes on from here"
        raise BudgetSpent(f"{problem}; {cure}") from error


def _freeze_cap(settings: Settings, store: RunStore) -> Cap | None:
    """The settings' cap, for all that was spent on these people."""
    if settings.budget.max_usd is None:
        return None
    return Cap("freeze", settings.budget.max_usd, partial(spending_of, store, is_over=True))
