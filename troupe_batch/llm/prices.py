"""Prices of tokens per model, the cost of a reply, and the worst case of a request before it is sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from typing import Annotated, Any, Protocol, TypeAlias

from pydantic import Field

from troupe_batch.declared import as_declared
from troupe_batch.llm.chat import ChatReply, ChatRequest, Usage

DEFAULT_MAX_COMPLETION_TOKENS = 4096
"""The completion limit that a cost cap sets on requests that name none: without a limit there is no worst case."""

# Names that services give to their ordinary tier. "auto" is what is asked for, never what is paid; "scale" is capacity
# bought beforehand; "on_demand" is Groq's (openai 3.52, types/chat/chat_completion.py; console.groq.com/docs/flex).
STANDARD_TIERS = frozenset({"default", "standard", "auto", "scale", "on_demand"})

_PER_TOKEN = 1e-6
# The chat format wraps each message in a few special tokens (OpenAI documents 3 to 4) and primes the reply with 3.
_TOKENS_PER_MESSAGE = 8
_TOKENS_PER_REQUEST = 64
# Where no schema is enforced, words in the prompt ask for it.
_WORDS_FOR_SCHEMA = 200
CHEAPER_TIERS = frozenset({"flex", "batch"})
"""Tiers that never cost more than the standard one: where one of them has no price, the standard one is a bound."""

SETTINGS = "settings"
"""The source of a price that the user has set: it is what the user pays, in whichever tier."""

_Factor: TypeAlias = Annotated[float, Field(ge=1, allow_inf_nan=False)]
_Usd: TypeAlias = Annotated[float, Field(ge=0, allow_inf_nan=False)]


@dataclass(frozen=True, slots=True)
class Rates:
    """USD per 1,000,000 tokens of each class; each part of a prompt is billed at its own rate in place of `prompt`.

    `written` is the rate of prompt tokens that the endpoint stores in its prefix cache, None where that costs nothing
    more.
    """

    prompt: _Usd
    cached: _Usd
    completion: _Usd
    written: _Usd | None = None

    def of_tokens(self, usage: Usage) -> float:
        """USD for the tokens of `usage` at these rates."""
        fresh = usage.prompt_tokens - usage.cached_tokens - usage.cache_write_tokens
        written = self.prompt if self.written is None else self.written
        prompt = fresh * self.prompt + usage.cached_tokens * self.cached + usage.cache_write_tokens * written
        return (prompt + usage.completion_tokens * self.completion) * _PER_TOKEN

    def at_most(self, prompt_tokens: float, completion_tokens: float) -> float:
        """USD for so many tokens where each token of the prompt is of the dearest class."""
        dearest = max(self.prompt, self.cached, self.written or 0.0)
        return (prompt_tokens * dearest + completion_tokens * self.completion) * _PER_TOKEN


@dataclass(frozen=True, slots=True)
class PriceStep:
    """The rates of all tokens of a call whose prompt has more than `above` tokens."""

    above: int
    rates: Rates


@dataclass(frozen=True, slots=True)
class Tariff(Rates):
    """The rates of one tier of service: they may step with the length of a prompt. `per_call` is USD on top of each."""

    steps: tuple[PriceStep, ...] = ()
    per_call: _Usd = 0.0

    def of_usage(self, usage: Usage) -> float:
        """USD for a call of this usage."""
        rates: Rates = self
        for step in self.steps:
            if usage.prompt_tokens > step.above:
                rates = step.rates
        return rates.of_tokens(usage) + self.per_call

    def worst(self, prompt_tokens: float, completion_tokens: float) -> float:
        """USD for at most so many tokens: the bound may lie above a step though the prompt does not."""
        reached = (step.rates for step in self.steps if prompt_tokens > step.above)
        return self.per_call + max(one.at_most(prompt_tokens, completion_tokens) for one in (self, *reached))


@dataclass(frozen=True, slots=True)
class Excess:
    """Excess: how many times over an endpoint has gone beyond what a request allows; learned, and reserved for.

    `prompt` by the bytes of the prompt, `completion` by the completion limit, `cost` by what both can cost.
    """

    prompt: _Factor = 1.0
    completion: _Factor = 1.0
    cost: _Factor = 1.0


NO_EXCESS = Excess()


@dataclass(frozen=True, slots=True)
class Price(Tariff):
    """Price of a model's calls, with the day and the place where the figures were read.

    `tiers` are those beside the standard one, by the name that the endpoint gives them. `asked` is the tier that
    requests ask for, and `excess` what was learned of the endpoint; neither is part of a price that is stored.
    `is_assumed`: nobody says that this endpoint charges this; `source` says why it is taken to.
    """

    tiers: Mapping[str, Tariff] = field(default_factory=dict)
    as_of: date | None = None
    source: str = ""
    is_assumed: bool = False
    asked: str | None = None
    excess: Excess = NO_EXCESS

    def cost(self, usage: Usage, tier: str | None = None) -> float:
        """USD for the tokens of `usage`, in the tier that the reply names; the dearer of two where it does not say."""
        return max(tariff.of_usage(usage) for tariff in self._billed_as(tier))

    def worst_case(self, request: ChatRequest) -> float:
        """USD that `request` can cost at most: each prompt token at its dearest, and the reply runs to its limit.

        What is asked for as a cheap tier may be served, and billed, as the standard one.
        """
        prompt = prompt_tokens_at_most(request) * self.excess.prompt
        completion = completion_limit(request) * self.excess.completion
        return max(one.worst(prompt, completion) for one in self._billed_as(None)) * self.excess.cost

    def of(self, model: str | None) -> Price:  # noqa: ARG002 -- the same for each, as in a `Prices` of one line
        """Itself: one price is a list on which all models cost the same."""
        return self

    @property
    def is_bounded(self) -> bool:
        """Whether the most that a call can cost is known: not of a tier that costs more, and nobody says how much."""
        is_bound = self.asked is None or self.asked in self.tiers or self.asked in STANDARD_TIERS | CHEAPER_TIERS
        return is_bound or self.is_free or self.source == SETTINGS

    @property
    def is_free(self) -> bool:
        """Whether nothing costs anything."""
        return self.worst(1e9, 1e9) == 0 and all(one.worst(1e9, 1e9) == 0 for one in self.tiers.values())

    def as_json(self) -> dict[str, Any]:
        """As JSON values, to be stored."""
        body = asdict(self)
        for name in ("asked", "excess"):
            del body[name]
        return body

    @classmethod
    def from_json(cls, content: Any) -> Price:
        """The price that `as_json` wrote; ValueError where it is none."""
        return as_declared(cls, content)

    def _billed_as(self, said: str | None) -> tuple[Tariff, ...]:
        """The tariffs of which the dearest counts."""
        if said is None:
            asked = self.tiers.get(self.asked or "")
            return (self,) if asked is None else (self, asked)
        name = said.lower()
        if name in self.tiers:
            return (self.tiers[name],)
        # A tier without a price here may be any of them.
        return (self,) if name in STANDARD_TIERS else (self, *self.tiers.values())


class Prices(Protocol):
    """Knows what each model costs: a run asks several, and a call is priced by the model that it goes to."""

    def of(self, model: str | None) -> Price | None:
        """The price of `model`, None where it is not known."""
        ...


FREE = Price(0.0, 0.0, 0.0, source="a rehearsal costs nothing")


class PriceList:
    """Prices of some models by name, `otherwise` of all others; what stands in neither is asked of `beyond`."""

    def __init__(
        self, prices: Mapping[str, Price], *, otherwise: Price | None = None, beyond: Prices | None = None
    ) -> None:
        self._prices = dict(prices)
        self._otherwise = otherwise
        self._beyond = beyond

    @classmethod
    def free(cls) -> PriceList:
        """A list on which every model costs nothing, for rehearsals."""
        return cls({}, otherwise=FREE)

    def of(self, model: str | None) -> Price | None:
        """The price of `model`, None where it is not known."""
        price = self._prices.get(model or "") or self._otherwise
        return self._beyond.of(model) if price is None and self._beyond is not None else price


def asking_for(tier: str | None, price: Price) -> Price:
    """The price where requests ask for this tier."""
    return price if tier is None else replace(price, asked=tier.lower())


def billed_usd(price: Price | None, reply: ChatReply) -> float | None:
    """USD that the reply cost: by the endpoint's own word, else by its usage; None where neither can be known."""
    # Services say 0 of what they did not count.
    if reply.said_usd is not None and (reply.said_usd > 0 or (price is not None and price.is_free)):
        return reply.said_usd
    return None if price is None or reply.usage is None else price.cost(reply.usage, reply.service_tier)


def completion_limit(request: ChatRequest) -> int:
    """The completion tokens that `request` allows."""
    limit = request.parameters.max_completion_tokens
    return DEFAULT_MAX_COMPLETION_TOKENS if limit is None else limit


def prompt_tokens_at_most(request: ChatRequest) -> int:
    """A bound on the prompt tokens of `request`: a token of a byte-level vocabulary stands for at least one byte."""
    text = sum(_utf8_length(message.content) + _TOKENS_PER_MESSAGE for message in request.messages)
    return text + _TOKENS_PER_REQUEST + (request.reply_schema.size + _WORDS_FOR_SCHEMA if request.reply_schema else 0)


def _utf8_length(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode())
