"""How commands put things that several of them say."""

from __future__ import annotations

from troupe_batch.llm.chat import Endpoint


def cost_text(cost_usd: float, *, is_rehearsal: bool) -> str:
    """Money as people read it; of a rehearsal, what it would have cost."""
    amount = f"${cost_usd:,.2f}" if cost_usd == 0 or cost_usd >= 0.1 else f"${cost_usd:,.4f}"
    return f"free (would cost {amount})" if is_rehearsal else amount


def endpoint_text(endpoint: Endpoint) -> str:
    """Which model answers, and where; a rehearsal server is known by what it is, not by its digest."""
    place = "the rehearsal server" if endpoint.is_rehearsal else endpoint.identity
    return f"{endpoint.model} at {place}"
