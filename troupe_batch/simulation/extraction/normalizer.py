"""Free texts sorted into a few categories that were found in them; what fits none stays without one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, overload

import orjson

from troupe_batch.errors import FixTheInput
from troupe_batch.llm.chat import Message, ReplySchema, Role, strict_object
from troupe_batch.seeded import shuffled, stream
from troupe_batch.simulation.judging.judging import asked, rules_text
from troupe_batch.simulation.mind import Mind, all_ended, connected_mind, raise_gravest

PURPOSE = "normalize"
_PROMPTS = Path(__file__).parent / "prompts"
_MOST_CATEGORIES = 200
_LONGEST_TEXT = 1_000
_NO_FIT = "it fits none of the categories"


@dataclass(frozen=True, slots=True)
class Category:
    """One category, and what belongs into it."""

    name: str
    description: str


@dataclass(frozen=True, slots=True)
class Normalized:
    """The category of a text; None, with a reason, where it has none or none could be had."""

    text: str
    category: str | None
    reason: str | None = None


class Normalizer:
    """Finds `n` categories in texts by one call, then sorts texts into them, `batch_size` texts a call, each once.

    Categories are found in a sample of at most `sample_size` different texts, drawn by `seed`. Texts are compared
    without regard to capitals and spaces, and only their first 1,000 characters are shown.
    """

    def __init__(
        self,
        texts: Iterable[str],
        n: int,
        *,
        mind: Mind | None = None,
        seed: int = 0,
        sample_size: int = 200,
        batch_size: int = 50,
    ) -> None:
        self._sample = _sample(texts, sample_size, seed)
        if not self._sample:
            raise FixTheInput("there is no text to find categories in")
        if not 2 <= n <= _MOST_CATEGORIES:
            raise FixTheInput(f"a normalizer makes 2 to {_MOST_CATEGORIES} categories, not {n}")
        if n > len(self._sample):
            raise FixTheInput(f"{n} categories for {len(self._sample)} different texts; ask for fewer")
        if batch_size < 1:
            raise FixTheInput("batch_size must be 1 or more")
        self._n = n
        self._mind = mind
        self._batch_size = batch_size
        self._categories: tuple[Category, ...] | None = None
        self._sorter: _Sorter | None = None

    @property
    def categories(self) -> tuple[Category, ...]:
        """The categories; FixTheInput before they were found."""
        if self._categories is None:
            raise FixTheInput("no categories yet; call `await normalizer.fit()` first")
        return self._categories

    async def fit(self) -> tuple[Category, ...]:
        """Find the categories, by one call; found once, they stay. CannotAct where the reply is unusable."""
        if self._categories is not None:
            return self._categories
        mind = self._mind or connected_mind()
        task = f"Find {self._n} categories.\n\n<material>\n{_json(self._sample)}\n</material>"
        messages = Message(Role.SYSTEM, rules_text(_PROMPTS / "categories.md")), Message(Role.USER, task)
        draw = mind.draw_of(f"{PURPOSE}.categories", 0)
        reply, _ = await asked(mind, f"{PURPOSE}:categories", messages, _categories_schema(self._n), draw=draw)
        found = tuple(Category(said["name"].strip(), said["description"].strip()) for said in reply.value["categories"])
        self._use(found)
        return found

    def use(self, categories: Sequence[Category]) -> None:
        """Sort into these categories, for example those of an earlier run, without a call to find any."""
        names = [{"name": one.name, "description": one.description} for one in categories]
        if len(names) < 2 or (problem := _names_problem({"categories": names})):
            raise FixTheInput(f"the categories: {problem if len(names) >= 2 else 'two are the least'}")
        self._use(tuple(categories))

    @overload
    async def normalize(self, texts: str) -> Normalized: ...
    @overload
    async def normalize(self, texts: list[str] | tuple[str, ...]) -> list[Normalized]: ...
    async def normalize(self, texts: str | list[str] | tuple[str, ...]) -> Normalized | list[Normalized]:
        """The category of the text, or of each text in order. Texts that were sorted before cost nothing.

        Where a call fails or its reply is unusable, its texts have no category, the reason says why, and they are
        asked about anew when they come again. StopTheJob and TryAgain errors propagate.
        """
        sorter = self._sorter or self._use(await self.fit())
        wanted = [texts] if isinstance(texts, str) else list(texts)
        sorted_texts = await sorter.sort(wanted, self._mind or connected_mind(), self._batch_size)
        return sorted_texts[0] if isinstance(texts, str) else sorted_texts

    def _use(self, categories: tuple[Category, ...]) -> _Sorter:
        self._categories = categories
        self._sorter = _Sorter(categories)
        return self._sorter


class _Sorter:
    """Sorts texts into fixed categories and remembers each text's."""

    def __init__(self, categories: Sequence[Category]) -> None:
        self._names = [category.name for category in categories]
        self._system = f"{rules_text(_PROMPTS / 'assign.md')}\n\n# Categories\n\n" + "\n".join(
            f"- {_json(one.name)}: {one.description}" for one in categories
        )
        self._known: dict[str, str | None] = {}
        self._schemas: dict[int, ReplySchema] = {}

    async def sort(self, texts: Sequence[str], mind: Mind, batch_size: int) -> list[Normalized]:
        """What each text is, in order; each that is not known is asked for once."""
        new = list(
            dict.fromkeys(_text_key(text) for text in texts if text.strip() and _text_key(text) not in self._known)
        )
        originals = {_text_key(text): text.strip() for text in reversed(texts)}
        batches = [new[start : start + batch_size] for start in range(0, len(new), batch_size)]
        outcomes = await all_ended(self._ask([originals[plain] for plain in batch], mind) for batch in batches)
        raise_gravest(outcomes)
        reasons: dict[str, str] = {}
        for batch, outcome in zip(batches, outcomes, strict=True):
            if isinstance(outcome, BaseException):
                reasons.update(dict.fromkeys(batch, str(outcome) or type(outcome).__name__))
            else:
                self._known.update(zip(batch, outcome, strict=True))
        return [self._of(text, reasons) for text in texts]

    def _of(self, text: str, reasons: Mapping[str, str]) -> Normalized:
        plain = _text_key(text)
        if not plain:
            return Normalized(text, None, "there is no text")
        if plain in self._known:
            category = self._known[plain]
            return Normalized(text, category, _NO_FIT if category is None else None)
        return Normalized(text, None, reasons[plain])

    async def _ask(self, texts: Sequence[str], mind: Mind) -> list[str | None]:
        named = {f"t{number}": text[:_LONGEST_TEXT] for number, text in enumerate(texts, start=1)}
        messages = Message(Role.SYSTEM, self._system), Message(Role.USER, f"<material>\n{_json(named)}\n</material>")
        draw = mind.draw_of(PURPOSE, 0)
        reply, _ = await asked(mind, PURPOSE, messages, self._schema(len(texts)), draw=draw)
        return [reply.value[name] for name in named]

    def _schema(self, count: int) -> ReplySchema:
        if count not in self._schemas:
            # One enum for all texts: strict schemas count the values of each.
            properties = {f"t{number}": {"$ref": "#/$defs/category"} for number in range(1, count + 1)}
            category = {"anyOf": [{"type": "string", "enum": self._names}, {"type": "null"}]}
            schema = {**strict_object(properties), "$defs": {"category": category}}
            self._schemas[count] = ReplySchema("assigned", schema)
        return self._schemas[count]


def _sample(texts: Iterable[str], size: int, seed: int) -> list[str]:
    different: dict[str, str] = {}
    for text in texts:
        if text.strip():
            different.setdefault(_text_key(text), text.strip()[:_LONGEST_TEXT])
    # Sorted first: the order in which texts come must not decide which of them are seen.
    in_order = [different[plain] for plain in sorted(different)]
    return shuffled(in_order, stream(seed, "normalizer sample"))[:size]


def _text_key(text: str) -> str:
    return " ".join(text.split()).casefold()


def _categories_schema(n: int) -> ReplySchema:
    category = strict_object({"name": {"type": "string"}, "description": {"type": "string"}})
    items = {"type": "array", "items": category, "minItems": n, "maxItems": n}
    return ReplySchema("categories", strict_object({"categories": items}), _names_problem)


def _names_problem(value: Any) -> str | None:
    names = [said["name"].strip().casefold() for said in value["categories"]]
    if not all(names):
        return "a category has no name"
    return "two categories have the same name" if len(set(names)) < len(names) else None


def _json(value: Any) -> str:
    # As JSON a text cannot end the list it stands in; "<" is written so that none can end the material.
    return orjson.dumps(value).decode().replace("<", "\\u003c")
