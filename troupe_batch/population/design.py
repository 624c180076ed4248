"""Parts of a population file that shape the joint distribution: controls, derived fields, records, strata."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, Self, TypeAlias

from pydantic import Discriminator, Field, Tag, model_validator

from troupe_batch.population.dimensions import ByParent, Row, ShareUnit
from troupe_batch.population.spec_values import (
    CategoryLabel,
    Crossed,
    Line,
    Names,
    Ordered,
    Shares,
    SpecPart,
    Stratifying,
    Whole,
)
from troupe_batch.scalars import TruthValue

MAX_SIZE = 10_000_000


def _form_of_table(value: object) -> str:
    if isinstance(value, str):
        return "file"
    if not isinstance(value, Mapping):
        return "rows"
    return "by_category" if any(isinstance(item, Mapping) for item in value.values()) else "shares"


ControlTable: TypeAlias = Annotated[
    Annotated[str, Tag("file")]
    | Annotated[ByParent, Tag("by_category")]
    | Annotated[tuple[Row, ...], Tag("rows")]
    | Annotated[Shares, Tag("shares")],
    Discriminator(_form_of_table),
]


def derived_short_form(value: object) -> object:
    """The short form `name: expression` as `name: {value: expression}`."""
    if isinstance(value, Mapping):
        return {name: {"value": item} if isinstance(item, str) else item for name, item in value.items()}
    return value


class Control(SpecPart):
    """A margin over one or more dimensions that the joint distribution is fitted to (raking, IPF)."""

    dims: Crossed = Field(min_length=1, description="dimensions or derived fields that the table crosses")
    table: ControlTable = Field(
        description="a CSV or Parquet file, or the share of each cell: by the first dimension's category, then the next"
    )
    unit: ShareUnit = Field(
        ShareUnit.SHARE, description="what the numbers are: share, percent or count, of the whole table"
    )
    on_sum: Literal["error", "renormalize"] = Field("error", description="when they miss 1 (or 100 percent)")
    source: Names = Field(min_length=1, description="id of a source, or a line such as `assumption: …`")
    note: str | None = Field(None, max_length=4_000, description="approximations, for whoever reads the file")

    @model_validator(mode="after")
    def _write_the_short_forms_out(self) -> Self:
        """As rows over all dimensions but the last, whose categories the values are."""
        if not isinstance(self.table, Mapping):
            return self
        if len(self.dims) > 2:
            raise ValueError("a `table` of `category: {…}` lines is for two dimensions; write rows with `when`")
        groups = self.table.items() if len(self.dims) == 2 else [("", self.table)]
        rows = []
        for key, shares in groups:
            if not isinstance(shares, Mapping):
                raise ValueError(f"write a share for each category of {self.dims[-1]}")  # noqa: TRY004 # pydantic wants a ValueError
            rows.append(Row(when={self.dims[0]: key} if key else {}, values=dict(shares)))
        # The one change to a frozen object, before anyone has seen it: two ways to write, one to read.
        object.__setattr__(self, "table", tuple(rows))
        return self

    @property
    def rows(self) -> tuple[Row, ...]:
        """The rows of the table; none where it is still the name of a file."""
        return self.table if isinstance(self.table, tuple) else ()


class Derived(SpecPart):
    """A fact worked out from other facts."""

    value: Line = Field(description="expression, such as cut(age, [25, 35, 55])")
    hidden: TruthValue = Field(False, description="true: a helper, kept out of facts and persona")


class SeedData(SpecPart):
    """Records of real or published microdata, of which people are copies: what goes together in them stays together.

    Only the columns that a dimension names are read. `columns` holds them once the file has been read.
    """

    path: Line | None = Field(None, description="CSV or Parquet file beside this one")
    weight: CategoryLabel | None = Field(None, description="column that says how many people a record stands for")
    source: Names = Field(min_length=1, description="id of a source")
    columns: dict[str, tuple[str | float | None, ...]] = Field({}, description="the columns themselves, by name")


class Strata(SpecPart):
    """Oversampling: how many people of each stratum there are. Each person carries a design weight."""

    by: Stratifying = Field(min_length=1, description="dimensions or derived fields whose categories are strata")
    allocation: Literal["proportional", "equal", "min_n", "explicit"] = Field(description="how people are allotted")
    min_n: Whole | None = Field(None, ge=1, le=MAX_SIZE, description="fewest people of a stratum, for `min_n`")
    sizes: Annotated[dict[str, Whole], *Ordered] = Field(
        {}, max_length=2_000, description="stratum: people, for `explicit`; several dimensions are joined by ` / `"
    )
