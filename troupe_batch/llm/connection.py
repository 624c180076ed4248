"""How a service is reached. Apart from the client, which takes seconds to import, and many commands need none."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, slots=True)
class ConnectionSpec:
    """Where the model is and how to reach it. `max_connections` is the most calls in flight of this process."""

    kind: Literal["openai", "azure", "compatible", "rehearsal"]
    api_key: str | None = field(default=None, repr=False)
    base_url: str | None = None
    azure_endpoint: str | None = None
    api_version: str | None = None
    timeout_s: float = 120.0
    max_connections: int = 400
    sends_seed: bool = True
