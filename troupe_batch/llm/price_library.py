"""List prices at an endpoint: those of the library genai-prices, and what prices.toml knows better."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import cache
from importlib import resources
from importlib.metadata import version
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

from troupe_batch.llm.model_names import named
from troupe_batch.llm.prices import STANDARD_TIERS, Price, PriceStep, Rates, Tariff

if TYPE_CHECKING:
    from genai_prices.types import ModelInfo, ModelPrice, Provider

_LIBRARY = "genai-prices"
_CLASSES = ("input_mtok", "cache_read_mtok", "cache_write_mtok", "output_mtok", "output_reasoning_mtok")
# A price that holds for some hours of the day, or from tomorrow on, may be the one of a run that lasts overnight.
_EVERY, _AHEAD = timedelta(minutes=30), timedelta(hours=48)
_THIS_MACHINE = re.compile(r"localhost|127\.\d{1,3}\.\d{1,3}\.\d{1,3}|::1|0\.0\.0\.0|host\.docker\.internal")
# What shows that an address goes on inside the name of its host.
_MORE_OF_A_HOST = re.compile(r"[\w-]|\.\w")


@dataclass(frozen=True, slots=True)
class PriceFile:
    """Prices of prices.toml: the library, makers, and prices by provider and model that go before the library."""

    version: str
    as_of: date
    makers: Mapping[str, tuple[str, ...]]
    overrides: Mapping[str, Mapping[str, Price]]

    @classmethod
    def read(cls, text: str) -> Self:
        """The file with this text."""
        content = tomllib.loads(text)
        makers = {maker: tuple(starts) for maker, starts in content["makers"].items()}
        overrides = {
            provider: {model: Price.from_json(price) for model, price in models.items()}
            for provider, models in content["overrides"].items()
        }
        return cls(content["library"]["version"], content["library"]["as_of"], makers, overrides)


class ListedPrices:
    """Prices of models at the endpoint of this identity; a look-up is kept.

    Of prices that change with the hour or the day the dearest of the two days from `moment` on holds, which is now
    where none is given. A server on this machine is taken to cost nothing, unless the model is one that its maker
    alone sells: then it is taken for a gateway, and so is any server that the library does not know. `is_gateway`: it
    is known to be one, and says nothing of what the services behind it charge.
    """

    def __init__(
        self,
        identity: str = "openai",
        *,
        moment: datetime | None = None,
        file: PriceFile | None = None,
        is_gateway: bool = False,
    ) -> None:
        self._is_gateway = is_gateway
        self._identity = identity
        self._moment = moment
        self._file = file
        self._found: dict[str, Price | None] = {}

    def of(self, model: str | None) -> Price | None:
        """The price of `model`, None where it is not known."""
        if not model:
            return None
        if model not in self._found:
            found = _Library(self._file or _file(), self._moment or datetime.now(UTC))
            self._found[model] = found.price_at(self._identity, model, is_gateway=self._is_gateway)
        return self._found[model]


@dataclass(frozen=True, slots=True)
class _Library:
    """The library at a moment, with what is known better."""

    file: PriceFile
    moment: datetime

    def price_at(self, identity: str, model: str, *, is_gateway: bool = False) -> Price | None:
        if (provider := _provider_at(identity)) is not None:
            return self._listed(provider, model)
        name, host = model.rpartition("/")[2], _host(identity)
        if (maker := self._maker_of(name)) is not None:
            price = self._listed(_provider(maker), name)
            source = f"taken to cost at {host} what it costs at "
            return price and replace(price, source=source + price.source, is_assumed=True)
        if _THIS_MACHINE.fullmatch(host) and not is_gateway:
            return Price(0.0, 0.0, 0.0, source="taken to cost nothing: its server is on this machine", is_assumed=True)
        return None

    def _maker_of(self, name: str) -> str | None:
        return next((maker for maker, starts in self.file.makers.items() if name.startswith(starts)), None)

    def _listed(self, provider: Provider, model: str) -> Price | None:
        if (known := named(self.file.overrides.get(provider.id, {}), model)) is not None:
            return known
        found = provider.find_model(model.removeprefix("models/"), all_providers=_providers())
        if found is None or (standard := self._tariff(found, {})) is None:
            return None
        is_current = version(_LIBRARY) == self.file.version
        return Price(
            standard.prompt,
            standard.cached,
            standard.completion,
            standard.written,
            steps=standard.steps,
            per_call=standard.per_call,
            tiers=self._tiers(found, standard, is_own=any(found is one for one in provider.models)),
            as_of=self.file.as_of if is_current else None,
            source=f"{provider.name}, by {_LIBRARY} {version(_LIBRARY)}",
        )

    def _tiers(self, model: ModelInfo, standard: Tariff, *, is_own: bool) -> dict[str, Tariff]:
        """The tiers beside the standard one. Of those of another provider, only the dearer ones are taken over."""
        whens = [one.when for one in model.price_variants or ()]
        contexts = {when["service_tier"]: when for when in whens if set(when) == {"service_tier"}}
        contexts |= {when["processing"]: when for when in whens if set(when) == {"processing"}}
        tiers = {name: self._tariff(model, when) for name, when in contexts.items() if name not in STANDARD_TIERS}
        return {
            name: tier
            for name, tier in tiers.items()
            if tier is not None and tier != standard and (is_own or tier.prompt > standard.prompt)
        }

    def _tariff(self, model: ModelInfo, context: Mapping[str, str]) -> Tariff | None:
        """The dearest tariff of these days; None where the library has no price for text."""
        moments = (self.moment + number * _EVERY for number in range(_AHEAD // _EVERY))
        tariffs = _tariffs((model.get_prices(moment, context) for moment in moments), is_gift=_is_gift(model))
        return max(tariffs, key=lambda one: (one.prompt + one.completion, one.worst(10**7, 10**7)), default=None)


def _tariffs(prices: Iterable[ModelPrice], *, is_gift: bool) -> list[Tariff]:
    """The different tariffs among these prices."""
    found: list[Tariff] = []
    last = None
    for one in prices:
        if one == last:
            continue
        last = one
        if one.input_mtok is not None or is_gift:
            found.append(_tariff_of(one))
    return found


def _tariff_of(prices: ModelPrice) -> Tariff:
    """The library's prices in our words."""
    starts = {tier.start for name in _CLASSES for tier in getattr(getattr(prices, name), "tiers", ())}
    base = _rates(prices, 0)
    return Tariff(
        base.prompt,
        base.cached,
        base.completion,
        base.written,
        steps=tuple(PriceStep(start, _rates(prices, start + 1)) for start in sorted(starts)),
        per_call=(_at(prices, "requests_kcount", 0) or 0.0) / 1000,
    )


def _rates(prices: ModelPrice, prompt_tokens: int) -> Rates:
    """The rates of a prompt of this length; what has none of its own costs as much as any token of the prompt."""
    prompt, cached, written, completion, thought = (_at(prices, name, prompt_tokens) for name in _CLASSES)
    prompt = prompt or 0.0
    return Rates(prompt, prompt if cached is None else cached, max(completion or 0.0, thought or 0.0), written)


def _at(prices: ModelPrice, name: str, prompt_tokens: int) -> float | None:
    price = getattr(prices, name)
    reached = getattr(price, "base", price)
    for tier in getattr(price, "tiers", ()):
        if prompt_tokens > tier.start:
            reached = tier.price
    return None if reached is None else float(reached)


def _is_gift(model: ModelInfo) -> bool:
    """Whether a model without a price is one that is given away."""
    return model.id.endswith(":free")


def _provider_at(identity: str) -> Provider | None:
    """Whose service this endpoint is; None where the library does not know it."""
    if identity == "openai" or identity.startswith("azure/"):
        return _provider(identity.partition("/")[0])
    return next((one for one in _providers() if _is_at(one.api_pattern, identity)), None)


def _is_at(pattern: str, address: str) -> bool:
    """Whether the pattern of a provider's addresses covers the whole name of the host."""
    found = re.match(pattern, address)
    if found is None:
        return False
    return pattern.endswith(r"\.") or _MORE_OF_A_HOST.match(address[found.end() :]) is None


def _provider(name: str) -> Provider:
    return next(one for one in _providers() if one.id == name)


def _providers() -> list[Provider]:
    from genai_prices.data_snapshot import get_snapshot  # noqa: PLC0415 -- slow to import, and few commands need prices

    return get_snapshot().providers


def _host(identity: str) -> str:
    return urlsplit(identity).hostname or identity


@cache
def _file() -> PriceFile:
    return PriceFile.read(resources.files("troupe_batch.llm").joinpath("prices.toml").read_text(encoding="utf-8"))
