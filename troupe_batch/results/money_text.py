"""Money in words, on every screen and in every file: what is spent, held, in doubt, and at most on the bill."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from troupe_batch.llm.spending import Spending

_FEW_CENTS, _NEXT_TO_NOTHING = 0.1, 0.001


def dollars(usd: float) -> str:
    """An amount as people read it; small ones with as many digits as they need."""
    if usd == 0 or usd >= _FEW_CENTS:
        return f"${usd:,.2f}"
    return f"${usd:,.4f}" if usd >= _NEXT_TO_NOTHING else f"${usd:,.6f}"


def money_text(spending: Spending, *, cap_usd: float | None, is_rehearsal: bool) -> str:
    """Spent, cap and held in one line, and what of it is in doubt; of a rehearsal, what it would have cost."""
    parts = [dollars(spending.usd) + ("" if cap_usd is None else f" of at most {dollars(cap_usd)}")]
    if spending.held_usd:
        parts.append(f"{dollars(spending.held_usd)} held for calls in flight")
    if spending.uncertain_calls or spending.uncertain_usd:
        parts.append(doubt_text(spending))
    text = ", ".join(parts)
    return f"free (would cost {text})" if is_rehearsal else text


def cost_text(cost_usd: float, *, is_rehearsal: bool) -> str:
    """Money as people read it; of a rehearsal, what it would have cost."""
    return money_text(Spending(cost_usd=cost_usd), cap_usd=None, is_rehearsal=is_rehearsal)


def doubt_text(spending: Spending) -> str:
    """Which calls are in doubt, and what they cost: about so much, and at most so much."""
    broken = spending.uncertain_calls - spending.silent_calls
    which = [
        *([_calls_text(spending.silent_calls, "without usage")] if spending.silent_calls else []),
        *([_calls_text(broken, "broken off")] if broken or not spending.silent_calls else []),
    ]
    worst, about = dollars(spending.uncertain_usd), dollars(spending.expected_usd)
    much = f"at most {worst}" if about == worst else f"about {about}, at most {worst}"
    return f"{' and '.join(which)}: {much}"


def money_notes(spending: Spending, *, cap_usd: float | None = None) -> Iterator[str]:
    """What somebody should know of how money is counted, in whole sentences; nothing in an ordinary run."""
    if spending.says_no_usage:
        yield (
            "this endpoint says no usage, so each of its calls counts at its worst case, and a cost cap is reached "
            "early; set Budget.PROMPT_PRICE and Budget.COMPLETION_PRICE to 0 for a model of your own, or lower the "
            "model's max_completion_tokens"
        )
    if spending.over_calls:
        which = _calls_text(spending.over_calls, "")
        yield (
            f"{which.rstrip()} cost more than their requests allow, {dollars(spending.over_usd)} together: the "
            "endpoint does not keep to max_completion_tokens, or counts prompts otherwise"
        )
    if cap_usd is not None and spending.usd > cap_usd:
        over = dollars(spending.usd - cap_usd)
        yield f"the cost cap of {dollars(cap_usd)} was passed by {over}, by calls that cost more than was held for them"


def money_json(said: Spending, *, cap_usd: float | None) -> dict[str, Any]:
    """The same as JSON values; those of a rehearsal are what it would have cost."""
    return {
        "cap_usd": cap_usd,
        "held_usd": said.held_usd,
        "at_most_usd": said.at_most_usd,
        "calls_without_usage": said.silent_calls,
        "calls_in_doubt": said.uncertain_calls,
        "in_doubt_usd": said.expected_usd,
        "in_doubt_at_most_usd": said.uncertain_usd,
        "over_worst_case_usd": said.over_usd,
    }


def _calls_text(number: int, what: str) -> str:
    return f"{number:,} call{'s' if number != 1 else ''} {what}"
