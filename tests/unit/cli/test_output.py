"""How wide tables are where there is no terminal."""

from __future__ import annotations

import pytest

from troupe_batch.cli.output import data


@pytest.mark.parametrize(("stated", "width"), [("77", 77), ("300", 300), ("", 160), ("0", 160), ("wide", 160)])
def test_tables_in_a_pipe_are_as_wide_as_columns_says(monkeypatch: pytest.MonkeyPatch, stated: str, width: int) -> None:
    monkeypatch.setenv("COLUMNS", stated)

    assert data().width == width
