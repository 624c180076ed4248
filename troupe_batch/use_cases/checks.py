"""Checks of everything a run will need, without starting a run or spending anything."""

from __future__ import annotations

import os
import platform
import secrets
import shutil
import sys
import tempfile
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from troupe_batch.dispatch.embedded_redis import find_server
from troupe_batch.dispatch.redis_client import look_at_redis
from troupe_batch.errors import ResultsDamaged, TroupeError
from troupe_batch.llm.chat import Endpoint
from troupe_batch.llm.model_names import shutdown_notes
from troupe_batch.llm.prefix_cache import Matches
from troupe_batch.llm.prices import Price
from troupe_batch.llm.probing import Ability, Grade
from troupe_batch.llm.tokens import TokenCounter
from troupe_batch.planning.prices import price_text
from troupe_batch.redis_address import with_ca_file
from troupe_batch.results.objects import Objects
from troupe_batch.settings import Settings
from troupe_batch.spec_files import did_you_mean
from troupe_batch.use_cases.probes import probe_settings
from troupe_batch.wiring.endpoints import cache_rule_of, check_connection, choose_endpoint, dialect_of
from troupe_batch.wiring.list_prices import price_list
from troupe_batch.wiring.minds import further_endpoints
from troupe_batch.wiring.model_stack import listed_models
from troupe_batch.wiring.queues import EMBEDDED

_GIB = 2**30
# Where credentials can come from beside a key: a token of the cluster, or of the container.
_OTHER_CREDENTIALS = (
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
)


@dataclass(frozen=True, slots=True)
class Check:
    """One check: what was looked at, and what it says to the user."""

    what: str
    finding: Grade
    says: str


async def check_all(settings: Settings, *, asks: bool = False, is_offline: bool = False) -> list[Check]:
    """Every check, in the order in which a run would meet the problem.

    `asks`: the model is asked too, by a few calls; `is_offline`: not even whether its endpoint answers.
    """
    checks: list[tuple[str, Callable[[Settings], Awaitable[list[Check]]]]] = [
        ("python", _python),
        ("redis", _redis),
        ("storage", _storage),
        ("model", _model_checks),
        *([] if is_offline else [("endpoint", _endpoint)]),
        *([("abilities", _abilities)] if asks else []),
        ("tokens", _tokens),
    ]
    found: list[Check] = []
    for what, check in checks:
        try:
            found += await check(settings)
        except TroupeError as error:
            found.append(Check(what, Grade.BAD, str(error)))
    return found


async def _python(_: Settings) -> list[Check]:
    return [Check("python", Grade.GOOD, f"Python {platform.python_version()} at {sys.executable}")]


async def _redis(settings: Settings) -> list[Check]:
    if settings.redis.broker_url == EMBEDDED:
        with tempfile.TemporaryDirectory() as folder:
            server = find_server(Path(folder))
        return [Check("redis", Grade.GOOD, f"embedded: `troupe run` starts {server} as its private server")]
    checks = []
    for role, url in (("broker", settings.redis.broker_url), ("cache", settings.redis.cache_url)):
        if url is None:
            says = "Redis.CACHE_URL is empty: broker and cache share a server; in production give the cache its own"
            checks.append(Check("cache", Grade.WARNING, says))
            continue
        health = await look_at_redis(with_ca_file(url, settings.redis.ca_file))
        checks.append(Check(role, Grade.GOOD, f"{health.version} answers, {health.used_bytes / _GIB:.2f} GiB used"))
        if role == "broker" and health.evicts:
            says = f"maxmemory-policy is {health.policy}: it may drop queued shards; set it to noeviction"
            checks.append(Check("broker", Grade.BAD, says))
        if role == "broker" and not health.persists:
            says = "append-only file is off: after a restart of Redis the queue is built anew from the ledger"
            checks.append(Check("broker", Grade.WARNING, says))
    return checks


async def _storage(settings: Settings) -> list[Check]:
    lacking = [
        Check("storage", Grade.WARNING, problem) for problem in lacking_settings(settings.storage.url, os.environ)
    ]
    try:
        return [*lacking, Check("storage", Grade.GOOD, await _tried_store(settings))]
    except TroupeError as error:
        return [*lacking, Check("storage", Grade.BAD, str(error))]


async def _tried_store(settings: Settings) -> str:
    """What can be done with the store of results, after one object was written, read and deleted."""
    objects = Objects.open(settings.storage.url)
    probe, content = f".doctor-{secrets.token_hex(4)}", b"written by troupe doctor"
    await objects.put(probe, content)
    found = await objects.get(probe)
    await objects.delete(probe)
    if found != content:
        raise ResultsDamaged(f"{objects.url}: what was written there is not what is read; use another place")
    says = f"{objects.url} can be written, read and deleted from"
    if objects.local_folder is not None:
        says += f", {shutil.disk_usage(objects.local_folder).free / _GIB:.0f} GiB free"
    return says


async def _model_checks(settings: Settings) -> list[Check]:
    endpoint = choose_endpoint(settings, model=None)
    try:
        check_connection(settings, endpoint)
    except TroupeError as error:
        # Without a key there are still rehearsals; a key or an address that can be none is a mistake.
        is_missing = not (settings.secrets.openai_api_key or settings.openai.base_url)
        is_missing = is_missing and settings.openai.api_type == "openai"
        return [Check("model", Grade.WARNING if is_missing else Grade.BAD, str(error))]
    price = price_list(settings, endpoint).of(endpoint.model)
    today = datetime.now(UTC).date()
    listed = "no price is known" if price is None else price_text("price", price, today, tier=None, today=today)
    checks = [Check("model", Grade.GOOD, f"{endpoint.model} at {endpoint.identity}, {listed}")]
    further = further_endpoints(settings, endpoint).further_models
    notes = shutdown_notes((endpoint.model, *further), endpoint)
    return [
        *checks,
        *[Check("model", Grade.WARNING, note) for note in notes],
        _prefix_cache(settings, endpoint, price),
    ]


def _prefix_cache(settings: Settings, endpoint: Endpoint, price: Price | None) -> Check:
    """How the endpoint caches what prompts have in common, and what that costs."""
    rule = cache_rule_of(settings, endpoint)
    costs = ""
    if price is not None and rule.matches is not Matches.NONE and price.prompt:
        written = price.prompt if price.written is None or rule.matches is Matches.ANY else price.written
        costs = f" (${price.cached:g} per 1M tokens read, ${written:g} written)"
    is_dear = rule.matches is Matches.NEWEST
    says = f"{rule.in_words()}{costs}"
    return Check(
        "prefix cache", Grade.WARNING if is_dear else Grade.GOOD, f"{says}; `troupe status RUN` says what it did"
    )


async def _endpoint(settings: Settings) -> list[Check]:
    try:
        endpoint = choose_endpoint(settings, model=None)
        check_connection(settings, endpoint)
    except TroupeError:
        return []  # said of the model already
    return [await _reached(settings, endpoint)]


async def _reached(settings: Settings, endpoint: Endpoint) -> Check:
    """Whether the service answers, and has the model; a list of models costs nothing."""
    try:
        models = await listed_models(settings, endpoint)
    except TroupeError as error:
        return Check("endpoint", Grade.BAD, f"{error}; check OpenAI.BASE_URL or AZURE_OPENAI_ENDPOINT, and the key")
    speaks = f"it answers, and is asked in the dialect of {dialect_of(settings).service}"
    if not models or settings.openai.api_type == "azure" or endpoint.model in models:
        return Check("endpoint", Grade.GOOD, speaks)
    # Some servers answer with the one model that they have, whatever the name.
    meant = f"; {did_you_mean(endpoint.model, models)}" if len(models) > 1 else f"; it has {models[0]}"
    return Check("endpoint", Grade.WARNING, f"{speaks}, but lists no model {endpoint.model}{meant}")


async def _abilities(settings: Settings) -> list[Check]:
    endpoint = choose_endpoint(settings, model=None)
    check_connection(settings, endpoint)
    report = await probe_settings(settings, endpoint)
    found = [Check(one.what, _ability_grade(one), one.says) for one in report.abilities]
    took = "as found out within the last day" if report.is_kept else f"{report.calls} calls"
    spent = "" if report.is_kept or report.cost_usd is None else f", ${report.cost_usd:.4f}"
    return [*found, Check("abilities", Grade.GOOD, f"{took}{spent}")]


def _ability_grade(one: Ability) -> Grade:
    """Which jobs need embeddings is not known here, and surveys do not: their lack is worth a warning."""
    found = one.verdict
    return Grade.WARNING if found is Grade.BAD and one.what == "embeddings" else found


async def _tokens(_: Settings) -> list[Check]:
    return [Check("tokens", Grade.GOOD, TokenCounter.at_hand().method)]


def lacking_settings(url: str, environment: Mapping[str, str]) -> list[str]:
    """What an `s3://` address needs and the environment does not say, a sentence each; nothing for other stores."""
    return list(_lacking(environment)) if urlsplit(url).scheme in ("s3", "s3a") else []


def _lacking(environment: Mapping[str, str]) -> Iterator[str]:
    has_key = "AWS_ACCESS_KEY_ID" in environment
    if has_key and "AWS_SECRET_ACCESS_KEY" not in environment:
        yield "AWS_ACCESS_KEY_ID is set and AWS_SECRET_ACCESS_KEY is not: set both"
    if not has_key and not any(name in environment for name in _OTHER_CREDENTIALS):
        yield "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set: only an Amazon machine with a role needs none"
    address = environment.get("AWS_ENDPOINT_URL", "")
    if address.startswith("http://") and environment.get("AWS_ALLOW_HTTP", "").lower() != "true":
        yield f"AWS_ENDPOINT_URL is {address}: set AWS_ALLOW_HTTP=true, or name an https:// address"
    if not address and "AWS_REGION" not in environment and "AWS_DEFAULT_REGION" not in environment:
        yield "AWS_REGION is not set: us-east-1 is taken; a store that is not Amazon's needs AWS_ENDPOINT_URL"
