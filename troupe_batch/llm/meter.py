"""What is paid: every call that was sent is counted where it leaves, whatever becomes of its reply further up."""

from __future__ import annotations

from dataclasses import dataclass, fields

from troupe_batch.errors import EndpointFaulty, EndpointUnreachable, RecordAndGoOn, StopTheJob, TryAgain
from troupe_batch.llm.chat import ChatModel, ChatReply, ChatRequest
from troupe_batch.llm.prices import Prices


@dataclass(slots=True)
class Spending:
    """Sums over calls that were sent: `calls` brought a reply, retries and repairs included.

    `uncertain_calls` did not say what they cost, or broke off after they may have been served; `uncertain_usd` is what
    they can have cost at most. `unpriced` calls have no known price at all.
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

    @property
    def sent(self) -> int:
        """How many calls were sent: answered, or in doubt."""
        return self.calls + self.uncertain_calls

    @property
    def usd(self) -> float:
        """What was spent, doubtful calls at their worst case: never less than the bill."""
        return self.cost_usd + self.uncertain_usd

    def count_reply(self, reply: ChatReply, worst_usd: float | None) -> None:
        """Add a call that was answered."""
        self.calls += 1
        if (usage := reply.usage) is not None:
            self.prompt_tokens += usage.prompt_tokens
            self.cached_tokens += usage.cached_tokens
            self.cache_write_tokens += usage.cache_write_tokens
            self.completion_tokens += usage.completion_tokens
            self.reasoning_tokens += usage.reasoning_tokens
        if reply.cost_usd is not None:
            self.cost_usd += reply.cost_usd
        elif usage is None:
            self.count_doubt(worst_usd)
        else:
            self.unpriced += 1

    def count_doubt(self, worst_usd: float | None) -> None:
        """Add a call of which nobody knows whether, or how much, it was charged for."""
        self.uncertain_calls += 1
        if worst_usd is None:
            self.unpriced += 1
        else:
            self.uncertain_usd += worst_usd

    def add(self, other: Spending) -> None:
        """Add the sums of others."""
        for name in _NAMES:
            setattr(self, name, getattr(self, name) + getattr(other, name))


_NAMES = tuple(f.name for f in fields(Spending))


class Metered:
    """A model that counts in `spending` what each call costs, by the price of the model that the call names.

    Stands below everything that may send a call again.
    """

    def __init__(self, inner: ChatModel, spending: Spending, prices: Prices) -> None:
        self._inner = inner
        self._spending = spending
        self._prices = prices

    async def complete(self, request: ChatRequest) -> ChatReply:
        """The reply to `request`."""
        try:
            reply = await self._inner.complete(request)
        except BaseException as error:
            if may_be_paid(error):
                self._spending.count_doubt(self._worst_case(request))
            raise
        self._spending.count_reply(reply, self._worst_case(request) if reply.cost_usd is None else None)
        return reply

    def _worst_case(self, request: ChatRequest) -> float | None:
        price = self._prices.of(request.endpoint.model)
        return None if price is None else price.worst_case(request)


def may_be_paid(error: BaseException) -> bool:
    """Whether a call that ended in this error may be charged for. A cancelled one may: it may have been served."""
    if isinstance(error, EndpointFaulty | EndpointUnreachable):
        return error.may_be_paid
    return not isinstance(error, TryAgain | RecordAndGoOn | StopTheJob)
