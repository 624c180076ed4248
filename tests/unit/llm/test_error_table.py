"""What services say when they fail, in their own shapes, and what it means for a run."""

from __future__ import annotations

import json
import time
from typing import Any

import httpx2
import pytest

from troupe_batch.errors import (
    CredentialsRejected,
    EndpointBusy,
    EndpointFaulty,
    EndpointMisaddressed,
    EndpointMissing,
    QuotaExhausted,
    RequestRejected,
    TroupeError,
)
from troupe_batch.llm.error_bodies import body_of, error_inside, read_error
from troupe_batch.llm.http_errors import ContentFiltered, FailedAnswer, from_answer

_URL = httpx2.URL("http://127.0.0.1:9/v1/chat/completions")


def failing(status: int, body: Any, headers: dict[str, str] | None = None) -> TroupeError | ContentFiltered:
    content = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
    said = (error_inside if status == 200 else read_error)(body_of(content))
    return from_answer(FailedAnswer(status, said, headers or {}, _URL), "some-model", named_by="the job")


def openai(message: str, code: str | None = None, kind: str = "invalid_request_error", param: str | None = None) -> Any:
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


def anthropic(message: str, kind: str = "invalid_request_error", **details: Any) -> Any:
    return {"type": "error", "error": {"type": kind, "message": message, **details}}


def router(code: int, message: str, **metadata: Any) -> Any:
    return {"error": {"code": code, "message": message, "metadata": metadata}}


def minimax(code: int, words: str) -> Any:
    return {"choices": None, "base_resp": {"status_code": code, "status_msg": words}}


def gemini(message: str, status: str, *details: Any, code: int = 429) -> Any:
    return [{"error": {"code": code, "message": message, "status": status, "details": list(details)}}]


_QUOTA = "You exceeded your current quota, please check your plan and billing details."
_PER_DAY = {"violations": [{"quotaId": "GenerateRequestsPerDayPerProjectPerModel-FreeTier"}]}
_PER_MINUTE = {"violations": [{"quotaId": "GenerateRequestsPerMinutePerProjectPerModel"}]}
_RETRY = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "32s"}
_IN_A_GATEWAY = "litellm.RateLimitError: geminiException - " + json.dumps(
    gemini(_QUOTA, "RESOURCE_EXHAUSTED", _PER_DAY)
)
_RAW = {"raw": json.dumps(openai("Invalid schema", "invalid_json_schema")), "provider_name": "DeepInfra"}
_FLAGGED = {"reasons": ["violence"], "flagged_input": "…", "provider_name": "OpenAI", "model_slug": "m"}
_BLOCKED = {"code": "content_filter", "message": "no", "innererror": {"code": "ResponsibleAIPolicyViolation"}}
_DAILY = "Rate limit reached for model `m` on tokens per day (TPD): Limit 100000. Please try again in 9m38.016s."


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        # An account without money.
        (429, openai("No credits left.", "credit_balance_exhausted", "insufficient_quota"), QuotaExhausted),
        (429, openai("Stop.", "organization_spend_limit_exceeded", "insufficient_quota"), QuotaExhausted),
        (429, openai("Stop.", "project_spend_limit_exceeded", "x"), QuotaExhausted),
        (429, openai("Stop.", None, "insufficient_quota"), QuotaExhausted),
        (429, openai(_QUOTA, "429", "throttling_error"), QuotaExhausted),
        (403, openai("Stop.", "billing_not_active"), QuotaExhausted),
        (402, {}, QuotaExhausted),
        (402, openai("Insufficient Balance", "invalid_request_error", "unknown_error"), QuotaExhausted),
        (400, anthropic("Your credit balance is too low to access the API."), QuotaExhausted),
        (
            429,
            anthropic("no", "rate_limit_error", details={"error_code": "enforced_spend_limit_reached"}),
            QuotaExhausted,
        ),
        (403, router(403, "Budget limit exceeded", limit_source="openrouter_guardrail_budget"), QuotaExhausted),
        (
            400,
            {"code": "Arrearage", "message": "Access denied, please make sure your account is in good standing."},
            QuotaExhausted,
        ),
        (200, minimax(1008, "insufficient balance"), QuotaExhausted),
        (400, openai("ExceededBudget: User over budget", "400", "budget_exceeded"), QuotaExhausted),
        (
            429,
            gemini("Quota exceeded for metric: free_tier_requests, limit: 0, model: m", "RESOURCE_EXHAUSTED"),
            QuotaExhausted,
        ),
        (403, {"code": 30001, "message": "Sorry, your account balance is insufficient"}, QuotaExhausted),
        (403, {"code": "x", "error": "Your newly created team doesn't have any credits yet"}, QuotaExhausted),
        (403, openai("The free tier of the model has been exhausted.", "AllocationQuota.FreeTierOnly"), QuotaExhausted),
        (429, openai("Your account <o> is suspended, check your plan", "exceeded_current_quota_error"), QuotaExhausted),
        # A limit of the day.
        (429, gemini(_QUOTA, "RESOURCE_EXHAUSTED", _PER_DAY, _RETRY), QuotaExhausted),
        (429, openai(_DAILY, "rate_limit_exceeded", "tokens"), QuotaExhausted),
        (429, openai(_IN_A_GATEWAY, "429", "None"), QuotaExhausted),
        (
            429,
            {"error": {"code": 429, "message": "Rate limit exceeded: free-models-per-day. Add 10 credits"}},
            QuotaExhausted,
        ),
        (
            429,
            openai(
                "Rate limit of 50 per 86400s exceeded for UserByModelByDay. Please wait 85983 seconds",
                "RateLimitReached",
            ),
            QuotaExhausted,
        ),
        # What passes.
        (429, gemini(_QUOTA, "RESOURCE_EXHAUSTED", _PER_MINUTE, _RETRY), EndpointBusy),
        (
            429,
            openai("Rate limit reached on requests per min (RPM). Please try again in 20ms.", "rate_limit_exceeded"),
            EndpointBusy,
        ),
        (402, router(402, "no", limit_source="openrouter_in_flight_budget"), EndpointBusy),
        (529, anthropic("Overloaded", "overloaded_error"), EndpointBusy),
        (500, openai("The engine is currently overloaded, please try again later", None, "server_error"), EndpointBusy),
        (503, openai("no", "slow_down"), EndpointBusy),
        (502, {"error": {"code": 502, "message": "Provider returned error"}}, EndpointFaulty),
        (500, b"<html><title>Internal Server Error</title></html>", EndpointFaulty),
        (500, openai("Internal error: the schema of the database could not be read"), EndpointFaulty),
        (429, openai(f"{_QUOTA} Quota exceeded for metric: requests, limit: 20. Please retry in 32.5s."), EndpointBusy),
        (400, openai("Failed to generate JSON.", "json_validate_failed"), EndpointFaulty),
        # Moderation.
        (403, router(403, "Your chosen model requires moderation", **_FLAGGED), ContentFiltered),
        (400, {"error": {**_BLOCKED, "code": "invalid_request"}}, ContentFiltered),
        (400, openai("<400> InternalError.Algo.DataInspectionFailed: inappropriate content", "x"), ContentFiltered),
        (400, openai("no", "data_inspection_failed", "data_inspection_failed"), ContentFiltered),
        (
            400,
            openai("Invalid prompt: your prompt was flagged as violating our usage policy.", "invalid_prompt"),
            ContentFiltered,
        ),
        (400, openai("litellm.ContentPolicyViolationError: AzureException - no", "400"), ContentFiltered),
        (400, openai("no", "prompt_blocked"), ContentFiltered),
        (200, {"id": "x", "choices": None, "usage": {"prompt_tokens": 3}}, ContentFiltered),
        (200, minimax(1026, "input new_sensitive"), ContentFiltered),
        (200, {"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}}, ContentFiltered),
        # One request.
        (
            400,
            openai("Invalid schema for response_format 'x': 'minimum' is not permitted.", "invalid_json_schema"),
            RequestRejected,
        ),
        (
            500,
            {"object": "error", "message": "Failed to compile the grammar", "type": "InternalServerError", "code": 500},
            RequestRejected,
        ),
        (400, openai("Failed to initialize samplers: failed to parse grammar"), RequestRejected),
        (400, router(400, "Provider returned error", **_RAW), RequestRejected),
        (
            400,
            openai("This model's maximum context length is 8192 tokens.", "context_length_exceeded"),
            RequestRejected,
        ),
        (
            429,
            openai(
                "Request too large for m on tokens per min (TPM): Limit 30000, Requested 40000.", "rate_limit_exceeded"
            ),
            RequestRejected,
        ),
        (400, openai("messages[3] is odd", "invalid_value"), RequestRejected),
        (413, b"<html><title>413 Request Entity Too Large</title></html>", RequestRejected),
        # The set-up.
        (401, openai("Incorrect API key provided", "invalid_api_key"), CredentialsRejected),
        (
            400,
            gemini(
                "API key not valid. Please pass a valid API key.",
                "INVALID_ARGUMENT",
                {"reason": "API_KEY_INVALID"},
                code=400,
            ),
            CredentialsRejected,
        ),
        (
            403,
            openai("Country, region, or territory not supported", "unsupported_country_region_territory"),
            CredentialsRejected,
        ),
        (
            400,
            gemini("User location is not supported for the API use.", "FAILED_PRECONDITION", code=400),
            CredentialsRejected,
        ),
        (407, b"<html><title>Proxy Authentication Required</title></html>", CredentialsRejected),
        (404, {"error": "model 'm' not found, try pulling it first"}, EndpointMissing),
        (400, {"error": {"message": "m is not a valid model ID", "code": 400}}, EndpointMissing),
        (
            404,
            {"object": "error", "message": "The model `m` does not exist.", "type": "NotFoundError", "code": 404},
            EndpointMissing,
        ),
        (403, openai("Project `p` does not have access to model `m`", "model_not_found"), EndpointMissing),
        (500, {"error": "model requires more system memory (9 GiB) than is available"}, EndpointMissing),
        (404, {"detail": "Not Found"}, EndpointMissing),
        (404, b"404 page not found", EndpointMissing),
        (200, b"<!doctype html><title>Open WebUI</title>", EndpointMissing),
        (200, {"error": "Unexpected endpoint or method. (POST /chat/completions)"}, EndpointMissing),
        (400, b"<html><title>400 The plain HTTP request was sent to HTTPS port</title></html>", EndpointMisaddressed),
        (400, b"Client sent an HTTP request to an HTTPS server.", EndpointMisaddressed),
        # Errors that came as a good answer.
        (200, {"error": {"message": "Rate limit exceeded", "code": 429}}, EndpointBusy),
        (200, {"choices": [{"error": {"code": 502, "message": "Provider disconnected"}}]}, EndpointFaulty),
        (200, [{"error": {"code": 503, "message": "unavailable", "status": "UNAVAILABLE"}}], EndpointBusy),
        (200, b'data: {"error": {"message": "no", "code": "insufficient_quota"}}\n\ndata: [DONE]\n', QuotaExhausted),
        (200, {"success": False, "errors": [{"code": 7009, "message": "Upstream is overloaded"}]}, EndpointBusy),
        (200, b"", EndpointFaulty),
        (200, {"object": "list"}, EndpointFaulty),
    ],
)
def test_an_error_means_what_its_service_means_by_it(status: int, body: Any, expected: type[Exception]) -> None:
    error = failing(status, body)

    assert type(error) is expected, str(error)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (
            openai(
                "Unsupported parameter: 'max_tokens' … Use 'max_completion_tokens' instead.", "x", param="max_tokens"
            ),
            "max_tokens",
        ),
        (openai("Unsupported parameter: 'max_tokens' … Use 'max_completion_tokens' instead."), "max_tokens"),
        (openai("Unrecognized request argument supplied: seed"), "seed"),
        (
            openai(
                "litellm.UnsupportedParamsError: x does not support parameters: ['seed'], for model=m", param="None"
            ),
            "seed",
        ),
        (
            {"detail": [{"type": "extra_forbidden", "loc": ["body", "seed"], "msg": "Extra inputs are not permitted"}]},
            "seed",
        ),
        (
            {
                "object": "error",
                "message": {"detail": [{"type": "extra_forbidden", "loc": ["body", "top_p"], "msg": "Extra"}]},
            },
            "top_p",
        ),
        (
            gemini(
                'Invalid JSON payload received. Unknown name "seed": Cannot find field.', "INVALID_ARGUMENT", code=400
            ),
            "seed",
        ),
        (
            {
                "code": "Client specified an invalid argument",
                "error": "Argument not supported on this model: reasoning_effort",
            },
            "reasoning_effort",
        ),
        (anthropic("`temperature` is deprecated for this model."), "temperature"),
        (anthropic("max_tokens: 9 > 8, which is the maximum allowed"), "max_tokens"),
        (openai("messages: at least one message is required"), None),
    ],
)
def test_a_refusal_names_the_parameter_that_it_is_about(body: Any, expected: str | None) -> None:
    error = failing(400, body)

    assert isinstance(error, RequestRejected)
    assert error.parameter == expected


@pytest.mark.parametrize(
    ("body", "headers", "expected_s"),
    [
        (openai("Please try again in 9m38.016s."), {}, 578.016),
        (openai("Please retry after 26 seconds."), {}, 26.0),
        (openai("Come back in 2 hours"), {}, 7_200.0),
        (gemini("no", "RESOURCE_EXHAUSTED", _RETRY), {}, 32.0),
        (openai("Please try again in 20s."), {"retry-after-ms": "1500"}, 1.5),
        ({"error": {"message": "no", "metadata": {"headers": {"X-RateLimit-Reset": "90"}}}}, {}, 90.0),
        (openai("Rate limit reached for gpt-4o-2024-08-06"), {}, None),
    ],
)
def test_the_wait_is_read_wherever_it_is_said(body: Any, headers: dict[str, str], expected_s: float | None) -> None:
    error = failing(429, body, headers)

    assert isinstance(error, EndpointBusy)
    assert error.retry_after_s == expected_s


def test_a_402_that_names_a_wait_is_waited_for() -> None:
    error = failing(402, {"error": {"message": "in-flight budget"}}, {"retry-after": "3"})

    assert isinstance(error, EndpointBusy)
    assert error.retry_after_s == 3.0


@pytest.mark.parametrize(
    ("body", "headers", "expected"),
    [
        (openai(_DAILY), {}, "; the limit ends in about 10 minutes ("),
        (
            openai("Limit of requests per day reached"),
            {"x-ratelimit-reset-requests": "6m0s"},
            "ends in about 6 minutes",
        ),
        (openai("free-models-per-day"), {"x-ratelimit-reset": str(round((time.time() + 9_999) * 1000))}, "ends at 2"),
        (
            openai(
                "You have reached your specified API usage limits. You will regain access on 2099-01-01 at 00:00 UTC."
            ),
            {},
            "ends at ",
        ),
        (openai("Limit of requests per day reached"), {}, "then resume"),
    ],
)
def test_a_limit_of_the_day_says_when_it_ends(body: Any, headers: dict[str, str], expected: str) -> None:
    error = failing(429, body, headers)

    assert isinstance(error, QuotaExhausted)
    assert expected in str(error)


def test_the_service_behind_a_gateway_is_named() -> None:
    error = failing(400, router(400, "Provider returned error", **_RAW))

    assert "from DeepInfra: Provider returned error; Invalid schema" in str(error)


def test_only_what_the_endpoint_may_have_worked_for_can_be_paid() -> None:
    inside, outside = failing(200, {"error": {"code": 502}}), failing(502, {"error": {"code": 502}})

    assert isinstance(inside, EndpointFaulty)
    assert isinstance(outside, EndpointFaulty)
    assert (inside.may_be_paid, outside.may_be_paid) == (True, False)


@pytest.mark.parametrize("depth", [3, 50, 5_000])
def test_a_body_of_any_depth_is_read_to_an_end(depth: int) -> None:
    body: Any = "Insufficient Balance"
    for _ in range(depth):
        body = {"error": body}

    assert isinstance(from_answer(FailedAnswer(402, read_error(body), {}, _URL), "m", named_by="x"), QuotaExhausted)
