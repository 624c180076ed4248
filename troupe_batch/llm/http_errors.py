"""Failures of calls as errors of our tree; the endpoint's words are kept short and free of keys.

What an answer means is said in `error_table.py`, how its body is read in `error_bodies.py`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import aiohttp
import httpx2
import openai

from troupe_batch.errors import (
    CredentialsRejected,
    EndpointBusy,
    EndpointFaulty,
    EndpointMisaddressed,
    EndpointMissing,
    EndpointUnreachable,
    QuotaExhausted,
    RequestRejected,
    TroupeError,
)
from troupe_batch.llm.error_bodies import ErrorBody, read_error
from troupe_batch.llm.error_table import Meaning, meaning_of
from troupe_batch.llm.waits import reset_in_s, retry_after_s, shown_end, wait_in_s
from troupe_batch.llm.wrong_address import causes, wants_tls

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
# Fields of a request that a refusal may name, by themselves where their spelling is no word of a language.
_FIELDS = (
    r"max_tokens|max_completion_tokens|max_output_tokens|random_seed|top_p|top_k|reasoning_effort|response_format"
    r"|service_tier|prompt_cache_\w{1,12}|cache_control|stream_options|enable_thinking|chat_template_kwargs|temperature|seed"
)
_QUOTED_FIELD = re.compile(
    rf"['\"`\[{{](?:body\.)?({_FIELDS}|reasoning|thinking|think|verbosity|store|user|n)['\"`\]:.]"
)
_BARE_FIELD = re.compile(rf"(?<![\w.'\"`])({_FIELDS})\b")
_FIRST_FIELD = re.compile(rf"^({_FIELDS}):")
# The one kind of field that stands within a message.
_CACHE_HINT = re.compile(r"\b(prompt_cache_(?:key|options|breakpoint)|cache_control)\b")


class ContentFiltered(Exception):
    """The endpoint's filter stopped the prompt; `reason` is for the row. It never leaves the provider.

    `may_be_paid`: it came as a good answer, so that the endpoint may charge for it.
    """

    def __init__(self, reason: str, *, may_be_paid: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.may_be_paid = may_be_paid


@dataclass(frozen=True, slots=True)
class FailedAnswer:
    """An answer that is no reply: its status (200 too), what it says, its headers, and where it came from."""

    status: int
    said: ErrorBody
    headers: Mapping[str, str]
    url: httpx2.URL

    @property
    def wait_s(self) -> float | None:
        """The wait that it asks for, None where it names none."""
        asked = retry_after_s(self.headers)
        return asked if asked is not None else wait_in_s(self.said.names_wait, self.said.words)

    @property
    def message(self) -> str:
        """What it says, for people."""
        code, words = self.said.code, shortened(self.said.words).rstrip(".")
        if self.status == 200 and not words:
            words = "a body that is no reply"
        by = f" from {shortened(self.said.by)}" if self.said.by else ""
        return f"the endpoint answered {self.status}{f' ({shortened(code)})' if code else ''}{by}" + (
            f": {words}" if words else ""
        )


def from_status(
    error: openai.APIStatusError, model: str, *, named_by: str = "the job or OpenAI.MODEL"
) -> TroupeError | ContentFiltered:
    """What a 4xx or 5xx answer to a request for `model` means; `named_by` says where its name can be mended."""
    said = read_error(error.body)
    return from_answer(
        FailedAnswer(error.status_code, said, error.response.headers, error.request.url), model, named_by=named_by
    )


def from_answer(answer: FailedAnswer, model: str, *, named_by: str) -> TroupeError | ContentFiltered:
    """As `from_status`, for any answer that is an error."""
    meaning = meaning_of(answer.status, answer.said, has_wait=retry_after_s(answer.headers) is not None)
    if meaning is Meaning.BUSY:
        return EndpointBusy(answer.message, retry_after_s=answer.wait_s)
    if meaning is Meaning.FAULTY:
        # It did answer 200: it may have worked, and charge for it.
        return EndpointFaulty(answer.message, may_be_paid=answer.status == 200)
    if meaning is Meaning.FILTERED:
        return ContentFiltered(answer.message, may_be_paid=answer.status == 200)
    if meaning in _REJECTIONS:
        parameter = parameter_in(answer.said, is_refusal=meaning is Meaning.PARAMETER)
        return RequestRejected(answer.message + _REJECTIONS[meaning], parameter=parameter)
    return _stopping(meaning, answer, model, named_by)


def from_connection(error: Exception, masked: Callable[[str], str] = str) -> EndpointUnreachable | EndpointFaulty:
    """What a missing answer means: a request that never left cannot be charged for, any other may."""
    cause: BaseException = error.__cause__ or error
    # The client speaks of its default for TLS, at plain http too.
    detail = shortened(masked(str(cause).replace(" ssl:default", ""))) or type(cause).__name__
    if not isinstance(error, openai.APIConnectionError):
        return EndpointFaulty(f"the endpoint's answer broke off: {detail}", may_be_paid=True)
    never_sent = any(isinstance(one, _NEVER_SENT) for one in causes(cause))
    return EndpointUnreachable(f"no answer from the endpoint: {detail}", may_be_paid=not never_sent)


def parameter_in(said: ErrorBody, *, is_refusal: bool) -> str | None:
    """The field of the request that an error names: in a field of its own, or quoted in its words.

    In the words of a refusal of a parameter it may stand unquoted too.
    """
    if said.parameter is not None:
        return said.parameter
    found = _QUOTED_FIELD.search(said.words) or _FIRST_FIELD.search(said.words)
    if is_refusal:
        bare, hint = _BARE_FIELD.search(said.words), _CACHE_HINT.search(said.words)
        found = min(filter(None, (found, bare, hint)), key=lambda one: one.start(1), default=None)
    return found[1] if found else None


def shortened(text: str) -> str:
    """One line of at most 300 characters in which nothing looks like a key."""
    line = _KEY_LIKE.sub("[key]", " ".join(text[:_LONGEST_SEARCHED].split()))
    return line if len(line) <= _LONGEST_MESSAGE else line[: _LONGEST_MESSAGE - 1] + "…"


_REJECTIONS = {
    Meaning.SCHEMA: "; the JSON schema of this request is what the endpoint cannot work with",
    Meaning.TOO_LONG: "; this request is longer than the model can read",
    Meaning.PARAMETER: "",
    Meaning.REJECTED: "",
}


_CREDENTIALS = {
    Meaning.KEY: "check the key, and that it may use this model",
    Meaning.PROXY: "a proxy on the way asks who we are; give name and password in HTTPS_PROXY or HTTP_PROXY",
    Meaning.REGION: "the endpoint does not serve the place from which the requests come",
}
_QUOTAS = {
    Meaning.BILLING: "add credit to the account, or raise its limit",
    Meaning.PERIOD_SPENT: "a limit of the day, the week or the month is used up: wait for its end or raise it",
}


def _stopping(meaning: Meaning, answer: FailedAnswer, model: str, named_by: str) -> TroupeError:
    """The error that ends the run, with its cure."""
    message, address = answer.message, _address(answer.url)
    if meaning is Meaning.PLAIN_HTTP:
        return EndpointMisaddressed(wants_tls(answer.url))
    if meaning in _CREDENTIALS:
        return CredentialsRejected(f"{message}; {_CREDENTIALS[meaning]}")
    if meaning in _QUOTAS:
        return QuotaExhausted(f"{message}; {_QUOTAS[meaning]}, then resume{_limit_end_text(answer)}")
    if meaning is Meaning.NO_PATH:
        return EndpointMissing(
            f"nothing answers at {address}: {message}; check the path in OpenAI.BASE_URL or "
            "AZURE_OPENAI_ENDPOINT: most addresses end in /v1"
        )
    return EndpointMissing(
        f"no model {model!r} at {address}: {message}; check the name of the model (Azure: deployment) "
        f"in {named_by}, and the address in OpenAI.BASE_URL or AZURE_OPENAI_ENDPOINT"
    )


def _limit_end_text(answer: FailedAnswer) -> str:
    """When a limit ends by itself, where that is said."""
    ends_s = answer.wait_s
    if ends_s is None:
        ends_s = reset_in_s(answer.headers)
    return "" if ends_s is None else f"; the limit ends {shown_end(ends_s)}"


def _address(url: httpx2.URL) -> str:
    """Where the request went, without what an address may hold of user names, passwords and keys."""
    return f"{url.scheme}://{url.netloc.decode()}{url.path}"
