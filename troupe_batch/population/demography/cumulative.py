"""Cumulative categories, "High School Graduate or Higher" 90 and "Bachelor's Degree or Higher" 35, as differences."""

from __future__ import annotations

import re
from itertools import pairwise

from troupe_batch.population.demography.distributions import number
from troupe_batch.population.demography.draft import Draft
from troupe_batch.population.demography.naming import singular, topic_of
from troupe_batch.population.demography.outline import Group
from troupe_batch.population.demography.parts import WHOLE, parts_of

_OR_HIGHER = re.compile(
    r"(.+?)\s*(?:\bor (?:higher|more|above|over|older|better|greater)\b|\band (?:above|over|up)\b|\+)", re.IGNORECASE
)
_AT_LEAST = re.compile(r"(?:at least|minimum)\s+(.+)", re.IGNORECASE)


def cumulative(group: Group, draft: Draft) -> bool:
    """Makes one dimension of a block whose categories all include the next higher one; whether it was such a block."""
    parts = parts_of(draft.open(group.figures))
    if parts is None or parts.is_counts or len(parts.parts) < 2:
        return False
    named = [(level, part) for part in parts.parts if (level := _level(part.label)) is not None]
    if len(named) < len(parts.parts):
        return False
    named.sort(key=lambda pair: -pair[1].value)
    shares = {f"below {named[0][0]}": WHOLE - named[0][1].value}
    for (level, part), (higher, above) in pairwise(named):
        shares[f"{level}, below {higher}"] = part.value - above.value
    shares[named[-1][1].label] = named[-1][1].value
    values = {label: number(share) for label, share in shares.items() if share > 0}
    said = f"each category includes those above it; by differences: {', '.join(f'{k} {v}' for k, v in values.items())}"
    fields = {"type": "categorical", "unit": "percent", "values": values}
    draft.add(group, parts.leaves, (singular(topic_of(group.path)), " ".join(group.path[-2:])), fields, said)
    return True


def _level(label: str) -> str | None:
    match = _OR_HIGHER.fullmatch(label) or _AT_LEAST.fullmatch(label)
    return match[1].strip() if match else None
