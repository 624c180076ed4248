"""Connection settings of a service, apart from the client; that takes seconds to import, many commands need none."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, field
from typing import Literal

from troupe_batch.errors import SettingsError
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

    def __post_init__(self) -> None:
        """SettingsError where the key cannot be one: it goes into a header, which takes no such characters."""
        problem = key_problem(self.api_key or "")
        if problem is not None:
            name = "AZURE_OPENAI_KEY" if self.kind == "azure" else "OPENAI_API_KEY"
            raise SettingsError(f"{name} cannot be a key: {problem}; copy the key again, and nothing else")


def key_problem(key: str) -> str | None:
    """What is wrong with the characters of a key, without a word of the key itself; None where nothing is."""
    if key != key.strip():
        return "it has blanks around it" if key.strip(" ") == key.strip() else "it has a line break or a tab around it"
    if len(key) > 1 and key[0] == key[-1] and key[0] in "'\"`":
        return "it stands in quotation marks"
    odd = next((place for place, letter in enumerate(key) if not "!" <= letter <= "~"), None)
    if odd is None:
        return None
    name = "a blank" if key[odd] == " " else unicodedata.name(key[odd], "a control character").lower()
    return f"character {odd + 1} of {len(key)} is {name}"
