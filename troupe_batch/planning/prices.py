"""Prices of the models of a plan, as known when the run was planned: frozen, so that a whole fleet bills alike."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Self

from troupe_batch.llm.prices import Price, PriceList, Prices, Tariff, asking_for


@dataclass(frozen=True, slots=True)
class PlanPrices:
    """The price of each model that has one, and the day on which they were looked up.

    `service_tier` is what requests ask for, None where they ask for none.
    """

    models: Mapping[str, Price]
    looked_up: date
    service_tier: str | None = None

    def list(self, *, beyond: Prices | None = None) -> PriceList:
        """The prices as calls are billed by them; `beyond` knows models that only a reply names."""
        models = {model: asking_for(self.service_tier, price) for model, price in self.models.items()}
        return PriceList(models, beyond=beyond)

    def as_json(self) -> dict[str, Any]:
        """As JSON values."""
        models = {model: price.as_json() for model, price in self.models.items()}
        return {"models": models, "looked_up": self.looked_up.isoformat(), "service_tier": self.service_tier}

    @classmethod
    def from_json(cls, content: Any) -> Self | None:
        """The prices that `as_json` wrote, None for None; ValueError, TypeError or KeyError where they are none."""
        if content is None:
            return None
        tier = content["service_tier"]
        if tier is not None and not isinstance(tier, str):
            raise TypeError(f"service_tier: {tier!r} is no text")
        models = {str(model): Price.from_json(price) for model, price in content["models"].items()}
        return cls(models, date.fromisoformat(content["looked_up"]), tier)


def kept(now: PlanPrices | None, frozen: PlanPrices | None) -> PlanPrices | None:
    """The prices of a run that is resumed: the frozen ones, and those of today for models that had none."""
    if now is None or frozen is None:
        return frozen or now
    return replace(frozen, models={**now.models, **frozen.models}, service_tier=now.service_tier)


def changes(now: PlanPrices | None, frozen: PlanPrices | None) -> list[str]:
    """A line for each frozen price that would be another one today."""
    if now is None or frozen is None:
        return []
    pairs = {model: (price, now.models[model]) for model, price in frozen.models.items() if model in now.models}
    return [
        f"the price of {model} has changed since the run was planned on {frozen.looked_up}: {rates_text(today)}, "
        f"by {today.source}; the run goes on counting with {rates_text(then)}"
        for model, (then, today) in pairs.items()
        if _tariffs(then) != _tariffs(today)
    ]


def rates_text(rates: Tariff) -> str:
    """The rates in US dollars per 1,000,000 tokens, as people read them."""
    if rates.worst(1e9, 1e9) == 0:
        return "$0"
    parts = [f"${rates.prompt:g} prompt"]
    if rates.cached != rates.prompt:
        parts.append(f"${rates.cached:g} of it read from a cache")
    if rates.written is not None:
        parts.append(f"${rates.written:g} written to it")
    if rates.completion:
        parts.append(f"${rates.completion:g} completion")
    if rates.per_call:
        parts.append(f"${rates.per_call:g} a call")
    longer = "".join(f"; more above {step.above:,} tokens" for step in rates.steps[:1])
    return ", ".join(parts) + " (per 1M tokens" + longer + ")"


def price_text(model: str, price: Price, looked_up: date, *, tier: str | None, today: date) -> str:
    """What a model costs, by whom, and how old that is."""
    text = f"{model}: {rates_text(price.tiers.get(tier or '', price))}"
    if tier in price.tiers:
        text += f" in tier {tier}"
    text += f"; {price.source}" if price.source else ""
    since = price.as_of or looked_up
    days = (today - since).days
    age = "today" if days <= 0 else "1 day old" if days == 1 else f"{days:,} days old"
    return f"{text}, {'as of' if price.as_of else 'looked up'} {since} ({age})"


def _tariffs(price: Price) -> tuple[object, ...]:
    return (price.prompt, price.cached, price.completion, price.written, price.steps, price.per_call, dict(price.tiers))
