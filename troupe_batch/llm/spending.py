"""Spending in certain and in doubtful money: the one definition of what is spent, held and at most on the bill.

A call that was answered with its `usage` is *certain*. One that broke off after it may have been served, or whose reply
did not say what it used, is *doubtful*: it cost at most its worst case, and is expected to have cost what the certain
calls of its kind did, its *likes*. A call in flight *holds* its worst case.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Self

NANO = 1_000_000_000
"""Parts of a US dollar; sums of them are exact."""
# So many silent replies, and none that said its usage, are no accident.
_SILENT_AT_LEAST = 10


def budget_key(run_id: str) -> str:
    """The hash that holds the budget of a run: `cap`, `spent`, `held`, and `waits` while a call waits for money."""
    return f"troupe:budget:{run_id}"


@dataclass(slots=True)
class KindSums:
    """Sums over the calls of one kind: same model, same schema, same completion limit.

    `calls` brought a reply, `silent_calls` of them without usage. `doubtful_usd` and `likes_usd` are worst cases, of
    the doubtful and of the certain calls; `dearest` is the largest part of its worst case that a certain call has cost.
    `over_calls` cost more than their worst case, by `over_usd` together. `unpriced` calls have no known price.
    """

    calls: int = 0
    silent_calls: int = 0
    prompt_tokens: int = 0
    cached_tokens: int = 0
    cache_write_tokens: int = 0
    completion_tokens: int = 0
    reasoning_tokens: int = 0
    unpriced: int = 0
    cost_usd: float = 0.0
    likes: int = 0
    likes_usd: float = 0.0
    dearest: float = 0.0
    over_calls: int = 0
    over_usd: float = 0.0
    doubtful_calls: int = 0
    doubtful_usd: float = 0.0
    held_calls: int = 0
    held_usd: float = 0.0

    def add(self, other: KindSums) -> None:
        """Add the sums of others."""
        dearest = max(self.dearest, other.dearest)
        for name in COLUMNS:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.dearest = dearest

    def end(self) -> None:
        """Calls in flight become doubtful: whoever sent them is no more."""
        self.doubtful_calls, self.held_calls = self.doubtful_calls + self.held_calls, 0
        self.doubtful_usd, self.held_usd = self.doubtful_usd + self.held_usd, 0.0

    @property
    def expected_share(self) -> float:
        """The part of its worst case that a doubtful call is expected to have cost: the mean of its likes."""
        return share(self.likes, self.cost_usd / self.likes_usd if self.likes_usd else 1.0)

    @property
    def reserved_share(self) -> float:
        """The part of its worst case that a cost cap keeps for a doubtful call: by the dearest of its likes."""
        return share(self.likes, self.dearest)


COLUMNS = tuple(f.name for f in fields(KindSums))
_WHOLE = frozenset(f.name for f in fields(KindSums) if f.type == "int")


def tally_of(numbers: Iterable[float]) -> KindSums:
    """The tally of numbers in the order of its fields."""
    return KindSums(*(round(n) if name in _WHOLE else n for name, n in zip(COLUMNS, numbers, strict=True)))  # type: ignore[arg-type] # whole ones are made whole


def share(likes: float, of_likes: float) -> float:
    """The part of its worst case that a call is taken to cost: that of its likes, and of one more at its worst case.

    Without likes it is the whole, with many of them theirs.
    """
    return (likes * of_likes + 1.0) / (likes + 1.0)


@dataclass(frozen=True, slots=True)
class Spending:
    """Spending of a run, or of a process: sums over calls that were sent, retries and repairs included.

    `cost_usd` is certain. The `uncertain_calls`, `silent_calls` of which were answered without usage, are expected to
    have cost `expected_usd` and cost `uncertain_usd` at most; a cost cap keeps `reserved_usd` for them. `held_usd` is
    what calls in flight can cost at most, and those that a process may send before it says more.
    """

    calls: int = 0
    uncertain_calls: int = 0
    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0
    reasoning_tokens: int = 0
    cost_usd: float = 0.0
    uncertain_usd: float = 0.0
    unpriced: int = 0
    cache_write_tokens: int = 0
    silent_calls: int = 0
    expected_usd: float = 0.0
    reserved_usd: float = 0.0
    held_calls: int = 0
    held_usd: float = 0.0
    over_calls: int = 0
    over_usd: float = 0.0

    @classmethod
    def stored(cls, content: Mapping[str, Any]) -> Self:
        """The spending in a manifest; one of before doubtful calls had likes counts them at their worst case."""
        worst = content.get("uncertain_usd", 0.0)
        return cls(**{"expected_usd": worst, "reserved_usd": worst, **content})

    def __add__(self, other: Spending) -> Spending:
        return Spending(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(Spending)))

    def at_least(self, usd: float) -> Spending:
        """The same, where somebody else knows that so much was spent: records are some seconds behind marks."""
        return self if self.usd >= usd else replace(self, cost_usd=usd - self.expected_usd)

    @property
    def sent(self) -> int:
        """How many calls were sent and are at their end: answered, or broken off."""
        return self.calls + self.uncertain_calls - self.silent_calls

    @property
    def usd(self) -> float:
        """What was spent: certain money, and what doubtful calls are expected to have cost."""
        return self.cost_usd + self.expected_usd

    @property
    def at_most_usd(self) -> float:
        """What the bill can come to at most, doubtful calls and those in flight at their worst case."""
        return self.cost_usd + self.uncertain_usd + self.held_usd

    @property
    def says_no_usage(self) -> bool:
        """Whether it is plain by now that the endpoint does not say what calls cost."""
        return self.calls >= _SILENT_AT_LEAST and self.silent_calls == self.calls


def spending_in(tallies: Mapping[str, KindSums], *, room_usd: float = 0.0, ended_usd: float = 0.0) -> Spending:
    """The sums over kinds of calls.

    `room_usd` is what processes may spend before they say more, whatever the kind; `ended_usd` the same of processes
    that ended without a word, so that it is doubtful.
    """
    every = list(tallies.values())
    said = KindSums()
    for one in every:
        if one.likes:
            said.add(one)
    unknown = KindSums(likes=said.likes, likes_usd=said.likes_usd, cost_usd=said.cost_usd, dearest=said.dearest)
    unknown.doubtful_usd, unknown.held_usd = ended_usd, room_usd
    in_doubt = [*every, unknown]
    return Spending(
        **{name: sum(getattr(one, name) for one in every) for name in _SUMMED},
        uncertain_calls=sum(one.doubtful_calls for one in every),
        uncertain_usd=sum(one.doubtful_usd * max(1.0, one.dearest) for one in in_doubt),
        expected_usd=sum(one.doubtful_usd * one.expected_share for one in in_doubt),
        reserved_usd=sum(one.doubtful_usd * one.reserved_share for one in in_doubt),
        held_usd=sum(one.held_usd * max(1.0, one.dearest) for one in in_doubt),
    )


_SUMMED = tuple(f.name for f in fields(Spending) if f.name in COLUMNS and f.name != "held_usd")
