"""Prices of calls: those of the settings, of the list, and those that a plan has frozen."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime

from troupe_batch.errors import SettingsError
from troupe_batch.llm.chat import Endpoint
from troupe_batch.llm.price_library import ListedPrices
from troupe_batch.llm.prices import SETTINGS, Price, PriceList, Prices, PriceStep, Rates, Tariff
from troupe_batch.planning.prices import PlanPrices
from troupe_batch.settings import Settings
from troupe_batch.wiring.endpoints import choose_endpoint, dialect_of, tiers_at


def price_list(settings: Settings, endpoint: Endpoint) -> Prices:
    """What each model costs: the settings' price for the main one, else the list price; a rehearsal counts it too.

    Settings that say 0 speak of an endpoint of one's own: there models without a list price cost nothing either.
    """
    is_gateway = not endpoint.is_rehearsal and dialect_of(settings).is_gateway
    listed = ListedPrices(_priced_as(settings, endpoint), is_gateway=is_gateway)
    own = _own_price(settings, listed.of(endpoint.model))
    if own is None:
        return listed
    return PriceList({endpoint.model: own}, beyond=_Free(listed) if own.is_free else listed)


def look_up(settings: Settings, endpoint: Endpoint, models: Iterable[str], *, tier: str | None = None) -> PlanPrices:
    """What these models cost at the endpoint now; `tier` is asked for where the endpoint has tiers of service."""
    prices = price_list(settings, endpoint)
    found = {model: price for model in models if (price := prices.of(model)) is not None}
    return PlanPrices(found, datetime.now(UTC).date(), tier if tier in tiers_at(settings, endpoint) else None)


def prices_of(settings: Settings, endpoint: Endpoint, frozen: PlanPrices | None) -> Prices:
    """The prices by which a run bills: those of its plan; a plan of before that has none goes by the list."""
    if frozen is None:
        return price_list(settings, endpoint)
    # A deployment of any name: only its replies say which model it is.
    return frozen.list(beyond=ListedPrices(endpoint.identity))


class _Free:
    """Prices on which what has none costs nothing."""

    def __init__(self, prices: Prices) -> None:
        self._prices = prices

    def of(self, model: str | None) -> Price | None:
        return self._prices.of(model) or Price(0.0, 0.0, 0.0, source=SETTINGS)


def _priced_as(settings: Settings, endpoint: Endpoint) -> str:
    """The identity that prices are looked up for: of a rehearsal, where the settings would ask in earnest."""
    if not endpoint.is_rehearsal:
        return endpoint.identity
    try:
        return choose_endpoint(settings, model=endpoint.model).identity
    except SettingsError:
        return "openai"


def _own_price(settings: Settings, listed: Price | None) -> Price | None:
    """The settings' price; None where they name none. What they leave out stands to it as in the list."""
    chosen = settings.budget
    prompt, completion = chosen.prompt_price, chosen.completion_price
    if (prompt is None) != (completion is None):
        raise SettingsError("Budget.PROMPT_PRICE and Budget.COMPLETION_PRICE: set both or neither")
    if prompt is None or completion is None:
        return None
    cached = prompt if chosen.cached_price is None else chosen.cached_price
    price = Price(prompt, cached, completion, chosen.written_price, source=SETTINGS)
    return price if listed is None or listed.is_free or price.is_free else _in_proportion(price, listed)


def _in_proportion(price: Price, listed: Price) -> Price:
    """The price with cache writes, long prompts and tiers as much dearer or cheaper as they are in the list."""
    if price.written is None and listed.written is not None:
        price = replace(price, written=price.prompt * _ratio(listed.written, listed.prompt))

    def like(rates: Rates) -> Rates:
        written = None if price.written is None else price.written * _ratio(rates.written, listed.written)
        return Rates(
            price.prompt * _ratio(rates.prompt, listed.prompt),
            price.cached * _ratio(rates.cached, listed.cached),
            price.completion * _ratio(rates.completion, listed.completion),
            written,
        )

    def steps_like(tariff: Tariff) -> tuple[PriceStep, ...]:
        return tuple(PriceStep(step.above, like(step.rates)) for step in tariff.steps)

    def tariff_like(tariff: Tariff) -> Tariff:
        rates = like(tariff)
        return Tariff(rates.prompt, rates.cached, rates.completion, rates.written, steps_like(tariff))

    tiers = {name: tariff_like(tier) for name, tier in listed.tiers.items()}
    return replace(price, steps=steps_like(listed), tiers=tiers)


def _ratio(rate: float | None, to: float | None) -> float:
    return rate / to if rate is not None and to else 1.0
