"""Names that a job cannot give to its questions and fields: the tables have columns of these names."""

from __future__ import annotations

import pytest

from tests.doubles.studies import spec_of
from troupe_batch.errors import SpecError
from troupe_batch.results.columns import with_seats
from troupe_batch.results.tables.extractions import ExtractionsTable
from troupe_batch.studies.findings import RESERVED_FIELD_IDS


def test_every_column_of_extractions_is_reserved() -> None:
    columns = {*ExtractionsTable.columns.names, *with_seats(ExtractionsTable.columns, has_seats=True).names}

    assert columns <= RESERVED_FIELD_IDS


@pytest.mark.parametrize("kind", ["interview\nscript: [{say: Hi}]", "world\nsteps: 1\npeople_per_world: 2"])
@pytest.mark.parametrize("name", sorted(RESERVED_FIELD_IDS))
def test_no_field_may_bear_the_name_of_a_column(kind: str, name: str) -> None:
    extraction = f"{{id: a, objective: A, fields: [{{id: {name}, type: text, text: X}}]}}"

    with pytest.raises(SpecError, match=f"`{name}` is a column of its own in the data; choose another id"):
        spec_of(f"kind: {kind}\nextraction: [{extraction}]\n")
