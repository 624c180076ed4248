"""Names of people, from Faker's word lists for 100 locales, drawn from hashed uniforms instead of Faker's generator."""

from __future__ import annotations

import hashlib
import importlib
import importlib.metadata
import importlib.util
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from troupe_batch.arrays import Floats, Ints
from troupe_batch.population.spec import NameProvider
from troupe_batch.seeded import stream, uniforms

FEMALE = "female"
MALE = "male"
_WORDS = {
    FEMALE: frozenset({"female", "woman", "women", "f", "w", "girl", "femenino", "weiblich", "mujer", "frau", "femme"}),
    MALE: frozenset({"male", "man", "men", "m", "boy", "masculino", "männlich", "hombre", "mann", "homme"}),
}
_TOKEN = re.compile(r"\{\{(\w+)\}\}")
_RECORD = Path(__file__).with_name("name_lists.toml")
_LAST_RESORTS = ("{{first_name}} {{last_name}}", "{{first_name}}")


@dataclass(frozen=True)
class WordList:
    """Words and their cumulated weights, ending at 1."""

    words: npt.NDArray[np.object_]
    cumulated: Floats

    @classmethod
    def of(cls, words: Sequence[str], weights: Sequence[float]) -> WordList:
        """The words with probabilities proportional to `weights`."""
        ends = np.cumsum(np.asarray(weights, dtype=np.float64))
        return cls(np.array(list(words), dtype=object), ends / ends[-1])

    def pick(self, u: Floats) -> npt.NDArray[np.object_]:
        """The word that each uniform picks, shape (n,)."""
        at = np.searchsorted(self.cumulated, u, side="right")
        return self.words[np.minimum(at, len(self.words) - 1)]


@dataclass(frozen=True)
class NameForm:
    """Form of a name in one locale for one gender, for example first name, space, last name."""

    parts: tuple[WordList | str, ...]


def gender_of(label: object) -> str | None:
    """FEMALE or MALE for the labels that plainly say so, in a few languages; None for any other."""
    word = str(label).strip().casefold()
    return next((gender for gender, words in _WORDS.items() if word in words), None)


def names_of(
    indices: Ints, genders: Sequence[str | None], *, locale: str, seed: int, provider: NameProvider
) -> list[str | None]:
    """A name for each person, by gender where it is known; the same person always gets the same name."""
    if provider == NameProvider.NONE:
        return [None] * len(indices)
    names: npt.NDArray[np.object_] = np.empty(len(indices), dtype=object)
    of_gender = np.array([gender or "" for gender in genders], dtype=object)
    for gender in set(of_gender.tolist()):
        chosen = np.flatnonzero(of_gender == gender)
        form = name_form(locale, gender or None)
        names[chosen] = _names_in_form(form, indices[chosen], seed)
    if provider == NameProvider.INITIALS:
        return [_initials(name) for name in names.tolist()]
    return list(names.tolist())


def _names_in_form(form: NameForm, indices: Ints, seed: int) -> npt.NDArray[np.object_]:
    text: npt.NDArray[np.object_] = np.full(len(indices), "", dtype=object)
    for position, part in enumerate(form.parts):
        if isinstance(part, str):
            text = text + part
        else:
            text = text + part.pick(uniforms(stream(seed, "name", position), indices))
    return text


def _initials(name: str) -> str:
    words = [word for word in re.split(r"[\s]+", name) if word]
    # A script without spaces gives one initial.
    return " ".join(f"{word[0]}." for word in words)


@cache
def name_form(locale: str, gender: str | None) -> NameForm:
    """The commonest form of a name without titles in the locale, filled with its word lists."""
    provider = _provider(f".{locale}")
    for template in _templates(provider, gender):
        parts = _name_parts(provider, template, gender)
        if parts is not None:
            return NameForm(parts)
    raise LookupError(f"Faker's word lists for {locale} make no name")


@cache
def locales() -> tuple[str, ...]:
    """The locales that have word lists."""
    spec = importlib.util.find_spec("faker")
    if spec is None or spec.origin is None:
        return ()
    folder = Path(spec.origin).parent / "providers" / "person"
    return tuple(sorted(path.name for path in folder.iterdir() if (path / "__init__.py").is_file()))


def has_locale(locale: str) -> bool:
    """Whether there are names for the locale."""
    return locale in locales() and _makes_names(locale)


@cache
def _makes_names(locale: str) -> bool:
    try:
        return bool(name_form(locale, None).parts)
    except LookupError:
        return False


def lists_off_record(wanted: Iterable[str]) -> Mapping[str, str]:
    """Of these locales those whose word lists are not the ones on record, with the digest of what is installed.

    Faker may be any version, and its lists change with some: with those off record the same people have other names.
    """
    record = tomllib.loads(_RECORD.read_text(encoding="utf-8"))
    if importlib.metadata.version("faker") == record["faker"]:
        # The lists take longer to load and to digest than a small plan takes to make.
        return {}
    installed = {locale: list_digest(locale) for locale in wanted if has_locale(locale)}
    return {locale: digest for locale, digest in installed.items() if record["lists"].get(locale) != digest}


def list_digest(locale: str) -> str:
    """SHA-256 (hex) of all that names of the locale are made of: forms, words and their shares."""
    digest = hashlib.sha256()
    for gender in (None, FEMALE, MALE):
        for part in name_form(locale, gender).parts:
            # Twelve digits: the last ones of a sum are the machine's.
            lines = (
                [part]
                if isinstance(part, str)
                else [f"{w}\0{u:.12g}" for w, u in zip(part.words, part.cumulated, strict=True)]
            )
            digest.update("\n".join([*lines, "\0"]).encode())
    return digest.hexdigest()


def _provider(locale: str = "") -> Any:
    """Faker's class for a locale. Loaded on first use: it takes longer to import than all of this package."""
    return importlib.import_module(f"faker.providers.person{locale}").Provider


def _templates(provider: Any, gender: str | None) -> list[str]:
    """Templates without titles and suffixes, the most frequent first."""
    own = getattr(provider, f"formats_{gender}", None) if gender else None
    weights: dict[str, float] = {}
    for template, weight in [*_weighted(own or ()), *_weighted(getattr(provider, "formats", ()))]:
        tokens = _TOKEN.findall(template)
        fits = gender is None or not any(t.endswith(_other(gender)) and "first" in t for t in tokens)
        if fits and 2 <= len(tokens) <= 3 and not any("prefix" in t or "suffix" in t for t in tokens):
            weights[template] = weights.get(template, 0.0) + weight
    return [*sorted(weights, key=lambda t: -weights[t]), *_LAST_RESORTS]


def _other(gender: str) -> str:
    return "_male" if gender == FEMALE else "_female"


def _name_parts(provider: Any, template: str, gender: str | None) -> tuple[WordList | str, ...] | None:
    parts: list[WordList | str] = []
    end = 0
    for match in _TOKEN.finditer(template):
        words = _word_list(provider, match[1], gender)
        if words is None:
            return None
        parts += [template[end : match.start()], words]
        end = match.end()
    parts.append(template[end:])
    return tuple(part for part in parts if part != "")


def _word_list(provider: Any, token: str, gender: str | None) -> WordList | None:
    """The word list behind a token such as last_name_female; by gender where it is known."""
    kind = "first" if token.startswith("first_name") else "last" if token.startswith("last_name") else None
    if kind is None:
        return None
    plain = f"{kind}_names"
    tries = [token.replace(f"{kind}_name", plain, 1) if plain not in token else token, plain, f"unisex_{plain}"]
    if gender:
        tries.insert(0, f"{plain}_{gender}")
    elif kind == "first":
        # Of unknown gender: names of either.
        return _joined_words(provider, (f"{plain}_{FEMALE}", f"{plain}_{MALE}")) or _joined_words(provider, (plain,))
    return next((words for name in tries if (words := _joined_words(provider, (name,))) is not None), None)


def _joined_words(provider: Any, attributes: Iterable[str]) -> WordList | None:
    words: list[str] = []
    weights: list[float] = []
    for attribute in attributes:
        source = getattr(provider, attribute, ())
        # John and Jane Doe, whom Faker gives to locales without a list of their own.
        if source == getattr(_provider(), attribute, None):
            continue
        pairs = [(w, x) for w, x in _weighted(source) if _is_word(w) and x > 0]
        total = sum(x for _, x in pairs)
        words += [w.strip() for w, _ in pairs]
        weights += [x / total for _, x in pairs]
    return WordList.of(words, weights) if words else None


def _weighted(source: Any) -> list[tuple[Any, float]]:
    if isinstance(source, Mapping):
        return [(word, float(weight)) for word, weight in source.items()]
    if isinstance(source, list | tuple | set | frozenset):
        return [(word, 1.0) for word in (sorted(source) if isinstance(source, set | frozenset) else source)]
    return []


def _is_word(word: object) -> bool:
    return isinstance(word, str) and bool(word.strip()) and "{{" not in word
