"""What calls cost: the prices of the settings and of the list."""

from __future__ import annotations

from troupe_batch.errors import SettingsError
from troupe_batch.llm.chat import Endpoint
from troupe_batch.llm.prices import Price, PriceList
from troupe_batch.settings import Settings


def price_list(settings: Settings, endpoint: Endpoint) -> PriceList:
    """What each model costs: the settings' price for the main one, else the list price; a rehearsal counts it too.

    Settings that say 0 speak of an endpoint of one's own: there models without a list price cost nothing either.
    """
    chosen, listed = settings.budget, PriceList.load()
    prompt, completion = chosen.prompt_price, chosen.completion_price
    if (prompt is None) != (completion is None):
        raise SettingsError("Budget.PROMPT_PRICE and Budget.COMPLETION_PRICE: set both or neither")
    if prompt is None or completion is None:
        return listed
    cached = prompt if chosen.cached_price is None else chosen.cached_price
    price = Price(prompt, cached, completion, _written(listed.of(endpoint.model), prompt), source="settings")
    is_free = prompt == cached == completion == 0
    return listed.with_overrides({endpoint.model: price}, otherwise=price if is_free else None)


def _written(listed: Price | None, prompt: float) -> float | None:
    """What cache writes cost where the settings name a prompt price: as much above it as in the list."""
    if listed is None or listed.written is None:
        return None
    return prompt * listed.written / listed.prompt
