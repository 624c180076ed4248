"""Facts that hold for some people only: occupations for those who work, and nothing for everybody else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

NOTHING = "none"
_WHOLE = Decimal(100)


@dataclass(frozen=True, slots=True)
class Among:
    """The categories of another dimension whose people have a fact, and those whose people have none of it."""

    parent: str
    holders: tuple[str, ...]
    others: tuple[str, ...]

    def fields(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        """The fields of a dimension of plain categories, given the other one; any other dimension as it is."""
        values = fields.get("values")
        if fields.get("type") != "categorical" or not isinstance(values, dict):
            return dict(fields)
        kept = {name: value for name, value in fields.items() if name != "values"}
        on_sum = str(kept.get("on_sum", ""))
        if on_sum.startswith("residual:"):
            del kept["on_sum"]
            rest = _WHOLE - sum((Decimal(str(value)) for value in values.values()), Decimal(0))
            values = {**values, on_sum.removeprefix("residual:"): int(rest) if rest % 1 == 0 else float(rest)}
        nothing = {"no": 100} if set(values) == {"yes", "no"} else {_nothing_among(values): 100}
        table = dict.fromkeys(self.holders, values) | dict.fromkeys(self.others, nothing)
        return kept | {"given": self.parent, "table": table}

    @property
    def said(self) -> str:
        """For whom the fact holds, in words."""
        return f"of those whose {self.parent} is {' or '.join(self.holders)}; everybody else has none"


def _nothing_among(values: Mapping[str, Any]) -> str:
    """The category of those who have nothing, as the block itself writes it where it has one."""
    return next((label for label in values if label.casefold() == NOTHING), NOTHING)
