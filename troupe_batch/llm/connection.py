"""How a service is reached. Apart from the client, which takes seconds to import, and many commands need none."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from troupe_batch.llm.dialect import Dialect

OPENAI_URL = "https://api.openai.com/v1"


@dataclass(frozen=True, slots=True)
class ConnectionSpec:
    """Where the model is, how to reach it, and how it wants its requests written.

    `max_connections` is the most calls in flight of this process. Azure's dated API has an `api_version`, and the name
    of the deployment in its paths. `service_tier` is the tier that chat requests ask for, where the dialect has tiers.
    """

    kind: Literal["openai", "azure", "compatible", "rehearsal"]
    api_key: str | None = field(default=None, repr=False)
    base_url: str | None = None
    azure_endpoint: str | None = None
    api_version: str | None = None
    timeout_s: float = 120.0
    max_connections: int = 400
    dialect: Dialect = field(default=Dialect())
    service_tier: str | None = None
