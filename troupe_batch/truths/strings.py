"""Made-up strings: plain words marked as rehearsal, and the formats and lengths that a schema may ask for."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from uuid import UUID

from troupe_batch.seeded import DrawStream
from troupe_batch.truths.truth import SchemaRejected

MARK = "[rehearsal] "

_MOST_CHARACTERS = 100_000

_OPENINGS = (
    "I would say", "Honestly,", "For me,", "If you ask me,", "Most days", "To be fair,", "As far as I can tell,",
)  # fmt: skip
_MIDDLES = (
    "it comes down to price", "I like to keep things simple", "I go with what I know", "it depends on the week",
    "my family has a say in it", "I would want to try it first", "convenience matters more than I admit",
    "I look at what is in it", "I rarely change my habits", "a good smell of ripe tomatoes wins me over",
)  # fmt: skip
_ENDINGS = (
    "and that is about it.", "but I could be talked round.", "though not every time.", "and I stand by that.",
    "as long as it is worth the money.", "and friends tell me the same.", "so I would wait and see.",
)  # fmt: skip
_TRIES = (
    "a", "A", "0", "1", "abc", "ABC", "Abc", "a1", "A1", "12", "123", "1234", "12345", "123456", "2024-05-17", "12:30",
    "12:30:00", "a@example.org", "+15555550100", "(555) 555-0100", "555-555-0100", "#a1b2c3", "a_b", "a-b", "ab-12",
    "AB-1234", "@user", "https://example.org", "1.5", "12.50", "$12.50", "word word", "Word Word", "",
)  # fmt: skip


def sentence(draws: DrawStream) -> str:
    """A marked sentence that says little, as a placeholder for an answer in own words."""
    return f"{MARK}{draws.choice(_OPENINGS)} {draws.choice(_MIDDLES)} {draws.choice(_ENDINGS)}"


def string_maker(node: dict[str, Any]) -> Callable[[DrawStream], str]:
    """A function from draws to strings that the schema allows; SchemaRejected where this server knows none."""
    if "pattern" in node:
        return _pattern(node["pattern"])
    if "format" in node:
        name = node["format"]
        if name not in _FORMATS:
            raise SchemaRejected(f"this server cannot make up a string of format {name!r}")
        return _FORMATS[name]
    fewest, most = int(node.get("minLength", 0)), node.get("maxLength")
    if fewest > (_MOST_CHARACTERS if most is None else min(most, _MOST_CHARACTERS)):
        raise SchemaRejected(f"minLength {fewest} is above maxLength, or above {_MOST_CHARACTERS}")
    if not fewest and most is None:
        return sentence

    def make(draws: DrawStream) -> str:
        text = sentence(draws)
        while len(text) < fewest:
            text += " " + sentence(draws).removeprefix(MARK)
        return text[: int(most)] if most is not None else text

    return make


def _pattern(pattern: str) -> Callable[[DrawStream], str]:
    try:
        expression = re.compile(pattern)
    except re.error as error:
        raise SchemaRejected(f"pattern {pattern!r} is no regular expression: {error}") from error
    fitting = [text for text in _TRIES if expression.search(text)]
    if not fitting:
        raise SchemaRejected(f"this server cannot make up a string for the pattern {pattern!r}")
    return lambda draws: draws.choice(fitting)


def _date(draws: DrawStream) -> str:
    return f"{1950 + draws.below(75)}-{1 + draws.below(12):02}-{1 + draws.below(28):02}"


def _time(draws: DrawStream) -> str:
    return f"{draws.below(24):02}:{draws.below(60):02}:{draws.below(60):02}Z"


_FORMATS: dict[str, Callable[[DrawStream], str]] = {
    "date": _date,
    "time": _time,
    "date-time": lambda draws: f"{_date(draws)}T{_time(draws)}",
    "duration": lambda draws: f"P{1 + draws.below(30)}D",
    "email": lambda draws: f"rehearsal{draws.below(10_000)}@example.org",
    "hostname": lambda draws: f"host{draws.below(10_000)}.example.org",
    "ipv4": lambda draws: f"192.0.2.{draws.below(256)}",
    "ipv6": lambda draws: f"2001:db8::{draws.below(65_536):x}",
    "uuid": lambda draws: str(UUID(int=draws.below(2**64) << 64 | draws.below(2**64), version=4)),
    "uri": lambda draws: f"https://example.org/{draws.below(10_000)}",
}
