"""Translates what the SDK raises into the error tree; the endpoint's words are kept short and free of keys."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import aiohttp
import httpx2
import openai

from troupe_batch.errors import (
    CredentialsRejected,
    EndpointBusy,
    EndpointFaulty,
    EndpointMissing,
    EndpointUnreachable,
    QuotaExhausted,
    RequestRejected,
    TroupeError,
)

_LONGEST_MESSAGE = 300
# Keys with a prefix, hexadecimal and other long words, and keys that the endpoint itself half hid with asterisks.
_KEY_LIKE = re.compile(
    r"\b(?:sk|pk|gsk|xai)[-_][\w\-*.]{6,}|\b[0-9a-fA-F]{32,}\b|\b\w{40,}\b|Bearer \S+"
    r"|(?<!\S)(?:[^\s*]|\*(?!\*\*))*\*\*\*\S*"
)
# Cut to this before anything is looked for: an error page may have any length.
_LONGEST_SEARCHED = 4_000
_NEVER_SENT = (
    ConnectionRefusedError,
    httpx2.ConnectError,
    httpx2.PoolTimeout,
    aiohttp.ClientConnectorError,
    aiohttp.ConnectionTimeoutError,
)
_QUOTED_FIELD = re.compile(
    r"['\"`](max_tokens|max_completion_tokens|seed|random_seed|temperature|top_p|reasoning_effort|response_format"
    r"|service_tier|prompt_cache_key|prompt_cache_options)['\"`]"
)
_NO_CREDIT = {"insufficient_quota", "billing_hard_limit_reached", "billing_not_active", "account_deactivated"}
_FILTERED = {"content_filter", "content_policy_violation", "invalid_prompt"}
# 404 and 405 also come from a wrong path; 410 from a model that has been retired.
_MISSING = {404, 405, 410}
_NO_SUCH_MODEL = {"model_not_found", "DeploymentNotFound", "unknown_model"}
_BUSY = {409, 425, 429, 503, 529}


class ContentFiltered(Exception):
    """The endpoint's filter stopped the prompt; `reason` is for the row. It never leaves the provider."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def from_status(
    error: openai.APIStatusError, model: str, *, named_by: str = "the job or OpenAI.MODEL"
) -> TroupeError | ContentFiltered:
    """What a 4xx or 5xx answer to a request for `model` means; `named_by` says where its name can be mended."""
    status = error.status_code
    code, words = _said(error)
    message = f"the endpoint answered {status}{f' ({code})' if code else ''}{f': {words}' if words else ''}"
    if code in _NO_CREDIT or status == 402:
        return QuotaExhausted(f"{message}; add credit to the account, then resume")
    if status in (401, 403):
        return CredentialsRejected(f"{message}; check the key, and that it may use this model")
    if status in _MISSING or code in _NO_SUCH_MODEL:
        return EndpointMissing(
            f"no model {model!r} at {_address(error)}: {message}; check the name of the model (Azure: deployment) "
            f"in {named_by}, and the address in OpenAI.BASE_URL or AZURE_OPENAI_ENDPOINT"
        )
    if status in _BUSY:
        return EndpointBusy(message, retry_after_s=retry_after_s(error.response.headers))
    if status == 400 and code in _FILTERED:
        return ContentFiltered(message)
    is_faulty = status >= 500 or status == 408
    return EndpointFaulty(message) if is_faulty else RequestRejected(message, parameter=_parameter(error.body, words))


def from_connection(error: openai.APIConnectionError, masked: Callable[[str], str] = str) -> EndpointUnreachable:
    """What a missing answer means: a request that never left cannot be charged for, any other may."""
    cause: BaseException = error.__cause__ or error
    detail = shortened(masked(str(cause))) or type(cause).__name__
    return EndpointUnreachable(f"no answer from the endpoint: {detail}", may_be_paid=not _never_sent(cause))


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """The wait that `retry-after-ms` or `retry-after` (seconds or a date) asks for, None where neither says."""
    milliseconds = _number(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return milliseconds / 1000
    said = headers.get("retry-after")
    if said is None:
        return None
    seconds = _number(said)
    return seconds if seconds is not None else _seconds_until(said)


def shortened(text: str) -> str:
    """One line of at most 300 characters in which nothing looks like a key."""
    line = _KEY_LIKE.sub("[key]", " ".join(text[:_LONGEST_SEARCHED].split()))
    return line if len(line) <= _LONGEST_MESSAGE else line[: _LONGEST_MESSAGE - 1] + "…"


def _said(error: openai.APIStatusError) -> tuple[str | None, str]:
    """Code and message of the body, in the shapes that OpenAI, Azure and compatible servers use."""
    body: Any = error.body
    if isinstance(body, dict) and isinstance(body.get("error"), dict):
        body = body["error"]
    if not isinstance(body, dict):
        return None, shortened(body) if isinstance(body, str) and not body.lstrip().startswith("<") else ""
    code = body.get("code") or body.get("type")
    words = body.get("message") or body.get("error") or body.get("detail") or ""
    return shortened(str(code)) if code else None, shortened(words if isinstance(words, str) else str(words))


def _parameter(body: Any, words: str) -> str | None:
    """The field of the request that the endpoint names, in a field of its own or quoted in its words."""
    inner = body.get("error", body) if isinstance(body, dict) else None
    named = inner.get("param") if isinstance(inner, dict) else None
    if isinstance(named, str) and named:
        return named
    quoted = _QUOTED_FIELD.search(words)
    return quoted[1] if quoted else None


def _address(error: openai.APIStatusError) -> str:
    """Where the request went, without what an address may hold of user names, passwords and keys."""
    url = error.request.url
    return f"{url.scheme}://{url.netloc.decode()}{url.path}"


def _never_sent(cause: BaseException | None) -> bool:
    seen: set[int] = set()
    while cause is not None and id(cause) not in seen:
        if isinstance(cause, _NEVER_SENT):
            return True
        seen.add(id(cause))
        cause = cause.__cause__ or cause.__context__
    return False


def _number(text: str | None) -> float | None:
    try:
        value = float(text) if text is not None else None
    except ValueError:
        return None
    return value if value is not None and 0 <= value < float("inf") else None


def _seconds_until(text: str) -> float | None:
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())
