from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Callable
from typing import Any

import orjson
import pytest

from troupe_batch.errors import SettingsError
from troupe_batch.rehearsal import RehearsalConfig, parse_faults
from troupe_batch.rehearsal.endpoint import RehearsalEndpoint, RehearsalRequest
from troupe_batch.rehearsal.faults import Fault, FaultKind, FaultPlan, parse_fault
from troupe_batch.rehearsal.limits import RateLimits
from troupe_batch.seeded import stream

Make = Callable[..., RehearsalEndpoint]


def _chosen(plan: FaultPlan, requests: int = 2_000, asked: int = 1, text: str = "") -> Counter[FaultKind | None]:
    return Counter(plan.choose(stream(n), asked, lambda: text) for n in range(requests))


@pytest.mark.parametrize(
    ("written", "fault"),
    [
        ("429=0.05", Fault(FaultKind.RATE_LIMITED, 0.05)),
        ("refusal", Fault(FaultKind.REFUSAL)),
        ("refusal on soup|politics on tv", Fault(FaultKind.REFUSAL, on="soup|politics on tv")),
        ("500=1 first 2", Fault(FaultKind.SERVER_ERROR, first=2)),
        ("drop=0.5 first 1 on ^x", Fault(FaultKind.DROP, 0.5, on="^x", first=1)),
    ],
)
def test_a_fault_reads_back_as_it_was_written(written: str, fault: Fault) -> None:
    assert parse_fault(written) == fault
    assert parse_fault(str(fault)) == fault


@pytest.mark.parametrize(
    ("written", "complaint"),
    [
        ("refusl=0.1", "did you mean `refusal`"),
        ("429=2", "between 0 and 1"),
        ("429=1.2.3", "could not convert"),
        ("429 on (", "unterminated"),
        ("", "cannot be read"),
        ("429 sometimes", "cannot be read"),
    ],
)
def test_a_fault_that_cannot_be_read_says_why(written: str, complaint: str) -> None:
    with pytest.raises(SettingsError, match=complaint):
        parse_fault(written)


def test_rates_that_sum_to_more_than_one_are_refused() -> None:
    with pytest.raises(SettingsError, match=r"sum to 1\.2"):
        RehearsalConfig(faults=parse_faults(["429=0.6", "500=0.6"]))


def test_faults_hit_at_their_rates_and_the_same_requests_every_time() -> None:
    plan = FaultPlan(parse_faults(["429=0.2", "timeout=0.1"]), seed=5)

    counts = _chosen(plan)

    # Four standard errors of a share of 0.2 over 2,000 requests are 0.036.
    assert abs(counts[FaultKind.RATE_LIMITED] / 2_000 - 0.2) < 0.036
    assert abs(counts[FaultKind.TIMEOUT] / 2_000 - 0.1) < 0.027
    assert counts == _chosen(FaultPlan(parse_faults(["429=0.2", "timeout=0.1"]), seed=5))
    assert counts != _chosen(FaultPlan(parse_faults(["429=0.2", "timeout=0.1"]), seed=6))


def test_asking_again_is_another_throw() -> None:
    plan = FaultPlan(parse_faults(["500=0.5"]), seed=5)

    throws = Counter(plan.choose(stream("x"), asked, str) for asked in range(1, 401))

    assert 160 < throws[FaultKind.SERVER_ERROR] < 240


def test_a_fault_of_the_first_times_lets_the_patient_through() -> None:
    plan = FaultPlan(parse_faults(["503 first 2"]), seed=1)

    seen = [plan.choose(stream("x"), asked, str) for asked in (1, 2, 3, 4)]

    assert seen == [FaultKind.OVERLOADED, FaultKind.OVERLOADED, None, None]


def test_an_aimed_fault_hits_exactly_the_matching_requests() -> None:
    plan = FaultPlan(parse_faults(["refusal on (?i)politics"]), seed=1)

    assert _chosen(plan, 50, text="On Politics") == {FaultKind.REFUSAL: 50}
    assert _chosen(plan, 50, text="On soup") == {None: 50}


def test_latency_is_log_normal_around_its_mean(endpoint_with: Make, body: Any) -> None:
    endpoint = endpoint_with(latency_ms=200, latency_sigma=0.5)

    delays_s = [
        endpoint.answer(
            RehearsalRequest(is_chat=True, model_in_path=None, body=body("q", {"const": 1}), key=stream(n))
        )[1]
        for n in range(3_000)
    ]

    # The standard error of the mean is 0.2 * sqrt(exp(0.25) - 1) / sqrt(3000) = 0.0019.
    assert abs(statistics.fmean(delays_s) - 0.2) < 0.008
    assert statistics.median(delays_s) < 0.19
    assert min(delays_s) > 0


def test_a_spent_request_limit_says_when_to_come_back(endpoint_with: Make, body: Any, ask: Any) -> None:
    endpoint = endpoint_with(rpm=2)

    replies = [ask(endpoint, body("q", {"const": 1}, seed=n)) for n in range(3)]

    assert [reply.status for reply in replies] == [200, 200, 429]
    assert replies[1].headers["x-ratelimit-remaining-requests"] == "0"
    assert 29_000 < int(replies[2].headers["retry-after-ms"]) <= 30_000
    assert replies[2].headers["retry-after"] == "30"
    assert orjson.loads(replies[2].body)["error"]["code"] == "rate_limit_exceeded"
    assert endpoint.stats.rate_limited == 1
    assert endpoint.stats.replies == 2


def test_limits_refill_with_time_and_the_tighter_one_decides() -> None:
    limits = RateLimits(rpm=60, tpm=600)

    first = limits.admit(600, now_s=0.0)
    too_soon = limits.admit(100, now_s=5.0)
    in_time = limits.admit(100, now_s=10.0)

    assert first.wait_s == 0
    assert too_soon.what == "tokens"
    assert too_soon.wait_s == pytest.approx(5.0)
    assert in_time.wait_s == 0


@pytest.mark.parametrize(
    "options",
    [{"port": 70_000}, {"latency_ms": -1}, {"latency_ms": float("nan")}, {"latency_sigma": 9}, {"rpm": 0}, {"tpm": -1}],
)
def test_options_out_of_range_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(SettingsError):
        RehearsalConfig(**options)
