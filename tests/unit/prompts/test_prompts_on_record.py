"""Prompts on record: other words reach a model only under another digest, so that no run mixes two of them."""

from __future__ import annotations

import pytest

from tests.unit.prompts.jobs import plans
from tests.unit.prompts.recording import FOLDER, is_mixed, recorded

PLANS = plans()


@pytest.mark.parametrize("name", PLANS)
async def test_what_reaches_a_model_is_on_record(name: str) -> None:
    before, now = (FOLDER / f"{name}.txt").read_text(encoding="utf-8"), await recorded(PLANS[name])

    assert not is_mixed(before, now), "other words under the same digest: raise a version in planning/word_digests.py"
    assert now == before, "write the record anew: python -m tests.unit.prompts.recording"


def test_no_record_is_of_a_plan_that_is_gone() -> None:
    assert {path.stem for path in FOLDER.iterdir()} == set(PLANS)
