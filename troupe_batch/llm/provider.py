"""Model at the other end of the wire, through the openai SDK: OpenAI, Azure OpenAI or any compatible server."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeAlias
from urllib.parse import quote

import aiohttp
import httpx2
import openai
import orjson

from troupe_batch.errors import (
    EndpointMisaddressed,
    EndpointUnreachable,
    EndpointUnsuitable,
    RequestRejected,
    SettingsError,
    WrongEndpoint,
)
from troupe_batch.llm.adapting import Dialects
from troupe_batch.llm.chat import ChatReply, ChatRequest, Endpoint, ReplyStatus, Usage
from troupe_batch.llm.connection import OPENAI_URL, ConnectionSpec
from troupe_batch.llm.embeddings import EmbeddingRequest, embedding_body, read_embedding
from troupe_batch.llm.error_bodies import NoReply, body_of, error_inside
from troupe_batch.llm.http_client import HttpClient
from troupe_batch.llm.http_errors import ContentFiltered, FailedAnswer, from_answer, from_connection, from_status
from troupe_batch.llm.masking import Echoes, KeyMask, each_text
from troupe_batch.llm.prefix_cache import Prefixes
from troupe_batch.llm.prices import Prices, billed_usd
from troupe_batch.llm.quotas import RateQuotas, quotas, speaks_of_quotas
from troupe_batch.llm.reading import read_completion
from troupe_batch.llm.request_body import BodyWriter
from troupe_batch.llm.tokens import TokenCounter
from troupe_batch.llm.usage import usd_in_headers
from troupe_batch.llm.wrong_address import is_broken_off, mistake, speaks_tls, wants_tls

OnQuotas: TypeAlias = Callable[[str, RateQuotas], None]
"""Takes in what an endpoint says of its limits for a model."""

# Of what an endpoint says about a failure, more is not looked at.
_LONGEST_ERROR = 4_000
_FILTER = "content_filter"
_CONNECT_TIMEOUT_S = 15.0
# Servers close idle connections after 5 to 60 s; reusing one that is closing costs a retry.
_KEEP_ALIVE_S = 20.0
_CHAT, _EMBEDDINGS = "/chat/completions", "/embeddings"
# https://learn.microsoft.com/azure/foundry/openai/api-version-lifecycle
_AZURE_WITHOUT_DATES = ("v1", "latest", "preview")
# More parameters than these no endpoint refuses one by one.
_MOST_REFUSALS = 8
_NAMED_BY = {_CHAT: "the job or OpenAI.MODEL", _EMBEDDINGS: "OpenAI.EMBEDDING_MODEL"}
_REHEARSAL_HEADER = b"x-troupe-rehearsal"


class OpenAIProvider:
    """Sends each request once and says how it went; retries, limits and the cache are others' work.

    `timeout_s` bounds the whole call: the SDK's own limits start anew with every packet.
    """

    def __init__(
        self,
        client: openai.AsyncOpenAI,
        *,
        dialects: Dialects,
        prices: Prices,
        timeout_s: float = 120.0,
        writer: BodyWriter | None = None,
        on_quotas: OnQuotas | None = None,
    ) -> None:
        self._on_quotas = on_quotas
        self._mask = KeyMask(client.api_key)
        self._client = client
        self._dialects = dialects
        self._writer = writer or BodyWriter(Prefixes(TokenCounter.estimate()))
        # With ready-made bytes the SDK cannot see the model, so the deployment goes into the path here.
        self._has_deployments = isinstance(client, openai.AsyncAzureOpenAI)
        self._prices = prices
        self._timeout_s = timeout_s
        self._has_answered = False
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
        """The reply to `request`, from exactly one HTTP call that was not turned away for how it is written."""
        started = time.perf_counter()
        try:
            reply = await self._asked(request)
        except ContentFiltered as error:
            # A request that is turned away is free, but at Azure, which charges for what its filter has read of a 400
            # (learn.microsoft.com, answers 1632971).
            is_charged = error.may_be_paid or self._dialects.of(request.endpoint.model).service == "azure"
            usage = None if is_charged else Usage()
            reply = ChatReply(ReplyStatus.CONTENT_FILTERED, None, None, error.reason, usage, finish_reason=_FILTER)
        return self._with_cost(reply, request, time.perf_counter() - started)

    async def _asked(self, request: ChatRequest) -> ChatReply:
        """The reply; asked again where the endpoint has refused a parameter that it can do without."""
        if isinstance(request, EmbeddingRequest):
            return self._read(await self._post(request, _EMBEDDINGS, _json(embedding_body(request))), request)
        for _ in range(_MOST_REFUSALS):
            dialect = self._dialects.of(request.endpoint.model)
            try:
                answer = await self._post(request, _CHAT, _json(self._writer.body(request, dialect)))
                return self._read(answer, request)
            except RequestRejected as error:
                if not await self._dialects.learn(request.endpoint, dialect, error):
                    raise
        raise EndpointUnsuitable("the endpoint refuses one parameter after the other; set OpenAI.SERVICE")

    def _read(self, answer: httpx2.Response, request: ChatRequest) -> ChatReply:
        """The reply in a 200 answer; services also send errors as such."""
        content, is_chat = self._mask.body(answer.content), not isinstance(request, EmbeddingRequest)
        try:
            if not is_chat:
                return _as_priced(read_embedding(content), answer)
            rule = self._dialects.of(request.endpoint.model).usage
            return _as_priced(read_completion(content, request.reply_schema, rule), answer)
        except NoReply as error:
            said = error_inside(self._hidden(error.body, request))
            failed = FailedAnswer(answer.status_code, said, answer.headers, answer.url)
            named_by = _NAMED_BY[_CHAT if is_chat else _EMBEDDINGS]
            raise from_answer(failed, request.endpoint.model, named_by=named_by) from error

    async def models(self) -> list[str]:
        """The names of the models that the endpoint lists, which costs nothing; empty where it lists none."""
        url = f"{str(self._client.base_url).rstrip('/')}/models"
        try:
            async with asyncio.timeout(self._timeout_s):
                response = await self._client.get(url, cast_to=httpx2.Response, options=self._options)
        except openai.APIStatusError as error:
            if error.status_code not in (401, 403):
                return []
            error.body = each_text(error.body, self._mask.text)
            raise from_status(error, "any model") from error
        except TimeoutError as error:
            raise EndpointUnreachable(f"no answer from the endpoint within {self._timeout_s:g} s") from error
        except (openai.OpenAIError, httpx2.HTTPError, aiohttp.ClientError) as error:
            await self._check_address(error, url)
            raise from_connection(error, self._mask.text) from error
        return listed_models(response.content)

    async def aclose(self) -> None:
        """Closes all connections."""
        await self._client.close()

    async def _post(self, request: ChatRequest, path: str, body: bytes) -> httpx2.Response:
        """A 200 answer; everything else is an error of the tree, or ContentFiltered."""
        endpoint = request.endpoint
        url = self._urls.get((endpoint.model, path)) or self._url(endpoint.model, path)
        try:
            async with asyncio.timeout(self._timeout_s):
                response = await self._client.post(url, content=body, cast_to=httpx2.Response, options=self._options)
        except openai.APIStatusError as error:
            self._has_answered = True
            _check_who_answered(endpoint, error.response)
            self._note_quotas(endpoint, error.response)
            self._hide_echoes(error, request)
            raise from_status(error, endpoint.model, named_by=_NAMED_BY[path]) from error
        except TimeoutError as error:
            message = f"no answer from the endpoint within {self._timeout_s:g} s"
            raise EndpointUnreachable(message, may_be_paid=True) from error
        except (openai.OpenAIError, httpx2.HTTPError, aiohttp.ClientError) as error:
            await self._check_address(error, url)
            raise from_connection(error, self._mask.text) from error
        self._has_answered = True
        _check_who_answered(endpoint, response)
        self._note_quotas(endpoint, response)
        return response

    def _note_quotas(self, endpoint: Endpoint, response: httpx2.Response) -> None:
        if self._on_quotas is not None and speaks_of_quotas(response.headers.raw):
            self._on_quotas(endpoint.model, quotas(response.headers))

    async def _check_address(self, error: BaseException, url: str) -> None:
        """EndpointMisaddressed where no answer can come from this address."""
        address = httpx2.URL(url)
        wrong = mistake(error, address, has_answered=self._has_answered)
        if wrong is None and not self._has_answered and address.scheme == "http" and is_broken_off(error):
            wrong = wants_tls(address) if await speaks_tls(address) else None
        if wrong is not None:
            raise EndpointMisaddressed(wrong) from error

    def _hidden(self, body: Any, request: ChatRequest) -> Any:
        """What the endpoint said, without our key and without what we had said: reasons are stored and logged."""
        echoes = Echoes(message.content for message in request.messages)
        return each_text(body, lambda text: echoes.without(self._mask.text(text[:_LONGEST_ERROR])))

    def _hide_echoes(self, error: openai.APIStatusError, request: ChatRequest) -> None:
        error.body = self._hidden(body_of(error.response.content), request)
        error.message = self._hidden(error.message, request)
        error.args = (error.message,)

    def _url(self, model: str, path: str) -> str:
        """The whole URL: the SDK takes a relative one apart and puts it together again for each call."""
        deployment = f"/deployments/{quote(model, safe='')}" if self._has_deployments else ""
        url = self._urls[model, path] = str(self._client.base_url).rstrip("/") + deployment + path
        return url

    def _with_cost(self, reply: ChatReply, request: ChatRequest, latency_s: float) -> ChatReply:
        # The reply names the dated model; a price given for the name in the job file goes first.
        price = self._prices.of(request.endpoint.model) or self._prices.of(reply.model)
        model = reply.model or request.endpoint.model
        return replace(reply, cost_usd=billed_usd(price, reply), latency_s=latency_s, model=model)


def connect(
    spec: ConnectionSpec,
    prices: Prices,
    dialects: Dialects | None = None,
    prefixes: Prefixes | None = None,
    *,
    on_quotas: OnQuotas | None = None,
) -> OpenAIProvider:
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
    dialects = dialects or Dialects(spec.dialect, spec.base_url or spec.kind)
    return OpenAIProvider(
        _client(spec, http),
        dialects=dialects,
        prices=prices,
        timeout_s=spec.timeout_s,
        writer=BodyWriter(prefixes or Prefixes(TokenCounter.estimate()), spec.service_tier),
        on_quotas=on_quotas,
    )


def listed_models(content: bytes) -> list[str]:
    """The names in a list of models; empty where the content is none."""
    try:
        return [str(one["id"]) for one in orjson.loads(content)["data"]]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return []


def _as_priced(reply: ChatReply, answer: httpx2.Response) -> ChatReply:
    """The reply with what a gateway reckons for the call, where the service itself does not say what it bills."""
    if reply.said_usd is not None or (usd := usd_in_headers(answer.headers)) is None:
        return reply
    return replace(reply, said_usd=usd)


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
        if spec.api_version in _AZURE_WITHOUT_DATES:
            # The same paths as OpenAI's; a deployment is named as a model is.
            return openai.AsyncOpenAI(
                api_key=spec.api_key,
                base_url=f"{spec.azure_endpoint.rstrip('/')}/openai/v1",
                max_retries=0,
                timeout=http.timeout,
                http_client=http,
            )
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
