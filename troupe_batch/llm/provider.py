"""The model at the other end of the wire, through the openai SDK: OpenAI, Azure OpenAI or any compatible server."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote

import aiohttp
import httpx2
import openai
import orjson

from troupe_batch.errors import EndpointFaulty, EndpointUnreachable, RequestRejected, SettingsError, WrongEndpoint
from troupe_batch.llm.chat import ChatReply, ChatRequest, Endpoint, ReplySchema, ReplyStatus
from troupe_batch.llm.connection import ConnectionSpec
from troupe_batch.llm.embeddings import EmbeddingRequest, embedding_body, read_embedding
from troupe_batch.llm.http_client import HttpClient
from troupe_batch.llm.http_errors import ContentFiltered, from_connection, from_status, shortened
from troupe_batch.llm.masking import KeyMask, without_echo
from troupe_batch.llm.prices import PriceList
from troupe_batch.llm.reading import read_completion
from troupe_batch.llm.strict_schemas import UNKNOWN_TO_AZURE, without_keywords

# Of what an endpoint says about a failure, more is not looked at.
_LONGEST_ERROR, _DEEPEST_ERROR, _MOST_PARTS = 4_000, 4, 20
OPENAI_URL = "https://api.openai.com/v1"
_CONNECT_TIMEOUT_S = 15.0
# Servers close idle connections after 5 to 60 s; reusing one that is closing costs a retry.
_KEEP_ALIVE_S = 20.0
_CHAT, _EMBEDDINGS = "/chat/completions", "/embeddings"
# 31 bits: some servers read the seed into a signed 32-bit integer.
_SEED_MASK = 0x7FFFFFFF
_NAMED_BY = {_CHAT: "the job or OpenAI.MODEL", _EMBEDDINGS: "OpenAI.EMBEDDING_MODEL"}
_REHEARSAL_HEADER = b"x-troupe-rehearsal"


@dataclass(frozen=True, slots=True)
class Dialect:
    """How the requests of a kind of service differ: the name of the completion limit, and whether it reads a seed.

    `unknown_keywords` are those of JSON Schema that it refuses; what they say is checked when the reply is here.
    """

    sends_seed: bool
    # Compatible servers know the older name of the limit; OpenAI's newer models refuse it.
    limit_field: str = "max_completion_tokens"
    is_azure: bool = False
    unknown_keywords: frozenset[str] = frozenset()


class OpenAIProvider:
    """Sends each request once and says how it went; retries, limits and the cache are others' work.

    `timeout_s` bounds the whole call: the SDK's own limits start anew with every packet.
    """

    def __init__(
        self, client: openai.AsyncOpenAI, *, dialect: Dialect, prices: PriceList, timeout_s: float = 120.0
    ) -> None:
        self._mask = KeyMask(client.api_key)
        self._client = client
        self._dialect = dialect
        self._prices = prices
        self._timeout_s = timeout_s
        self._formats: dict[str, orjson.Fragment] = {}
        self._urls: dict[tuple[str, str], str] = {}
        # Said in full: the SDK deep-copies the default of every option that is left out, for each call.
        self._options = openai.RequestOptions(
            headers={},
            params={},
            max_retries=0,
            timeout=client.timeout,
            security={"bearer_auth": True, "admin_api_key_auth": True},
            # Keys are for the SDK's own retries, which are off; it makes one of random bits for each call.
            idempotency_key="none",
        )

    async def complete(self, request: ChatRequest) -> ChatReply:
        """The reply to `request`, from exactly one HTTP call."""
        if isinstance(request, EmbeddingRequest):
            path, body = _EMBEDDINGS, _json(embedding_body(request))
        else:
            path, body = _CHAT, _json(self._body(request))
        started = time.perf_counter()
        try:
            content = await self._post(request, path, body)
        except ContentFiltered as error:
            reply = ChatReply(ReplyStatus.CONTENT_FILTERED, reason=error.reason, finish_reason="content_filter")
        else:
            is_chat = path == _CHAT
            reply = read_completion(content, request.reply_schema) if is_chat else read_embedding(content)
        return self._with_cost(reply, request, time.perf_counter() - started)

    async def aclose(self) -> None:
        """Closes all connections."""
        await self._client.close()

    async def _post(self, request: ChatRequest, path: str, body: bytes) -> bytes:
        """The bytes of a 200 answer; everything else is an error of the tree, or ContentFiltered."""
        endpoint = request.endpoint
        url = self._urls.get((endpoint.model, path)) or self._url(endpoint.model, path)
        try:
            async with asyncio.timeout(self._timeout_s):
                response = await self._client.post(url, content=body, cast_to=httpx2.Response, options=self._options)
        except openai.APIStatusError as error:
            _check_who_answered(endpoint, error.response)
            self._hide_echoes(error, request)
            raise from_status(error, endpoint.model, named_by=_NAMED_BY[path]) from error
        except openai.APIConnectionError as error:
            raise from_connection(error, self._mask.text) from error
        except TimeoutError as error:
            message = f"no answer from the endpoint within {self._timeout_s:g} s"
            raise EndpointUnreachable(message, may_be_paid=True) from error
        except (httpx2.HTTPError, aiohttp.ClientError, openai.OpenAIError) as error:
            message = (
                f"the endpoint's answer broke off: {shortened(self._mask.text(str(error))) or type(error).__name__}"
            )
            raise EndpointFaulty(message, may_be_paid=True) from error
        _check_who_answered(endpoint, response)
        return self._mask.body(response.content)

    def _hide_echoes(self, error: openai.APIStatusError, request: ChatRequest) -> None:
        """What the endpoint said, without our key and without what we had said: reasons are stored and logged."""
        prompts = [message.content for message in request.messages]

        def hidden(text: str) -> str:
            return without_echo(self._mask.text(text[:_LONGEST_ERROR]), prompts)

        error.body = _each_text(error.body, hidden)
        error.message = hidden(error.message)
        error.args = (error.message,)

    def _url(self, model: str, path: str) -> str:
        """The whole URL: the SDK takes a relative one apart and puts it together again for each call."""
        # With ready-made bytes the SDK cannot see the model, so the deployment goes into the path here.
        deployment = f"/deployments/{quote(model, safe='')}" if self._dialect.is_azure else ""
        url = self._urls[model, path] = str(self._client.base_url).rstrip("/") + deployment + path
        return url

    def _body(self, request: ChatRequest) -> dict[str, Any]:
        parameters = request.parameters
        body: dict[str, Any] = {"model": request.endpoint.model, "messages": request.messages}
        if parameters.temperature is not None:
            body["temperature"] = parameters.temperature
        if parameters.top_p is not None:
            body["top_p"] = parameters.top_p
        if parameters.max_completion_tokens is not None:
            body[self._dialect.limit_field] = parameters.max_completion_tokens
        if parameters.reasoning_effort is not None:
            body["reasoning_effort"] = parameters.reasoning_effort
        if self._dialect.sends_seed:
            body["seed"] = seed_of(request.sample)
        if request.reply_schema is not None:
            body["response_format"] = self._format(request.reply_schema)
        return body

    def _format(self, schema: ReplySchema) -> orjson.Fragment:
        """The `response_format` of a schema, serialised once per schema."""
        if (fragment := self._formats.get(schema.digest)) is None:
            unknown = self._dialect.unknown_keywords
            sent = without_keywords(schema.schema, unknown) if unknown else schema.schema
            inner = {"name": schema.name, "strict": True, "schema": sent}
            fragment = orjson.Fragment(orjson.dumps({"type": "json_schema", "json_schema": inner}))
            self._formats[schema.digest] = fragment
        return fragment

    def _with_cost(self, reply: ChatReply, request: ChatRequest, latency_s: float) -> ChatReply:
        # The reply names the dated model; a price given for the name in the job file goes first.
        price = self._prices.of(request.endpoint.model) or self._prices.of(reply.model)
        cost_usd = price.cost(reply.usage) if price and reply.usage else None
        return replace(reply, cost_usd=cost_usd, latency_s=latency_s, model=reply.model or request.endpoint.model)


def connect(spec: ConnectionSpec, prices: PriceList) -> OpenAIProvider:
    """A provider on a fresh client; call it inside the event loop and the process that will use it."""
    http = HttpClient(
        limits=httpx2.Limits(
            max_connections=spec.max_connections,
            max_keepalive_connections=spec.max_connections,
            keepalive_expiry=_KEEP_ALIVE_S,
        ),
        # Waiting for a free connection is not the endpoint's fault, so it has no limit of its own.
        timeout=httpx2.Timeout(spec.timeout_s, connect=min(_CONNECT_TIMEOUT_S, spec.timeout_s), pool=None),
        # A proxy for the outside world must not stand between us and our own machine.
        trust_env=spec.kind != "rehearsal",
    )
    dialect = Dialect(
        sends_seed=spec.sends_seed,
        limit_field="max_tokens" if spec.kind == "compatible" else "max_completion_tokens",
        is_azure=spec.kind == "azure",
        unknown_keywords=UNKNOWN_TO_AZURE if spec.kind == "azure" else frozenset(),
    )
    return OpenAIProvider(_client(spec, http), dialect=dialect, prices=prices, timeout_s=spec.timeout_s)


def seed_of(sample: str) -> int:
    """The `seed` that is sent for a sample: 31 bits of its SHA-256."""
    return int.from_bytes(hashlib.sha256(sample.encode()).digest()[:4], "big") & _SEED_MASK


def _each_text(value: Any, change: Callable[[str], str], depth: int = 0) -> Any:
    """A JSON value with every text in it changed; what lies deeper than any error says anything is left out."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict | list) and depth > _DEEPEST_ERROR:
        return None
    if isinstance(value, dict):
        return {change(key): _each_text(one, change, depth + 1) for key, one in list(value.items())[:_MOST_PARTS]}
    if isinstance(value, list):
        return [_each_text(one, change, depth + 1) for one in value[:_MOST_PARTS]]
    return value


def _json(body: dict[str, Any]) -> bytes:
    try:
        return orjson.dumps(body)
    except TypeError as error:  # a lone surrogate in a text, or a schema that is no JSON
        raise RequestRejected(f"the request cannot be written as JSON: {error}") from error


def _check_who_answered(endpoint: Endpoint, response: httpx2.Response) -> None:
    """Placeholder answers never enter a real dataset, and a rehearsal never spends money: both end the run at once.

    So do answers of other respondents than those of the plan: under its digest they would pass for the same run.
    """
    found = next((value for name, value in response.headers.raw if name.lower() == _REHEARSAL_HEADER), None)
    if found is None and not endpoint.is_rehearsal:
        return
    if found is not None and endpoint.is_rehearsal:
        _check_respondents(endpoint, found.decode("latin-1"), response)
        return
    if found is not None:
        raise WrongEndpoint(
            "a rehearsal server answered, but this run is no rehearsal and its answers would look real; "
            "point OpenAI.BASE_URL at the model, or run with --rehearse"
        )
    # A proxy on the way to a rehearsal server may fail in its own name; that costs nothing and may pass.
    if response.status_code < 500:
        raise WrongEndpoint(
            f"this run is a rehearsal, but {response.url.host} is no rehearsal server and may charge for its answers; "
            "set Rehearsal.URL to a server started with `troupe rehearse`, or leave it empty"
        )


def _check_respondents(endpoint: Endpoint, identity: str, response: httpx2.Response) -> None:
    if identity != endpoint.identity:
        seed = endpoint.identity.rpartition("/")[2]
        raise WrongEndpoint(
            f"the run was planned for the respondents {endpoint.identity}, but {identity[:120]!r} answers at "
            f"{response.url.netloc.decode()}; start `troupe rehearse --seed {seed}` with the job's own --respondents "
            "file, or leave Rehearsal.URL empty"
        )


def _client(spec: ConnectionSpec, http: httpx2.AsyncClient) -> openai.AsyncOpenAI:
    if spec.kind == "azure":
        if not (spec.azure_endpoint and spec.api_version and spec.api_key):
            raise SettingsError("Azure OpenAI needs an endpoint, an API version and a key")
        return openai.AsyncAzureOpenAI(
            azure_endpoint=spec.azure_endpoint,
            api_version=spec.api_version,
            api_key=spec.api_key,
            max_retries=0,
            timeout=http.timeout,
            http_client=http,
        )
    if spec.kind == "openai" and not spec.api_key:
        raise SettingsError("OpenAI needs a key")
    if spec.kind in ("compatible", "rehearsal") and not spec.base_url:
        raise SettingsError(f"a {spec.kind} endpoint needs a base URL")
    return openai.AsyncOpenAI(
        # The SDK insists on a key; local servers want none.
        api_key=spec.api_key or "none",
        base_url=spec.base_url or OPENAI_URL,
        max_retries=0,
        timeout=http.timeout,
        http_client=http,
    )
