"""Waits that services ask for: in headers, in the body of the error, or in words."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

# "9m38.016s" (Groq), "6m0s" and "20ms" (OpenAI), "5.237548564s" (Gemini), "1d2h".
_DURATION = re.compile(
    r"(?:(\d{1,4})d)?(?:(\d{1,4})h)?(?:(\d{1,6})m(?!s))?(?:(\d{1,9}(?:\.\d{1,12})?)s)?(?:(\d{1,9}(?:\.\d{1,12})?)ms)?"
)
_SPELLED = re.compile(r"(\d{1,9}(?:\.\d{1,12})?)\s?(second|sec|minute|min|hour|hr|day)s?")
_SPELLED_S = {"second": 1, "sec": 1, "minute": 60, "min": 60, "hour": 3_600, "hr": 3_600, "day": 86_400}
_AFTER = re.compile(
    r"\b(?:in|after|wait)\s((?:\d[\d.]{0,12}(?:ms|[dhms])){1,5}\b|\d[\d.]{0,12}\s?(?:second|sec|minute|min|hour|hr|day)s?\b)",
    re.IGNORECASE,
)
_UNTIL = re.compile(r"\b(?:on|until|at|after)\s(20\d\d-\d\d-\d\d)(?:(?:T| at | )(\d\d:\d\d))?", re.IGNORECASE)
# Seconds, or thousandths, since 1970: what is smaller is a wait.
_LEAST_MOMENT, _LEAST_MILLISECONDS = 1e9, 1e11
_RESETS = ("x-ratelimit-reset", "x-ratelimit-reset-requests", "x-ratelimit-reset-tokens", "ratelimit-reset")


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """The wait that `retry-after-ms` or `retry-after` (seconds or a date) asks for, None where neither says."""
    milliseconds = _number_or_none(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return milliseconds / 1000
    said = headers.get("retry-after")
    if said is None:
        return None
    seconds = _number_or_none(said)
    return seconds if seconds is not None else _until_date(said)


def wait_in_s(named: Iterable[str], words: str) -> float | None:
    """The wait that a body names in a field of its own, or else in its words; None where it names none."""
    for text in named:
        if (seconds := moment_in_s(text)) is not None:
            return seconds
    if found := _AFTER.search(words):
        return duration_s(found[1].lower())
    until = _UNTIL.search(words)
    seconds = moment_in_s(f"{until[1]}T{until[2] or '00:00'}:00+00:00") if until else None
    return seconds or None  # what is over is no end to wait for


def reset_in_s(headers: Mapping[str, str]) -> float | None:
    """When the last of the limits that the headers speak of is whole again, None where they say nothing."""
    found = [moment_in_s(headers[name]) for name in _RESETS if name in headers]
    return max((seconds for seconds in found if seconds is not None), default=None)


def moment_in_s(text: str) -> float | None:
    """Seconds until what a text means: a duration, a number of seconds, a moment since 1970, or a date."""
    number = _number_or_none(text)
    if number is None:
        seconds = duration_s(text)
        return seconds if seconds is not None else _until_date(text)
    if number < _LEAST_MOMENT:
        return number
    moment = number / 1000 if number >= _LEAST_MILLISECONDS else number
    return max(0.0, moment - datetime.now(UTC).timestamp())


def duration_s(text: str) -> float | None:
    """The seconds of `6m0s`, `20ms`, `1.5s` or `30 seconds`; None where the text is no duration."""
    text = text.strip().lower()
    if spelled := _SPELLED.fullmatch(text):
        return float(spelled[1]) * _SPELLED_S[spelled[2]]
    found = _DURATION.fullmatch(text) if text else None
    if found is None:
        return None
    days, hours, minutes, seconds, milliseconds = (float(part or 0) for part in found.groups())
    return days * 86_400 + hours * 3_600 + minutes * 60 + seconds + milliseconds / 1000


def shown_end(seconds: float) -> str:
    """When something ends, for people: `in about 10 minutes (14:05 UTC)`."""
    end = datetime.now(UTC) + timedelta(seconds=min(seconds, 400 * 86_400))
    if seconds < 90:
        return f"in {seconds:.0f} seconds"
    if seconds < 5_400:
        return f"in about {seconds / 60:.0f} minutes ({end:%H:%M} UTC)"
    return f"at {end:%Y-%m-%d %H:%M} UTC"


def _number_or_none(text: str | None) -> float | None:
    try:
        value = float(text) if text is not None else None
    except ValueError:
        return None
    return value if value is not None and 0 <= value < float("inf") else None


def _until_date(text: str) -> float | None:
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())
