from __future__ import annotations

import pytest

from troupe_batch.llm.quotas import RateQuota, RateQuotas, quotas, speaks_of_quotas


def test_limits_are_read_as_openai_writes_them() -> None:
    headers = {
        "x-ratelimit-limit-requests": "600",
        "x-ratelimit-remaining-requests": "599",
        "x-ratelimit-reset-requests": "100ms",
        "x-ratelimit-limit-tokens": "150000",
        "x-ratelimit-remaining-tokens": "149984",
        "x-ratelimit-reset-tokens": "6m0s",
    }

    assert quotas(headers) == RateQuotas(RateQuota(600.0, 599.0, 0.1), RateQuota(150_000.0, 149_984.0, 360.0))


@pytest.mark.parametrize("limit", ["", "none", "-1", "0", "inf", "nan", "unlimited"])
def test_a_limit_that_is_no_number_is_none(limit: str) -> None:
    assert quotas({"x-ratelimit-limit-requests": limit}) == RateQuotas()


def test_a_reset_that_cannot_be_read_leaves_the_limit() -> None:
    headers = {"x-ratelimit-limit-requests": "60", "x-ratelimit-reset-requests": "soon"}

    assert quotas(headers).requests == RateQuota(60.0)


@pytest.mark.parametrize(
    ("quota", "per_minute"),
    [
        (RateQuota(600.0), 600.0),
        (RateQuota(600.0, 300.0, 30.0), 600.0),
        (RateQuota(600.0, 30.0, 30.0), 60.0),
        (RateQuota(600.0, 0.0, 60.0), 1.0),
        (RateQuota(600.0, 0.0, 1.0), 600.0),
    ],
)
def test_where_others_have_used_nearly_all_the_rest_must_do_until_the_reset(
    quota: RateQuota, per_minute: float
) -> None:
    assert quota.per_minute() == per_minute


def test_answers_that_say_nothing_of_limits_are_passed_over_at_a_look() -> None:
    assert not speaks_of_quotas([(b"Content-Type", b"application/json"), (b"x-ratelimit-reset", b"1")])
    assert speaks_of_quotas([(b"X-RateLimit-Limit-Tokens", b"1")])
