"""Tallies of calls of one kind, counted until they show that all meet one and the same fault."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import NamedTuple

from troupe_batch.errors import GaveUp
from troupe_batch.llm.chat import ChatReply, ChatRequest, ReplyStatus
from troupe_batch.symptoms import alike

MOST_REJECTIONS = 10
MOST_UNREADABLE = 20
MOST_CUT_OFF = 0.2
"""Share of the replies that may reach the limit of completion tokens."""
_FEWEST_REPLIES = 20
_FEWEST_CUT_OFF = 5
MOST_UNPROVEN = 5
"""How many calls of a kind are out at once before one of them has gone well."""
_DOUBT_AFTER = 5
_ANY = 10**9

# No vocabulary packs the text of any language so densely: by the weights that tokens.py fits to o200k_base, scripts of
# India and Cyrillic come to 7 to 8 bytes a token, English to 5. A shorter prompt fits into every context.
_MOST_BYTES_PER_TOKEN = 16
_SHORTEST_CUT = 1_500
_SMALLEST_CONTEXT = 256
# Prompts that count the same though they are clearly longer than others, or though they are many: 64 bytes are some
# tokens in any language, so that two may agree by chance, and eight do not.
_MOST_CUT_PROMPTS, _CLEARLY_LONGER = 4, 1.1
_MOST_ALIKE, _LONGER_BYTES = 8, 64
_PROMPTS_KEPT = 64


class SystematicFaultKind(StrEnum):
    """In which way all calls of a kind go wrong."""

    REJECTED = "rejected"
    UNREADABLE = "unreadable"
    CUT_OFF = "cut_off"
    PROMPT_CUT = "prompt_cut"


@dataclass(frozen=True, slots=True)
class SystematicFault:
    """A fault that calls of a kind have in common: it hit `hit` of the last `of` of them, and began after `since`.

    `words` is the last reason, as it came. Of replies that were cut off, `thought` of `written` tokens were reasoning;
    of prompts that were cut, `prompt_tokens` is what was counted for those of `lengths` bytes.
    """

    kind: SystematicFaultKind
    hit: int
    of: int
    words: str
    since: str
    thought: int = 0
    written: int = 0
    prompt_tokens: int | None = None
    lengths: tuple[int, ...] = ()
    keys: tuple[bytes, ...] = ()


@dataclass(slots=True)
class CallTally:
    """The calls of one kind in this process. A refusal shows that a request was taken, and is nothing else here.

    Rejections have begun when the last request was taken (Unix time; 0 where none was): another process may have met
    its first before we met ours. What could not be read is known by no words, so it begins with our calls.
    """

    in_flight: int = 0
    successes: int = 0
    replies: int = 0
    cut_off: int = 0
    thought: int = 0
    written: int = 0
    unreadable: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    _taken_s: float = 0.0
    _readable_s: float = field(default_factory=time.time)
    _cut_off_s: float | None = None

    @property
    def room(self) -> int:
        """How many calls may be in flight at once: few while nothing shows that they can go well."""
        if self.successes and not self.rejected and not self.unreadable:
            return _ANY
        rejected = max(self.rejected.values(), default=0)
        if self.successes and max(self.unreadable, rejected) < _DOUBT_AFTER:
            return _ANY
        left = MOST_REJECTIONS - rejected, MOST_UNREADABLE - self.unreadable, _FEWEST_CUT_OFF - self.cut_off
        return max(1, min(MOST_UNPROVEN, *left))

    def reject(self, error: Exception) -> SystematicFault | None:
        """Counts a call that was refused, or given up; the fault where as many were refused alike as are borne."""
        if isinstance(error, GaveUp) and self.successes:
            # Given up late, requests that are poison to a server come in a row though others went well all the time.
            return None
        words = alike(str(error))
        self.rejected[words] += 1
        hit = self.rejected[words]
        if hit < MOST_REJECTIONS:
            return None
        return SystematicFault(
            SystematicFaultKind.REJECTED, hit, self.rejected.total(), str(error), _moment_text(self._taken_s)
        )

    def take(self, reply: ChatReply, *, is_readable: bool) -> SystematicFault | None:
        """Counts a reply."""
        self._taken_s = time.time()
        self.rejected.clear()
        if reply.status in (ReplyStatus.REFUSED, ReplyStatus.CONTENT_FILTERED):
            self.successes += 1
            return None
        self.replies += 1
        if reply.status is ReplyStatus.TRUNCATED:
            return self._take_cut_off(reply)
        if is_readable:
            self.successes += 1
            self.unreadable, self._readable_s = 0, self._taken_s
            return self._too_often_cut_off(reply) if self.cut_off else None
        self.unreadable += 1
        if self.unreadable < MOST_UNREADABLE:
            return self._too_often_cut_off(reply)
        since = _moment_text(self._readable_s)
        return SystematicFault(
            SystematicFaultKind.UNREADABLE, self.unreadable, self.unreadable, reply.reason or "", since
        )

    def _take_cut_off(self, reply: ChatReply) -> SystematicFault | None:
        self.cut_off += 1
        if reply.usage is not None:
            self.thought += reply.usage.reasoning_tokens
            self.written += reply.usage.completion_tokens
        if self._cut_off_s is None:
            self._cut_off_s = self._taken_s
        return self._too_often_cut_off(reply)

    def _too_often_cut_off(self, reply: ChatReply) -> SystematicFault | None:
        """The fault where more are cut off than is borne: of few replies, more than half."""
        is_judged = self.replies >= _FEWEST_REPLIES or 2 * self.cut_off > self.replies
        if not is_judged or self.cut_off < _FEWEST_CUT_OFF or self.cut_off <= MOST_CUT_OFF * self.replies:
            return None
        return SystematicFault(
            SystematicFaultKind.CUT_OFF,
            self.cut_off,
            self.replies,
            reply.reason or "",
            _moment_text(self._cut_off_s or 0.0),
            self.thought,
            self.written,
        )


class _Counted(NamedTuple):
    """A prompt: its length in bytes, the tokens that the endpoint counted, whose it was, and when (Unix time)."""

    length: int
    tokens: int
    request: ChatRequest
    at_s: float


class PromptCounts:
    """Counts of the latest prompts of one model, which tell whether a server reads prompts to their end."""

    def __init__(self) -> None:
        self._latest: deque[_Counted] = deque(maxlen=_PROMPTS_KEPT)
        self._tokens: Counter[int] = Counter()
        self._can_be = False

    def take(self, request: ChatRequest, tokens: int) -> tuple[SystematicFault | None, bool]:
        """Counts a prompt: the fault where enough were cut to be sure, and whether this one is in doubt."""
        length = _length(request)
        if length < _SHORTEST_CUT:
            return None, False
        if len(self._latest) == _PROMPTS_KEPT:
            self._tokens[self._latest[0].tokens] -= 1
        self._latest.append(_Counted(length, tokens, request, time.time()))
        self._tokens[tokens] += 1
        # Some servers leave out what they have cached: they count the first prompt in full, and are believed after it.
        self._can_be = self._can_be or tokens * _MOST_BYTES_PER_TOKEN >= length
        found = self._alike(tokens) if self._can_be else tuple(self._latest)
        is_clear = not self._can_be or _longest(found) >= _CLEARLY_LONGER * _shortest(found)
        is_sure = len(found) >= (_MOST_CUT_PROMPTS if is_clear else _MOST_ALIKE)
        return (_prompt_cut(found, self._latest) if is_sure else None), bool(found)

    def _alike(self, tokens: int) -> Sequence[_Counted]:
        """The prompts of other lengths that count so many tokens too, if every longer one does as well."""
        if self._tokens[tokens] < 2 or tokens < _SMALLEST_CONTEXT:
            return ()
        same = tuple({one.length: one for one in self._latest if one.tokens == tokens}.values())
        shortest = _shortest(same)
        if any(one.length >= shortest and one.tokens != tokens for one in self._latest):
            return ()
        return same if _is_longer_by_itself(same) else ()


def _is_longer_by_itself(prompts: Sequence[_Counted]) -> bool:
    """Whether of two prompts with equal schemas one is longer: a server may count a schema too, or none."""
    spans: dict[int, tuple[int, int]] = {}
    for one in prompts:
        schema = one.request.reply_schema
        size = 0 if schema is None else schema.size
        low, high = spans.get(size, (one.length, one.length))
        spans[size] = min(low, one.length), max(high, one.length)
    return any(high - low >= _LONGER_BYTES for low, high in spans.values())


def _shortest(prompts: Sequence[_Counted]) -> int:
    return min((one.length for one in prompts), default=0)


def _longest(prompts: Sequence[_Counted]) -> int:
    return max((one.length for one in prompts), default=0)


def _prompt_cut(found: Sequence[_Counted], latest: Iterable[_Counted]) -> SystematicFault:
    """The fault; its keys are those of all prompts that counted as those found did, of one length or another."""
    counts = {one.tokens for one in found}
    spoiled = [one.request for one in latest if one.tokens in counts]
    lengths = tuple(sorted(one.length for one in found))
    return SystematicFault(
        SystematicFaultKind.PROMPT_CUT,
        len(found),
        len(found),
        "",
        _moment_text(min(one.at_s for one in found)),
        prompt_tokens=counts.pop() if len(counts) == 1 else None,
        lengths=lengths,
        keys=tuple(request.key() for request in spoiled),
    )


def _length(request: ChatRequest) -> int:
    """Bytes of all that is said in the request."""
    texts = [message.content for message in request.messages]
    return sum([len(text) if text.isascii() else len(text.encode("utf-8", "replace")) for text in texts])


def _moment_text(moment_s: float) -> str:
    return datetime.fromtimestamp(moment_s, UTC).isoformat(timespec="milliseconds")
