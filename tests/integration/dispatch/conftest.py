from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.integration.dispatch.fleet import Fleet, fleet_on


@pytest.fixture
async def fleet(redis_url: str, tmp_path: Path) -> AsyncIterator[Fleet]:
    async with fleet_on(redis_url, tmp_path) as made:
        yield made
