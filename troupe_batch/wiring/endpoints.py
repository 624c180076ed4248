"""Endpoint that answers a job, and how this process reaches it. Nothing falls back silently from one to another."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Literal, TypeAlias
from urllib.parse import urlsplit

from pydantic import SecretStr

from troupe_batch.errors import SettingsError
from troupe_batch.llm.chat import Endpoint, SchemaMode
from troupe_batch.llm.connection import OPENAI_URL, ConnectionSpec, Dialect, Pins, dialect_at, services
from troupe_batch.llm.prefix_cache import CacheRule, cache_rule, keys_at
from troupe_batch.rehearsal.config import RehearsalConfig
from troupe_batch.settings import Settings
from troupe_batch.shown_text import shown_url
from troupe_batch.spec_files import did_you_mean
from troupe_batch.trust import BASE_URL

_Kind: TypeAlias = Literal["openai", "azure", "compatible", "rehearsal"]

_HOW_TO_START = "; or add --rehearse for placeholder answers without any key or cost"


def choose_endpoint(
    settings: Settings, *, model: str | None, respondents: Path | None = None, rehearse: bool = False
) -> Endpoint:
    """The endpoint that these settings mean for a job that names `model`, or none; no key is needed to know it."""
    name = model or settings.openai.model
    if rehearse:
        return Endpoint(rehearsal_config(settings, respondents).identity, name, is_rehearsal=True)
    return Endpoint(_identity(settings), name, schema_mode=dialect_of(settings).schema_mode)


def dialect_of(settings: Settings) -> Dialect:
    """How the endpoint of these settings wants its requests written; SettingsError where they name no service."""
    chosen = settings.openai
    if chosen.service is not None and chosen.service not in services():
        raise SettingsError(
            f"OpenAI.SERVICE ({settings.origin('openai.service')}): {did_you_mean(chosen.service, services())}"
        )
    mode = None if chosen.schema_mode is None else SchemaMode(chosen.schema_mode)
    pins = Pins(chosen.service, chosen.limit_field, chosen.send_seed, mode, chosen.prefix_cache)
    return dialect_at(_address(settings), pins)


def cache_rule_of(settings: Settings, endpoint: Endpoint) -> CacheRule:
    """How the endpoint caches the beginnings of prompts, by what the settings say and the tables know."""
    dialect = _dialect(settings, is_rehearsal=endpoint.is_rehearsal)
    rule = cache_rule(dialect.service, endpoint.model, dialect.prefix_cache)
    return replace(rule, most_keys=keys_at(settings.limits.requests_per_minute))


def rehearsal_config(settings: Settings, respondents: Path | None = None) -> RehearsalConfig:
    """The rehearsal server of a job."""
    return RehearsalConfig(
        seed=settings.rehearsal.seed, latency_ms=settings.rehearsal.latency_ms, respondents=respondents
    )


def connection_to(settings: Settings, endpoint: Endpoint) -> ConnectionSpec:
    """How this process reaches the endpoint of a plan; SettingsError where a key or an address is missing."""
    if endpoint.is_rehearsal:
        return _rehearsal(settings)
    here = _identity(settings)
    if here != endpoint.identity:
        raise SettingsError(
            f"the run was planned for {endpoint.identity} but this process is set up for {here}; "
            "give both the same OpenAI.API_TYPE, OpenAI.BASE_URL and AZURE_OPENAI_ENDPOINT"
        )
    if settings.openai.api_type == "azure":
        return _azure(settings)
    return _compatible(settings) if settings.openai.base_url else _openai(settings)


def check_connection(settings: Settings, endpoint: Endpoint, *, starts_rehearsal: bool = False) -> None:
    """SettingsError where a key or an address is missing; asked before anything is started.

    `starts_rehearsal`: the command starts the rehearsal server itself, so none needs to be known yet.
    """
    if not (endpoint.is_rehearsal and starts_rehearsal):
        connection_to(settings, endpoint)


def _identity(settings: Settings) -> str:
    if settings.openai.api_type == "azure":
        return f"azure/{urlsplit(settings.secrets.azure_openai_endpoint or '').hostname or 'endpoint not set'}"
    if settings.openai.base_url:
        address = urlsplit(settings.openai.base_url)
        is_written = settings.openai.base_url.isprintable() and " " not in settings.openai.base_url
        if not is_written or address.scheme not in ("http", "https") or not address.hostname:
            raise SettingsError(
                f"OpenAI.BASE_URL ({settings.origin('openai.base_url')}): {shown_url(settings.openai.base_url)!r} is "
                "no address; write for example http://localhost:8000/v1"
            )
        port = f":{address.port}" if address.port else ""
        return f"{address.scheme}://{address.hostname}{port}{address.path.rstrip('/')}"
    return "openai"


def _address(settings: Settings) -> str:
    if settings.openai.api_type == "azure":
        return settings.secrets.azure_openai_endpoint or "https://endpoint-not-set.openai.azure.com"
    return settings.openai.base_url or OPENAI_URL


def _rehearsal(settings: Settings) -> ConnectionSpec:
    if not settings.rehearsal.url:
        raise SettingsError(
            "the run is a rehearsal but no rehearsal server is known here; start one with `troupe rehearse` "
            "and set Rehearsal.URL to its address for all workers"
        )
    return _spec(settings, "rehearsal", base_url=_v1(settings.rehearsal.url))


def _openai(settings: Settings) -> ConnectionSpec:
    key = _secret(settings.secrets.openai_api_key)
    if key is None:
        raise SettingsError(
            "no model can be called: set OPENAI_API_KEY (OpenAI), or OpenAI.BASE_URL (vLLM, llama.cpp, Ollama ...), "
            "or OpenAI.API_TYPE = azure with AZURE_OPENAI_KEY and AZURE_OPENAI_ENDPOINT" + _HOW_TO_START
        )
    return _spec(settings, "openai", api_key=key)


def _compatible(settings: Settings) -> ConnectionSpec:
    key = _secret(settings.secrets.openai_api_key)
    if key is not None:
        settings.check_trusted(BASE_URL)
    return _spec(settings, "compatible", api_key=key, base_url=settings.openai.base_url)


def _azure(settings: Settings) -> ConnectionSpec:
    key, address = _secret(settings.secrets.azure_openai_key), settings.secrets.azure_openai_endpoint
    if key is None or not address:
        raise SettingsError("OpenAI.API_TYPE is azure: set AZURE_OPENAI_KEY and AZURE_OPENAI_ENDPOINT" + _HOW_TO_START)
    return _spec(settings, "azure", api_key=key, azure_endpoint=address)


def _spec(
    settings: Settings,
    kind: _Kind,
    *,
    api_key: str | None = None,
    base_url: str | None = None,
    azure_endpoint: str | None = None,
) -> ConnectionSpec:
    return ConnectionSpec(
        kind,
        api_key=api_key,
        base_url=base_url,
        azure_endpoint=azure_endpoint,
        api_version=settings.openai.azure_api_version,
        timeout_s=settings.openai.timeout,
        max_connections=settings.openai.max_concurrent_model_calls,
        dialect=_dialect(settings, is_rehearsal=kind == "rehearsal"),
    )


def tiers_at(settings: Settings, endpoint: Endpoint) -> tuple[str, ...]:
    """The tiers of service that can be asked for at the endpoint; empty where there are none."""
    return _dialect(settings, is_rehearsal=endpoint.is_rehearsal).tiers


def _dialect(settings: Settings, *, is_rehearsal: bool) -> Dialect:
    if not is_rehearsal:
        return dialect_of(settings)
    return dialect_at("", Pins(service="rehearsal", prefix_cache=settings.openai.prefix_cache))


def _secret(value: SecretStr | None) -> str | None:
    return value.get_secret_value() if value else None


def _v1(url: str) -> str:
    address = url.rstrip("/")
    return address if address.endswith("/v1") else f"{address}/v1"
