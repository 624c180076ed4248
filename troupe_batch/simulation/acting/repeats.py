"""Repeats: whether a person is about to do once more what they have just done."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from troupe_batch.simulation.record.events import Action, ActionKind

# How many acts back a repetition is looked for.
_ACTS = 3
# A number is one word, with its sign, its decimals and its currency.
_WORD = re.compile(r"[^\W\d]+|[-\u2212]?[$€£¥]?\d+(?:[.,:/]\d+)*[%€°]?")
# "Yes" to one question and "Yes" to the next are two answers.
_SHORT_ANSWER = 3
_COMPARED = (ActionKind.TALK, ActionKind.THINK, ActionKind.REACH_OUT)
# Words that say nothing by themselves. "A" is none of them: it may be the name of an option.
_EMPTY = frozenset(_WORD.findall("the an and but so then well oh ah um uh hmm just really"))


class _Trace(NamedTuple):
    type: str
    target: str
    content: str


class Repeats:
    """The latest acts of one person, as far as repetition matters."""

    __slots__ = ("_acts", "_before", "_has_heard", "_now")

    def __init__(self) -> None:
        self._acts: list[list[_Trace]] = []
        self._now: list[_Trace] = []
        self._before: Action | None = None
        self._has_heard = False

    def hear(self) -> None:
        """Somebody said something, to which a short answer may be the same as before."""
        self._has_heard = True

    def is_repeated(self, action: Action) -> bool:
        """Whether the action is only a repetition; it counts from now on.

        What is said or thought, and whom one reaches out to, is compared with this act and the last three: it is
        repeated where it differs in nothing but case and blanks and, if said, in marks and words without content, such
        as "well" and "the": any other word put in, left out or moved is news. A short answer (of at most three words)
        to something that was said since is no repetition. Any other action is one only directly after its like: to
        look something up again after a change brings something new.
        """
        before, self._before = self._before, action
        if action.type not in _COMPARED:
            return action == before
        trace = _trace(action)
        if trace in self._now:
            return True
        is_answer = self._has_heard and action.type == ActionKind.TALK and len(_action_words(action)) <= _SHORT_ANSWER
        if not is_answer and any(trace in act for act in self._acts):
            return True
        self._now.append(trace)
        return False

    def take_back(self, action: Action) -> None:
        """The action reached nobody: to do it again is no repetition."""
        trace = _trace(action)
        for act in (self._now, *reversed(self._acts)):
            if trace in act:
                act.remove(trace)
                return

    def end_act(self) -> None:
        """The act is over."""
        self._acts = [*self._acts, self._now][-_ACTS:]
        self._now = []
        self._before = None
        self._has_heard = False

    def state(self) -> dict[str, Any]:
        """The latest acts as plain JSON data."""
        return {
            "acts": [[[trace.type, trace.target, trace.content] for trace in act] for act in self._acts],
            "has_heard": self._has_heard,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Remember the acts of `state` as the latest."""
        self._acts = [
            [_trace(Action(kind, content, target)) for kind, target, content, *_ in act] for act in state["acts"]
        ]
        self._has_heard = state["has_heard"]


def _trace(action: Action) -> _Trace:
    words = _action_words(action) if action.type == ActionKind.TALK else []
    # What consists of nothing but such words, as "Oh, really?", is compared by them.
    said = " ".join([word for word in words if word not in _EMPTY] or words)
    return _Trace(action.type, _folded_text(action.target), said or _folded_text(action.content))


def _action_words(action: Action) -> list[str]:
    return _WORD.findall(_folded_text(action.content))


def _folded_text(text: str | None) -> str:
    return " ".join((text or "").casefold().split())
