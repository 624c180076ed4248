"""Columns of tables: what all tables share of them, and Arrow arrays from lists of values.

Each column is built once per shard, and no row is ever a dict.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc


def category() -> pa.DataType:
    """Text from a list that is fixed for the run (`categories_of`); pandas reads it as a categorical."""
    return pa.dictionary(pa.int32(), pa.string())


def column_field(name: str, kind: pa.DataType, description: str, *, nullable: bool = True) -> pa.Field:
    """A column that says what it holds."""
    return pa.field(name, kind, nullable=nullable, metadata={"description": description})


def described(field: pa.Field, description: str, **metadata: str) -> pa.Field:
    """The same column with other words about it."""
    return field.with_metadata({"description": description, **metadata})


RUN = column_field("run_id", category(), "The run that made the row.", nullable=False)
UNIT = [
    column_field("unit_id", pa.string(), "The unit: one person in one arm and replicate.", nullable=False),
    column_field("unit_index", pa.int64(), "Number of the unit in the plan, from 0.", nullable=False),
    column_field("person_id", pa.string(), "The simulated person; key of `people`.", nullable=False),
    column_field("person_index", pa.int64(), "Number of the person in the population, from 0.", nullable=False),
    column_field("arm", pa.string(), "Experimental arm; null where the study has none."),
    column_field("replicate", pa.int32(), "Independent repetition of the same unit, from 0.", nullable=False),
]
UNIT_OF_ANY_SIZE = described(UNIT[0], "The unit: one person, or one world, in one arm and replicate.")
WEIGHT = column_field(
    "weight",
    pa.float64(),
    "How many people of the population the person stands for, 1 on average; 1 for all where no strata are oversampled.",
    nullable=False,
)
RAW_REPLY = column_field(
    "raw_reply",
    pa.string(),
    "First 400 characters of a reply that is no answer, as they came; null where it is one, or none came.",
)
SEAT = column_field("seat", pa.int16(), "Place of the person in the world, from 0.")
SEAT_NAME = column_field("seat_name", category(), "Name of the seat in the job; null where it has none.")


def with_seats(schema: pa.Schema, *, has_seats: bool) -> pa.Schema:
    """The columns of a table where units are worlds of several people; as they are where each unit is one person."""
    if not has_seats:
        return schema
    fields = list(schema)
    fields[schema.get_field_index("unit_id")] = described(
        schema.field("unit_id"), "The unit: one world in one arm and replicate."
    )
    if "person_index" in schema.names:
        place = schema.get_field_index("person_index")
        fields[place + 1 : place + 1] = [SEAT.with_nullable(fields[place].nullable), SEAT_NAME]
    else:
        place = schema.get_field_index("person_id")
        fields[place] = described(fields[place], "Whose call it was; null where it was made for the world.")
        fields[place] = fields[place].with_nullable(nullable=True)
    return pa.schema(fields)


def column(values: Sequence[Any], field: pa.Field, categories: Sequence[str] | None = None) -> pa.Array:
    """The values as an array of the field's type; text of a short list with exactly these categories."""
    if categories is not None:
        return categorical(values, categories, field.name)
    if pa.types.is_list(field.type) and pa.types.is_string(field.type.value_type):
        return text_lists(values)
    return texts(values) if pa.types.is_string(field.type) else pa.array(values, field.type)


def texts(values: Sequence[str | None]) -> pa.Array:
    """A column of text; half a surrogate pair, which JSON can spell and UTF-8 cannot, becomes a question mark."""
    try:
        return pa.array(values, pa.string())
    except UnicodeEncodeError:
        return pa.array([v if v is None else v.encode("utf-8", "replace").decode() for v in values], pa.string())


def categorical(values: Sequence[str | None], categories: Sequence[str], name: str) -> pa.Array:
    """The values as indices into `categories`; ValueError where one is not among them."""
    text = pa.array(values, pa.string())
    known = pa.array(categories, pa.string())
    indices = pc.index_in(text, value_set=known)
    if indices.null_count != text.null_count:
        stranger = text.filter(pc.and_(pc.is_valid(text), pc.is_null(indices)))[0].as_py()
        raise ValueError(f"{stranger!r} is no value of the column {name}")
    return pa.DictionaryArray.from_arrays(indices, known)


def text_lists(values: Sequence[Sequence[str] | None]) -> pa.Array:
    """Lists of texts that repeat much, as an array of type list<string>; six times as fast as the direct way."""
    coded = pa.array(values, pa.list_(pa.dictionary(pa.int32(), pa.string())))
    # from_arrays wants a mask where there are nulls, and no mask where there are none.
    mask = coded.is_null() if coded.null_count else None
    return pa.ListArray.from_arrays(coded.offsets, coded.values.dictionary_decode(), mask=mask)


def constant(value: str | bool, rows: int, kind: pa.DataType) -> pa.Array:
    """A column of this type that holds one value."""
    if pa.types.is_dictionary(kind):
        return repeated(np.zeros(rows, dtype=np.int32), [str(value)])
    return pa.repeat(pa.scalar(value, kind), rows)


def repeated(indices: npt.NDArray[np.int32], categories: Sequence[str]) -> pa.Array:
    """A categorical column from indices into its categories."""
    return pa.DictionaryArray.from_arrays(pa.array(indices, pa.int32()), pa.array(categories, pa.string()))


def stretched(array: pa.Array, times: int | Sequence[int]) -> pa.Array:
    """Each value of the array `times` times in a row, or each as many times as the list says."""
    return array.take(pa.array(np.repeat(np.arange(len(array)), times)))
