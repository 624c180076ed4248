"""One page for all figures, written once all of them are there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.benchmarks.figures import Page

FIGURES = 19


@pytest.fixture(scope="session")
def page() -> Iterator[Page]:
    made = Page()
    yield made
    if len(made.figures) == FIGURES:
        made.write(Path(__file__).resolve().parents[2] / "docs" / "benchmarks.md")
