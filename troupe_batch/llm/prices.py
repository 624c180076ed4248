"""What tokens cost: list prices per model, the cost of a reply, and the worst case of a request before it is sent."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from importlib import resources
from typing import Protocol

import orjson

from troupe_batch.llm.chat import ChatRequest, ReplySchema, Usage
from troupe_batch.llm.model_names import named

DEFAULT_MAX_COMPLETION_TOKENS = 4096
"""The completion limit that a cost cap sets on requests that name none: without a limit there is no worst case."""

_PER_TOKEN = 1e-6
# The chat format wraps each message in a few special tokens (OpenAI documents 3 to 4) and primes the reply with 3.
_TOKENS_PER_MESSAGE = 8
_TOKENS_PER_REQUEST = 64


@dataclass(frozen=True, slots=True)
class Price:
    """USD per 1,000,000 tokens, with the day and the place where the figures were read.

    `written` is the price of prompt tokens that the endpoint stores in its prefix cache, None where that costs nothing
    more: each part of a prompt is billed at its own price in place of `prompt`.
    """

    prompt: float
    cached: float
    completion: float
    written: float | None = None
    as_of: date | None = None
    source: str = ""

    def cost(self, usage: Usage) -> float:
        """USD for the tokens of `usage`."""
        fresh = usage.prompt_tokens - usage.cached_tokens - usage.cache_write_tokens
        prompt = fresh * self.prompt + usage.cached_tokens * self.cached + usage.cache_write_tokens * self._written
        return (prompt + usage.completion_tokens * self.completion) * _PER_TOKEN

    def worst_case(self, request: ChatRequest) -> float:
        """USD that `request` can cost at most: each prompt token at its dearest, and the reply runs to its limit."""
        limit = request.parameters.max_completion_tokens
        if limit is None:
            limit = DEFAULT_MAX_COMPLETION_TOKENS
        dearest_prompt = max(self.prompt, self.cached, self._written)
        return (prompt_tokens_at_most(request) * dearest_prompt + limit * self.completion) * _PER_TOKEN

    @property
    def _written(self) -> float:
        return self.prompt if self.written is None else self.written

    def of(self, model: str | None) -> Price:  # noqa: ARG002 -- the same for each, as in a `Prices` of one line
        """Itself: one price is a list on which all models cost the same."""
        return self


class Prices(Protocol):
    """Knows what each model costs: a run asks several, and a call is priced by the model that it goes to."""

    def of(self, model: str | None) -> Price | None:
        """The price of `model`, None where it is not known."""
        ...


FREE = Price(0.0, 0.0, 0.0, source="a rehearsal costs nothing")


class PriceList:
    """Prices by model name. A name stands for itself and its dated versions; an unknown model has no price."""

    def __init__(self, prices: Mapping[str, Price], *, otherwise: Price | None = None) -> None:
        self._prices = dict(prices)
        self._otherwise = otherwise
        self._found: dict[str, Price | None] = {}

    @classmethod
    def load(cls) -> PriceList:
        """The list prices that come with the library (prices.toml)."""
        text = resources.files("troupe_batch.llm").joinpath("prices.toml").read_text(encoding="utf-8")
        return cls({name: Price(**fields) for name, fields in tomllib.loads(text).items()})

    @classmethod
    def free(cls) -> PriceList:
        """A list on which every model costs nothing, for rehearsals."""
        return cls({}, otherwise=FREE)

    def with_overrides(self, prices: Mapping[str, Price], *, otherwise: Price | None = None) -> PriceList:
        """The list with `prices` added, or put in place of its own; an Azure deployment is priced by its name.

        `otherwise` is what a model that stands in neither costs.
        """
        return PriceList({**self._prices, **prices}, otherwise=otherwise or self._otherwise)

    def of(self, model: str | None) -> Price | None:
        """The price of `model`, None where it is not known."""
        if model is None:
            return self._otherwise
        if model not in self._found:
            self._found[model] = named(self._prices, model) or self._otherwise
        return self._found[model]


def prompt_tokens_at_most(request: ChatRequest) -> int:
    """A bound on the prompt tokens of `request`: a token of a byte-level vocabulary stands for at least one byte."""
    text = sum(_utf8_length(message.content) + _TOKENS_PER_MESSAGE for message in request.messages)
    return text + _TOKENS_PER_REQUEST + (_schema_bytes(request.reply_schema) if request.reply_schema else 0)


def _utf8_length(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode())


def _schema_bytes(schema: ReplySchema) -> int:
    return len(orjson.dumps(dict(schema.schema))) + len(schema.name)
