"""Freezing people about whom a model writes: what is missing, what it may cost, and what it has cost before."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from tests.doubles.panels import population
from troupe_batch.errors import BudgetSpent, FixTheInput, ProseMissing
from troupe_batch.llm.books import Books, Metered
from troupe_batch.llm.budget import Budgeted
from troupe_batch.llm.chat import ChatModel, ChatReply, ChatRequest, ReplyStatus, Usage
from troupe_batch.planning.prices import PlanPrices
from troupe_batch.population import EnrichLevel, Population
from troupe_batch.settings import Settings, load_settings
from troupe_batch.use_cases import panels
from troupe_batch.use_cases.panels import FreezeOptions, FrozenPanel, freeze_estimate, freeze_people, load_unfrozen
from troupe_batch.wiring.caps import Cap, memory_budget
from troupe_batch.wiring.model_stack import ModelStack

BIO = FreezeOptions(people=10, enrich=EnrichLevel.BIO)


class Writer:
    """Writes the same about everybody but those it refuses; every call costs the same."""

    def __init__(self, state: Path) -> None:
        self.state = state
        self.refused = 0
        self.calls = 0
        self.models: set[str] = set()
        self.judges_nothing = False

    async def complete(self, request: ChatRequest) -> ChatReply:
        self.calls += 1
        self.models.add(request.endpoint.model)
        assert list(self.state.glob("freezing/*/spend/*.json")), "a call before there is a record of what it costs"
        usage = Usage(100_000, 0, 10_000)
        if self.calls <= self.refused:
            return ChatReply(ReplyStatus.REFUSED, reason="no", usage=usage, key=request.key())
        assert request.reply_schema is not None
        if self.judges_nothing and request.reply_schema.name == "contradictions":
            return ChatReply(ReplyStatus.REFUSED, reason="no", usage=usage, key=request.key())
        asked = request.reply_schema.schema["properties"]
        value = {name: [] if part["type"] == "array" else "Likes soup and reads." for name, part in asked.items()}
        return ChatReply(ReplyStatus.OK, text="...", value=value, usage=usage, cost_usd=0.02, key=request.key())


@pytest.fixture
def writer(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Writer:
    """Stands where a service would; meter and budget are those of every stack."""
    model = Writer(tmp_path / "state")

    async def open_model(*_: object, cap: Cap | None, is_shared: bool, frozen: PlanPrices, **others: Any) -> ModelStack:
        assert not is_shared
        assert set(frozen.models) == {"gpt-6-luna", *others["further_models"]}
        books, prices = Books(), frozen.list()
        stacked: ChatModel = Metered(model, books, prices)
        if cap is not None:
            stacked = Budgeted(stacked, await memory_budget(cap), prices, books)
        return ModelStack(stacked, books, AsyncExitStack())

    monkeypatch.setattr(panels, "open_model", open_model)
    return model


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    environment = {"OPENAI_API_KEY": "a-key", "TROUPE_STORAGE_STATE_FOLDER": str(tmp_path / "state")}
    return load_settings(environment=environment)


def frozen(settings: Settings, to: Path, options: FreezeOptions = BIO, *, max_usd: float | None = None) -> FrozenPanel:
    here = settings if max_usd is None else settings.with_values("a test", budget__max_usd=str(max_usd))
    return asyncio.run(freeze_people(here, Population(population()), to, options))


def test_where_prose_is_missing_there_is_no_panel_unless_that_is_allowed(
    tmp_path: Path, settings: Settings, writer: Writer
) -> None:
    writer.refused = 3

    with pytest.raises(ProseMissing, match=r"about 3 of 10 people .*; no panel was written"):
        frozen(settings, tmp_path / "panel.parquet")
    assert not (tmp_path / "panel.parquet").exists()

    writer.calls = 0
    allowed = FreezeOptions(people=10, enrich=EnrichLevel.BIO, allow_missing=True)
    assert frozen(settings, tmp_path / "panel.parquet", allowed).info.without_prose == 3


def test_the_cap_holds_for_all_commands_on_the_same_people_together(
    tmp_path: Path, settings: Settings, writer: Writer
) -> None:
    path = tmp_path / "panel.parquet"
    # The writer costs more than its requests allow, so the cap is passed by what is in flight.
    settings = settings.with_values("a test", openai__max_concurrent_model_calls="2")
    with pytest.raises(BudgetSpent, match=r"raise Budget\.MAX_USD and give the same command again") as caught:
        frozen(settings, path, max_usd=0.1)
    assert "budget.max_usd" not in str(caught.value)
    paid = writer.calls
    assert 0 < paid < 10

    with pytest.raises(BudgetSpent, match=r"\$0\.\d+ of \$0\.1000 are spent"):
        frozen(settings, path, max_usd=0.1)
    assert writer.calls <= paid + 1
    assert not path.exists()

    assert frozen(settings, path, max_usd=10.0).info.people == 10


def test_other_people_and_more_prose_have_a_cap_of_their_own(
    tmp_path: Path, settings: Settings, writer: Writer
) -> None:
    frozen(settings, tmp_path / "panel.parquet")
    spent = {one.name for one in (tmp_path / "state" / "freezing").iterdir()}

    asyncio.run(freeze_people(settings, Population(population(seed=9)), tmp_path / "other.parquet", BIO))

    assert writer.calls == 40
    assert len({one.name for one in (tmp_path / "state" / "freezing").iterdir()} - spent) == 1


def test_what_prose_takes_is_told_before_it_is_written(settings: Settings, writer: Writer) -> None:
    drawn = Population(population())

    bio, full = (freeze_estimate(settings, drawn, FreezeOptions(10, EnrichLevel(name))) for name in ("bio", "full"))

    assert bio is not None
    assert full is not None
    assert (bio.prose.calls, bio.model, writer.calls) == (20, settings.openai.model, 0)
    assert bio.prose.prompt_tokens > 10 * 100
    assert bio.cost_usd is not None
    assert full.cost_usd is not None
    assert 0 < bio.cost_usd < full.cost_usd
    assert freeze_estimate(settings, drawn, FreezeOptions(10, EnrichLevel.NONE)) is None


def test_the_reasoning_model_checks_what_the_other_writes(tmp_path: Path, settings: Settings, writer: Writer) -> None:
    both = settings.with_values("a test", openai__reasoning_model="gpt-4o")

    dearer, plain = (freeze_estimate(one, Population(population()), BIO) for one in (both, settings))
    frozen(both, tmp_path / "panel.parquet", max_usd=10.0)

    assert writer.models == {"gpt-6-luna", "gpt-4o"}
    assert dearer is not None
    assert plain is not None
    assert dearer.cost_usd is not None
    assert plain.cost_usd is not None
    assert dearer.cost_usd > plain.cost_usd


def test_how_many_texts_were_not_checked_is_counted_and_the_panel_says_whose(
    tmp_path: Path, settings: Settings, writer: Writer
) -> None:
    writer.judges_nothing = True

    panel = frozen(settings, tmp_path / "panel.parquet")

    assert (panel.unchecked, panel.info.without_prose) == (10, 0)
    assert pq.read_table(panel.path)["prose"].to_pylist() == ["unchecked"] * 10


def test_a_panel_is_not_frozen_again() -> None:
    with pytest.raises(FixTheInput, match=r"panel\.parquet: this is a panel already; name it as the `population`"):
        load_unfrozen(Path("panel.parquet"))
