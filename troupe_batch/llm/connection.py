"""Connection to a service: where it is, and the dialect in which it wants requests written; without its slow client.

A dialect is a value per endpoint and model, never a kind of code. It starts from a small table by address
(dialects.toml), holds what the settings pin, and loses what the endpoint refuses by name (`adapting.py`), as far as
that changes no answer.
"""

from __future__ import annotations

import tomllib
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from functools import cache
from importlib import resources
from typing import Any, Literal
from urllib.parse import urlsplit

from troupe_batch.errors import SettingsError
from troupe_batch.llm.chat import SchemaMode
from troupe_batch.llm.usage import OPENAI_USAGE, UsageRule

LimitField = Literal["max_completion_tokens", "max_tokens"]
_DEFAULT_SERVICE = "compatible"
# The name of a server at its usual port is a guess, and only for machines that are not on the internet.
_LOCAL_NAMES = ("localhost", "*.localhost", "*.local", "127.*", "[::1]", "::1", "10.*", "192.168.*", "172.*")
OPENAI_URL = "https://api.openai.com/v1"


@dataclass(frozen=True, slots=True)
class Effort:
    """Effort of reasoning, as a service is told it: `field` (a dotted path) takes the word as it is.

    `values` are the words that it takes, empty where all are sent; `off_field` takes `off_value` in place of the word
    "none", and where it is empty "none" is not sent at all, as the service does not reason unless told to.
    """

    field: str = "reasoning_effort"
    values: tuple[str, ...] = ()
    off_field: str | None = None
    off_value: str | bool | None = None

    def sent(self, effort: str) -> tuple[str, Any] | None:
        """The dotted path and the value for an effort; None where nothing is sent."""
        if effort == "none" and self.off_field is not None:
            return (self.off_field, self.off_value) if self.off_field else None
        return self.field, effort

    def takes(self, effort: str) -> bool:
        """Whether the service can be asked for this effort."""
        return not self.values or effort in self.values


@dataclass(frozen=True, slots=True)
class Dialect:
    """Dialect in which requests to one model at one endpoint are written.

    `limit_fields` are the names of the completion limit, the one to try first at the front. `refused` are fields that
    the endpoint does not take, left out from then on, and `unknown_keywords` those of JSON Schema; what the keywords
    say is checked when the reply is here. `tiers` are the values of `service_tier`, empty where there are none, and
    `usage` says what the counts of tokens leave out. `prefix_cache` is the rule of prefix caching that the settings
    pin, None where it is by service and model. Behind a gateway any
    service may stand, whose prices are not known by where the gateway is.
    """

    service: str = _DEFAULT_SERVICE
    limit_fields: tuple[LimitField, ...] = ("max_tokens", "max_completion_tokens")
    seed_field: str | None = "seed"
    effort: Effort = field(default=Effort())
    schema_mode: SchemaMode = SchemaMode.STRICT
    unknown_keywords: frozenset[str] = frozenset()
    tiers: tuple[str, ...] = ()
    prefix_cache: str | None = None
    usage: UsageRule = OPENAI_USAGE
    refused: frozenset[str] = frozenset()
    is_gateway: bool = False

    @property
    def limit_field(self) -> LimitField | None:
        """The name under which the completion limit is sent; None where each has been refused."""
        return next((name for name in self.limit_fields if name not in self.refused), None)

    def seed(self) -> str | None:
        """The name under which the draw is sent; None where it is not."""
        return None if self.seed_field in self.refused else self.seed_field

    def without(self, fields: Iterable[str] = (), *, keywords: Iterable[str] = ()) -> Dialect:
        """The dialect of an endpoint that takes neither these fields nor these keywords of JSON Schema."""
        return replace(self, refused=self.refused.union(fields), unknown_keywords=self.unknown_keywords.union(keywords))


@dataclass(frozen=True, slots=True)
class Pins:
    """Pins of a dialect in the settings; None leaves it to the table."""

    service: str | None = None
    limit_field: LimitField | None = None
    sends_seed: bool | None = None
    schema_mode: SchemaMode | None = None
    prefix_cache: str | None = None


def dialect_at(address: str, pins: Pins = Pins()) -> Dialect:
    """The dialect of the service at an address (a URL), by the table and what is pinned.

    Raises KeyError where `pins.service` is no service of the table; `services()` has their names.
    """
    known = _service_table()
    found = replace(known[pins.service or _service_at(address)].dialect, prefix_cache=pins.prefix_cache)
    if pins.limit_field is not None:
        found = replace(found, limit_fields=(pins.limit_field,))
    if pins.sends_seed is not None:
        found = replace(found, seed_field=(found.seed_field or "seed") if pins.sends_seed else None)
    return found if pins.schema_mode is None else replace(found, schema_mode=pins.schema_mode)


def services() -> list[str]:
    """The names of the services that the table knows."""
    return sorted(_service_table())


@dataclass(frozen=True, slots=True)
class _Service:
    dialect: Dialect
    hosts: tuple[str, ...] = ()
    port: int | None = None


def _service_at(address: str) -> str:
    parts = urlsplit(address)
    host = (parts.hostname or "").lower()
    for name, service in _service_table().items():
        if any(fnmatchcase(host, pattern) for pattern in service.hosts):
            return name
    is_local = any(fnmatchcase(host, pattern) for pattern in _LOCAL_NAMES) or "." not in host
    for name, service in _service_table().items():
        if is_local and service.port is not None and parts.port == service.port:
            return name
    return _DEFAULT_SERVICE


@cache
def _service_table() -> Mapping[str, _Service]:
    text = resources.files("troupe_batch.llm").joinpath("dialects.toml").read_text(encoding="utf-8")
    return {name: _service(name, fields) for name, fields in tomllib.loads(text).items()}


def _service(name: str, fields: dict[str, Any]) -> _Service:
    hosts, port = tuple(fields.pop("hosts", ())), fields.pop("port", None)
    effort = fields.pop("effort", {})
    fields = {key: tuple(value) if isinstance(value, list) else value for key, value in fields.items()}
    if "values" in effort:
        effort["values"] = tuple(effort["values"])
    dialect = Dialect(service=name, effort=Effort(**effort))
    if "usage" in fields:
        fields["usage"] = UsageRule(**fields["usage"])
    if "unknown_keywords" in fields:
        fields["unknown_keywords"] = frozenset(fields["unknown_keywords"])
    if "schema_mode" in fields:
        fields["schema_mode"] = SchemaMode(fields["schema_mode"])
    if fields.get("seed_field") == "":
        fields["seed_field"] = None
    return _Service(replace(dialect, **fields), hosts, port)


@dataclass(frozen=True, slots=True)
class ConnectionSpec:
    """Connection to a model: where it is, how to reach it, and how it wants its requests written.

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
