"""Dimensions as a population file writes them: one class per type."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any, Literal, Self, TypeAlias

from pydantic import (
    Discriminator,
    Field,
    SerializerFunctionWrapHandler,
    Tag,
    field_serializer,
    model_validator,
)

from troupe_batch.population.spec_values import (
    CategoryLabel,
    CategoryLabels,
    Line,
    Names,
    Number,
    Ordered,
    Shares,
    SpecPart,
)
from troupe_batch.scalars import TruthValue


class ShareUnit(StrEnum):
    """Unit of the numbers of a distribution: shares sum to 1, percents to 100, counts to anything."""

    SHARE = "share"
    PERCENT = "percent"
    COUNT = "count"


class Row(SpecPart):
    """The distribution of a conditional dimension for one combination of its parents' categories.

    A parent that `when` leaves out, or gives as `*`, may have any category; the most specific row wins.
    """

    when: Annotated[dict[str, CategoryLabel], *Ordered] = Field(description="category of each parent; * for any")
    values: Shares = Field(description="category: share")


def _form_of_table(value: object) -> str:
    if isinstance(value, str):
        return "file"
    return "by_parent" if isinstance(value, Mapping) else "rows"


ByParent: TypeAlias = Annotated[dict[str, Shares], *Ordered]
ShareTable: TypeAlias = Annotated[
    Annotated[str, Tag("file")] | Annotated[ByParent, Tag("by_parent")] | Annotated[tuple[Row, ...], Tag("rows")],
    Discriminator(_form_of_table),
]


class _Dimension(SpecPart):
    """What all dimensions have: their source, their parents, and how their numbers are to be read."""

    source: Names = Field(min_length=1, description="id of a source, or a line such as `assumption: …`")
    note: str | None = Field(None, max_length=4_000, description="approximations, for whoever reads the file")
    given: Names = Field((), description="parents: the dimensions that this one's distribution depends on")
    table: ShareTable | None = Field(
        None,
        description="with `given`: a CSV or Parquet file, or `parent's category: {category: share}`, or rows",
    )
    unit: ShareUnit = Field(ShareUnit.SHARE, description="what the numbers are: share, percent or count")
    on_sum: Annotated[str, Field(pattern=r"^(error|renormalize|residual:.+)$")] = Field(
        "error", description="when they miss 1 (or 100 percent): error, renormalize, or residual:<category>"
    )
    hidden: TruthValue = Field(False, description="true: a helper for other dimensions, kept out of facts and persona")

    @model_validator(mode="after")
    def _write_the_short_form_out(self) -> Self:
        if isinstance(self.table, dict):
            if len(self.given) != 1:
                raise ValueError("a `table` of `category: {…}` lines is for one parent; write rows with `when`")
            rows = tuple(Row(when={self.given[0]: key}, values=shares) for key, shares in self.table.items())
            # The one change to a frozen object, before anyone has seen it: two ways to write, one to read.
            object.__setattr__(self, "table", rows)
        return self

    @property
    def rows(self) -> tuple[Row, ...]:
        """The rows of the table; none where it is still the name of a file, or there is no table."""
        return self.table if isinstance(self.table, tuple) else ()


class Categorical(_Dimension):
    """A dimension whose value is one of a list of labels."""

    type: Literal["categorical"]
    values: Shares | None = Field(None, description="category: share, where there is no `given`")
    categories: CategoryLabels | None = Field(
        None, description="order of the categories of a `table`; alone, where controls say the shares"
    )


class NumericDimension(_Dimension):
    """A dimension whose value is a number: from bins with shares, or from a distribution."""

    type: Literal["numeric"]
    bins: Shares | None = Field(None, description='"25-34": share; whole numbers include both ends')
    within: Literal["pchip", "uniform", "tapered"] = Field(
        "pchip", description="how numbers lie inside a bin; tapered: ever fewer in the last one, for 85 and over"
    )
    dist: Literal["uniform", "normal", "lognormal", "triangular", "beta"] | None = Field(
        None, description="its family; with `given`, the rows of `table` hold its parameters"
    )
    params: Annotated[dict[str, Number], *Ordered] = Field({}, description="parameters of the distribution")
    truncate: tuple[Number, Number] | None = Field(None, description="lowest and highest value of a distribution")
    integer: TruthValue = Field(False, description="whole numbers only")
    decimals: int = Field(2, ge=0, le=9, description="digits after the point, where not integer")

    @field_serializer("table", mode="wrap")
    def _parameters_in_one_order(self, table: ShareTable | None, handler: SerializerFunctionWrapHandler) -> Any:
        """Parameters have names, so that their order in a row says nothing, and the digest must not depend on it."""
        if self.dist is not None and isinstance(table, tuple):
            table = tuple(row.model_copy(update={"values": dict(sorted(row.values.items()))}) for row in table)
        return handler(table)


class PoolText(SpecPart):
    """One text of a pool, and who may get it."""

    text: Line = Field(description="what the person's fact says")
    p: Number = Field(1.0, gt=0, description="weight among the texts that are open to the person")
    when: Line | None = Field(None, description="expression over the facts; left out: open to everybody")


class TextPool(SpecPart):
    """A dimension whose value is one of some texts, drawn among those whose condition the person meets.

    Who meets none of the conditions lacks the fact. Nothing can depend on a text pool.
    """

    type: Literal["text_pool"]
    values: tuple[PoolText, ...] = Field(min_length=1, max_length=10_000, description="the texts")
    source: Names = Field(min_length=1, description="id of a source, or a line such as `assumption: …`")
    note: str | None = Field(None, max_length=4_000, description="approximations, for whoever reads the file")
    hidden: TruthValue = Field(False, description="true: kept out of facts and persona")

    @property
    def given(self) -> tuple[str, ...]:
        """No parents: conditions read facts that are drawn already."""
        return ()


class FromRecords(SpecPart):
    """A dimension whose values come from the records of `seed_data`, with whatever goes together in them.

    Without `numeric` a category, named by `labels` or by its code; with `numeric` a number, and with `bins` a number
    whose bins others can depend on and controls can count.
    """

    type: Literal["record"]
    column: CategoryLabel | None = Field(None, description="column of the records; left out: named as the dimension")
    labels: Annotated[dict[str, CategoryLabel], *Ordered] = Field(
        {}, max_length=2_000, description='what its codes mean, such as {"1": male, "2": female}, in the order to keep'
    )
    missing: CategoryLabel | CategoryLabels | None = Field(
        None,
        description="category of the records that have no code here; of a number: the codes that stand for no number",
    )
    numeric: TruthValue = Field(False, description="true: a number")
    integer: TruthValue = Field(False, description="whole numbers only")
    decimals: int = Field(2, ge=0, le=9, description="digits after the point, where not integer")
    bins: CategoryLabels = Field((), description='of a number: its bins, such as ["18-29", "30-99"]')
    source: Names = Field((), description="id of a source; left out: that of `seed_data`")
    note: str | None = Field(None, max_length=4_000, description="approximations, for whoever reads the file")
    hidden: TruthValue = Field(False, description="true: kept out of facts and persona")

    @property
    def given(self) -> tuple[str, ...]:
        """No parents: the record says everything."""
        return ()

    @property
    def missing_category(self) -> str | None:
        """The category of records without a code; None where there is none, and for numbers."""
        return self.missing if isinstance(self.missing, str) and not self.numeric else None

    @property
    def codes_of_none(self) -> tuple[str, ...]:
        """Of a number, what the file writes where there is none, such as 9999999."""
        if not self.numeric or self.missing is None:
            return ()
        return (self.missing,) if isinstance(self.missing, str) else self.missing


Distributed: TypeAlias = Categorical | NumericDimension
Dimension: TypeAlias = Annotated[Categorical | NumericDimension | TextPool | FromRecords, Field(discriminator="type")]
