"""Whether a person is about to do once more what they have just done."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from troupe_batch.simulation.actions import Action, ActionKind

# How many acts back a repetition is looked for, and how alike two things said must be to be one.
_ACTS = 3
_OVERLAP = 0.9
_WORD = re.compile(r"\w+")
# "Yes" to one question and "Yes" to the next are two answers.
_SHORT_ANSWER = 3


class _Trace(NamedTuple):
    type: str
    target: str
    content: str
    details: tuple[tuple[str, str], ...]
    words: frozenset[str]
    length: int


class Repeats:
    """The latest acts of one person, as far as repetition matters."""

    __slots__ = ("_acts", "_has_heard", "_now")

    def __init__(self) -> None:
        self._acts: list[list[_Trace]] = []
        self._now: list[_Trace] = []
        self._has_heard = False

    def hear(self) -> None:
        """Somebody said something, to which a short answer may be the same as before."""
        self._has_heard = True

    def is_repeated(self, action: Action) -> bool:
        """Whether the action was carried out already in this act or in one of the last three; it counts from now on.

        Two actions are the same if they differ in nothing but case and blanks; what is said, also if it is the same
        words, or if nine in ten of at least ten words are the same. A short answer (of at most three words) to
        something that was said since is no repetition.
        """
        trace = _trace(action)
        if any(_are_same(trace, earlier) for earlier in self._now):
            return True
        is_answer = self._has_heard and action.type == ActionKind.TALK and trace.length <= _SHORT_ANSWER
        if not is_answer and any(_are_same(trace, earlier) for act in self._acts for earlier in act):
            return True
        self._now.append(trace)
        return False

    def end_act(self) -> None:
        """The act is over."""
        self._acts = [*self._acts, self._now][-_ACTS:]
        self._now = []
        self._has_heard = False

    def state(self) -> dict[str, Any]:
        """The latest acts as plain JSON data."""
        return {
            "acts": [[[*trace[:3], list(trace.details)] for trace in act] for act in self._acts],
            "has_heard": self._has_heard,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Remember the acts of `state` as the latest."""
        self._acts = [
            [_trace(Action(kind, content, target, dict(details))) for kind, target, content, details in act]
            for act in state["acts"]
        ]
        self._has_heard = state["has_heard"]


def _trace(action: Action) -> _Trace:
    content = " ".join((action.content or "").casefold().split())
    words = _WORD.findall(content) if action.type == ActionKind.TALK else []
    details = tuple((key, " ".join(text.casefold().split())) for key, text in action.details.items())
    target = " ".join((action.target or "").casefold().split())
    return _Trace(action.type, target, " ".join(words) or content, details, frozenset(words), len(words))


def _are_same(one: _Trace, other: _Trace) -> bool:
    if one.type != other.type or one.target != other.target:
        return False
    if one.content == other.content and one.details == other.details:
        return True
    longest = max(len(one.words), len(other.words))
    is_long = min(one.length, other.length) >= 10
    return is_long and len(one.words & other.words) >= _OVERLAP * longest
