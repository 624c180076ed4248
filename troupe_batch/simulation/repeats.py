"""Whether a person is about to do once more what they have just done."""

from __future__ import annotations

import re
from collections.abc import Mapping
from difflib import SequenceMatcher
from typing import Any, NamedTuple

from troupe_batch.simulation.actions import Action, ActionKind

# How many acts back a repetition is looked for, and how alike two things said must be to be one.
_ACTS = 3
_OVERLAP = 0.9
_FEWEST_WORDS = 10
# A number is one word, with its sign, its decimals and its currency.
_WORD = re.compile(r"[^\W\d]+|[-\u2212]?[$€£¥]?\d+(?:[.,:/]\d+)*[%€°]?")
# "Yes" to one question and "Yes" to the next are two answers.
_SHORT_ANSWER = 3
_COMPARED = (ActionKind.TALK, ActionKind.THINK, ActionKind.REACH_OUT)
# Two texts that differ in one of these say different things; so they do in a number, and in a letter by itself, which
# may be the name of an option, and is what is left of "don't" and "won't".
_DECISIVE = frozenset(
    _WORD.findall(
        "not no nor never none nobody nothing neither nowhere without cannot hardly "
        "one two three four five six seven eight nine ten eleven twelve hundred thousand million half "
        "nicht nichts nie kein keine keinen keiner keinem keines niet geen nooit "
        "pas jamais aucun aucune rien sans nunca nada ningún ninguna sin não nem non mai nessuno senza"
    )
)


class _Trace(NamedTuple):
    type: str
    target: str
    content: str
    words: tuple[str, ...]
    vocabulary: frozenset[str]
    decisive: tuple[str, ...]


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
        repeated where it differs in nothing but case, blanks and marks, or, said in at least ten words, if nine in ten
        are the same in the same order and no number or negation differs. A short answer (of at most three words) to
        something that was said since is no repetition. Any other action is one only directly after its like: to look
        something up again after a change brings something new.
        """
        before, self._before = self._before, action
        if action.type not in _COMPARED:
            return action == before
        trace = _trace(action)
        if any(_are_same(trace, earlier) for earlier in self._now):
            return True
        is_answer = self._has_heard and action.type == ActionKind.TALK and len(trace.words) <= _SHORT_ANSWER
        if not is_answer and any(_are_same(trace, earlier) for act in self._acts for earlier in act):
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
    content = " ".join((action.content or "").casefold().split())
    words = _WORD.findall(content) if action.type == ActionKind.TALK else []
    target = " ".join((action.target or "").casefold().split())
    compared = words if len(words) >= _FEWEST_WORDS else ()
    decisive = tuple([word for word in compared if word in _DECISIVE or len(word) == 1 or not word.isalpha()])
    return _Trace(action.type, target, " ".join(words) or content, tuple(words), frozenset(compared), decisive)


def _are_same(one: _Trace, other: _Trace) -> bool:
    if one.type != other.type or one.target != other.target:
        return False
    if one.content == other.content:
        return True
    vocabulary = one.vocabulary & other.vocabulary
    # Few get further than this, and how words follow on each other takes longest to compare.
    if not vocabulary or len(vocabulary) < _OVERLAP * max(len(one.vocabulary), len(other.vocabulary)):
        return False
    if one.decisive != other.decisive:
        return False
    blocks = SequenceMatcher(None, one.words, other.words, autojunk=False).get_matching_blocks()
    return sum([block.size for block in blocks]) >= _OVERLAP * max(len(one.words), len(other.words))
