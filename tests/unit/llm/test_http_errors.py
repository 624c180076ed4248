from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from troupe_batch.llm.http_errors import shortened
from troupe_batch.llm.waits import retry_after_s


def test_a_date_to_wait_for_becomes_seconds() -> None:
    in_a_minute = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)

    assert retry_after_s({"retry-after": in_a_minute}) == pytest.approx(60, abs=5)


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0.0),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after-ms": "soon", "retry-after": "2"}, 2.0),
        ({"retry-after-ms": "0"}, 0.0),
        ({"retry-after": ""}, None),
    ],
)
def test_strange_waits_are_read_as_far_as_they_make_sense(headers: dict[str, str], expected: float | None) -> None:
    assert retry_after_s(headers) == expected


@pytest.mark.parametrize(
    "key",
    [
        "sk-proj-AbC_123-xyz789",
        "0123456789abcdef0123456789abcdef",
        "AbCdEf0123456789AbCdEf0123456789AbCdEf0123456789",
        "Bearer whatever-it-is",
        "abc*****************xyz",
    ],
)
def test_nothing_that_looks_like_a_key_is_kept(key: str) -> None:
    words = shortened(f"the key {key} was refused")

    assert words == "the key [key] was refused"


def test_plain_words_are_kept_on_one_line() -> None:
    assert shortened("model `gpt-9`\n  does not exist") == "model `gpt-9` does not exist"
