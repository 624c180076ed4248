"""What `troupe_batch.simulation` offers by name."""

from __future__ import annotations

import subprocess
import sys

import pytest

from troupe_batch import simulation


@pytest.mark.parametrize("name", simulation.__all__)
def test_every_name_on_offer_is_there(name: str) -> None:
    assert getattr(simulation, name).__name__ == name


def test_a_name_that_is_not_on_offer_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="TinyPersn"):
        simulation.TinyPersn  # noqa: B018 -- looking is enough


def test_a_person_alone_loads_neither_worlds_nor_extraction() -> None:
    code = (
        "import sys, troupe_batch.simulation; print([m for m in sys.modules if m.endswith(('.world', '.extraction'))])"
    )

    result = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)

    assert result.stdout.strip() == "[]"
