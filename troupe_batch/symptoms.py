"""Symptoms of an endpoint's fault in the record of calls, so that what it hit is known again wherever it is stored."""

from __future__ import annotations

import re
from dataclasses import dataclass

_WORD = re.compile(r"[\w-]+")
_LONGEST = 2_000


def alike(message: str) -> str:
    """The message without what differs from call to call: of two that say the same it is the same.

    Words with a digit in them stand as #: numbers, ids of requests, dates.
    """
    return _WORD.sub(_masked, " ".join(message[:_LONGEST].split()))


def _masked(word: re.Match[str]) -> str:
    return "#" if any(letter.isdigit() for letter in word[0]) else word[0]


@dataclass(frozen=True, slots=True)
class Symptom:
    """Symptom that calls hit by one fault have in common on record.

    `status` is theirs; `words` what their reasons are `alike`, None where any reason will do; `prompt_tokens` what the
    endpoint counted, where that is the fault. `since` (UTC, ISO 8601): none of them came back before.
    """

    status: str
    since: str
    words: str | None = None
    prompt_tokens: int | None = None

    def shows_in(self, status: str, reason: str | None, prompt_tokens: int | None) -> bool:
        """Whether a call with this record is one of those that the fault hit."""
        if status != self.status:
            return False
        if self.prompt_tokens is not None and prompt_tokens != self.prompt_tokens:
            return False
        return self.words is None or alike(reason or "") == self.words
