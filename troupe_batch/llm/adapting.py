"""Adaptation to an endpoint's refusal of a parameter: the request without it, or that the run cannot go on like this.

Left out is only what changes no answer: the older or newer name of the completion limit, the seed, hints for caching,
keywords of JSON Schema that are checked here anyway. Whatever would change answers stops the run and names its setting.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from troupe_batch import __version__
from troupe_batch.errors import EndpointUnsuitable, RequestRejected, StateUnreachable
from troupe_batch.llm.chat import Endpoint, SchemaMode
from troupe_batch.llm.connection import Dialect
from troupe_batch.llm.endpoint_memory import EndpointMemory, NoMemory
from troupe_batch.llm.schemas import CHECKED_HERE

_LOG = logging.getLogger(__name__)

_LIMITS = frozenset(("max_tokens", "max_completion_tokens"))
_SEEDS = frozenset(("seed", "random_seed"))
_MARKING = frozenset(("prompt_cache_options", "prompt_cache_breakpoint"))
_CACHE_HINTS = _MARKING | {"prompt_cache_key", "cache_control"}
REFUSABLE = _LIMITS | _SEEDS | _CACHE_HINTS
"""The fields of a request that may be left out, as no answer depends on them."""

# Where the value is what is wrong, another name does not help.
_OF_ITS_VALUE = re.compile(
    r"too large|too small|at most|at least|less than|greater than|exceed|maximum|minimum", re.IGNORECASE
)
_OF_THE_FIELD = re.compile(
    r"unsupported|not supported|unknown|unrecogni[sz]ed|unexpected|not permitted|not allowed|extra inputs|deprecated"
    r"|instead|does not support|not available|invalid parameter|no longer",
    re.IGNORECASE,
)
_SETTINGS = {
    "temperature": "`temperature` of the job's model or OpenAI.TEMPERATURE",
    "top_p": "`top_p` of the job's model or OpenAI.TOP_P",
    "reasoning_effort": "`reasoning_effort` of the job's model or OpenAI.REASONING_EFFORT",
    "service_tier": "OpenAI.SERVICE_TIER",
}
_MODE_AFTER = {SchemaMode.STRICT: SchemaMode.JSON, SchemaMode.JSON: SchemaMode.NONE}


class Dialects:
    """The dialects of the models at one endpoint: as they start, and as refusals have taught.

    What is learned is kept in `memory`, by endpoint, model and release, so that one call of the fleet pays for it.
    """

    def __init__(self, start: Dialect, identity: str, memory: EndpointMemory | None = None) -> None:
        self._start = start
        self._identity = identity
        self.memory = memory or NoMemory()
        self._known: dict[str, Dialect] = {}
        self._learning = asyncio.Lock()

    def of(self, model: str) -> Dialect:
        """How requests to the model are written now."""
        return self._known.get(model, self._start)

    async def recall(self, models: Iterable[str]) -> None:
        """Takes up what was learned of these models before."""
        for model in models:
            try:
                found = _kept_refusals(await self.memory.recall(self._name(model)))
            except StateUnreachable:
                return
            if found is not None:
                self._known[model] = self.of(model).without(found["refused"], keywords=found["keywords"])

    async def learn(self, endpoint: Endpoint, used: Dialect, error: RequestRejected) -> bool:
        """Whether the request may be sent again, as it would be written otherwise now.

        Raises EndpointUnsuitable where the endpoint refuses what answers depend on.
        """
        model = endpoint.model
        async with self._learning:
            if self.of(model) != used:
                return True  # another call has met the same meanwhile
            found = adapted(used, error, mode=endpoint.schema_mode)
            if found is None or found == used:
                return False
            self._known[model] = found
            facts = {"action": "dialect_learned", "model": model, **self.learned()[model]}
            _LOG.info("The endpoint refuses a parameter; requests go without it from now on", extra=facts)
            try:
                await self.memory.keep(self._name(model), orjson.dumps(self.learned()[model]))
            except StateUnreachable:
                _LOG.warning("What the endpoint refuses could not be kept for other processes", extra=facts)
            return True

    def learned(self) -> dict[str, dict[str, list[str]]]:
        """By model, the fields and the keywords of JSON Schema that it refuses, beyond what the table says."""
        return {
            model: {
                "refused": sorted(known.refused - self._start.refused),
                "keywords": sorted(known.unknown_keywords - self._start.unknown_keywords),
            }
            for model, known in self._known.items()
            if known != self._start
        }

    def _name(self, model: str) -> str:
        return f"dialect/{self._identity}/{model}/{__version__}"


def _kept_refusals(kept: bytes | None) -> Mapping[str, list[str]] | None:
    """What was learned before; None where nothing was, or what stands there is no such thing."""
    try:
        found: Any = orjson.loads(kept or b"null")
        names = [found[part] for part in ("refused", "keywords")]
        is_known = set(names[0]) <= REFUSABLE and set(names[1]) <= CHECKED_HERE
    except (ValueError, KeyError, TypeError):
        return None
    return found if is_known else None


def adapted(dialect: Dialect, error: RequestRejected, *, mode: SchemaMode) -> Dialect | None:
    """The dialect without what was refused; None where the refusal teaches nothing of the kind.

    Raises EndpointUnsuitable where the endpoint refuses what answers depend on.
    """
    words, named = str(error), _first_part(error.parameter)
    if named in _LIMITS and not _is_of_its_value(words):
        return _without_limit(dialect, named, words)
    if named in _SEEDS and named == dialect.seed():
        return dialect.without((named,))
    if (hint := _cache_hint_in(error.parameter)) is not None and hint not in dialect.refused:
        # The mode without marks would switch the cache off, and marks without the mode have all the rest stored.
        return dialect.without(_MARKING if hint in _MARKING else (hint,))
    if (setting := _setting_for(named, dialect)) is not None:
        raise EndpointUnsuitable(f"the endpoint does not take what the job asks for: {words}; change {setting}")
    if named == "response_format":
        return _without_keyword(dialect, words, mode)
    return None


def _without_limit(dialect: Dialect, named: str, words: str) -> Dialect:
    found = dialect.without((named,))
    if found.limit_field is None:
        raise EndpointUnsuitable(
            f"the endpoint takes no completion limit by the name{'s' if len(dialect.limit_fields) > 1 else ''} "
            f"{' and '.join(dialect.limit_fields)}: {words}; set OpenAI.LIMIT_FIELD or OpenAI.SERVICE"
        )
    return found


def _without_keyword(dialect: Dialect, words: str, mode: SchemaMode) -> Dialect | None:
    """Without a keyword that strict schemas must not have here; a service without such schemas stops the run."""
    keywords = {word for word in re.findall(r"\w+", words) if word in CHECKED_HERE} - dialect.unknown_keywords
    if keywords and mode is SchemaMode.STRICT:
        return dialect.without(keywords=keywords)
    if mode in _MODE_AFTER and _OF_THE_FIELD.search(words) and "nvalid schema" not in words:
        raise EndpointUnsuitable(
            f"the endpoint does not enforce a JSON schema: {words}; set OpenAI.SCHEMA_MODE = {_MODE_AFTER[mode]}, "
            "which puts the schema into the prompt"
        )
    return None


def _setting_for(named: str, dialect: Dialect) -> str | None:
    efforts = {_first_part(dialect.effort.field), _first_part(dialect.effort.off_field)}
    return _SETTINGS["reasoning_effort"] if named and named in efforts else _SETTINGS.get(named)


def _is_of_its_value(words: str) -> bool:
    return _OF_ITS_VALUE.search(words) is not None and _OF_THE_FIELD.search(words) is None


def _cache_hint_in(name: str | None) -> str | None:
    """The hint for caching that a path such as `messages[0].content[0].cache_control` names; None where none is."""
    return next((part for part in (name or "").split(".") if part in _CACHE_HINTS), None)


def _first_part(name: str | None) -> str:
    """The field of the body in a path such as `reasoning.effort` or `response_format.json_schema`."""
    return (name or "").partition(".")[0].partition("[")[0]
