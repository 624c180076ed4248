"""Wordings that several commands share."""

from __future__ import annotations

from datetime import UTC, datetime

from troupe_batch.llm.chat import Endpoint
from troupe_batch.planning.plan import Plan
from troupe_batch.planning.prices import price_text


def endpoint_text(endpoint: Endpoint) -> str:
    """Which model answers, and where; a rehearsal server is known by what it is, not by its digest."""
    place = "the rehearsal server" if endpoint.is_rehearsal else endpoint.identity
    return f"{endpoint.model} at {place}"


def price_lines(plan: Plan) -> list[str]:
    """What each model of the plan costs, who says so, and how old that is; none for plans of before there were any."""
    prices = plan.prices
    if prices is None:
        return []
    today = datetime.now(UTC).date()
    known = [
        price_text(model, price, prices.looked_up, tier=prices.service_tier, today=today)
        for model in dict.fromkeys(plan.models)
        if (price := prices.models.get(model)) is not None
    ]
    unknown = [model for model in dict.fromkeys(plan.models) if model not in prices.models]
    return known + ([f"unknown for {', '.join(unknown)}"] if unknown else [])
