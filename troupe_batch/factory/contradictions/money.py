"""Whether a text states an income outside of the one, or the bracket, that the person has."""

from __future__ import annotations

import re
from collections.abc import Iterator

from troupe_batch.factory.contradictions.clauses import Story
from troupe_batch.factory.contradictions.finding import Fact
from troupe_batch.factory.contradictions.numbers import amount_of, range_of

_MONEY = frozenset(("income", "salary", "earnings", "wage", "wages", "pay"))
_NOT_A_YEAR = frozenset(
    ("month", "monthly", "week", "weekly", "hour", "hourly", "daily", "log", "percentile", "decile", "quintile",
     "rank", "source", "sources", "thousands", "satisfaction", "level", "class", "partner", "spouse", "parents",
     "equivalised", "equivalized")
)  # fmt: skip
# Nothing may follow: "makes $300 a year selling jam" is no income.
_AMOUNT = (
    r"(?:about |around |roughly |some |just over |just under |nearly |almost )?[$€£]\s?"
    r"(\d[\d,. ]*\d|\d)\s?(k|thousand|m|million)?\b(?= (?:a|per|each) year$| annually$| yearly$)"
)
_OWN = re.compile(rf"(?:earns|makes|has an? (?:annual )?(?:income|salary) of|brings home) {_AMOUNT}")
_SHARED = re.compile(
    rf"(?:household (?:income )?|family (?:income )?)(?:is|comes to|earns|makes|lives on|has) {_AMOUNT}"
)
_ABOUT = 0.1


def is_money(fact: Fact) -> bool:
    """Whether the fact is a yearly income, as a number or a bracket in the main unit of the currency."""
    return bool(fact.words & _MONEY) and not fact.words & _NOT_A_YEAR


def money(fact: Fact, story: Story) -> Iterator[str]:
    """Words of the story that state a sum by the year outside of the bracket; sums said roughly may miss by a tenth."""
    ends = range_of(fact)
    if ends is None:
        return
    low, high = ends
    is_shared = bool(fact.words & {"household", "family"})
    for said in story.owned if is_shared else story.said:
        match = (_SHARED if is_shared else _OWN).match(said)
        if match and not low * (1 - _ABOUT) <= amount_of(match) <= high * (1 + _ABOUT):
            yield said
