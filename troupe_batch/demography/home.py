"""Home of the people of a demography: a fact of everybody, and the locale of their names."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from troupe_batch.demography.countries import countries_in, country_named, locale_of, names_of
from troupe_batch.demography.draft import FILE_SOURCE, MOST_DIMENSIONS, Draft
from troupe_batch.errors import FixTheInput
from troupe_batch.population.facts.names import has_locale

_NAME = "country"


@dataclass(frozen=True, slots=True)
class Home:
    """Country and locale, None where they are not known, and the locale of names, None where people have none."""

    country: str | None
    locale: str | None
    names: str | None

    @property
    def fields(self) -> dict[str, Any]:
        """The fields of a population file that follow."""
        fields: dict[str, Any] = {} if self.locale is None else {"locale": self.locale}
        if self.names is None:
            return fields | {"names": {"provider": "none"}}
        return fields if self.names == self.locale else fields | {"names": {"locale": self.names}}

    def dimension(self, others: Collection[str]) -> dict[str, dict[str, Any]]:
        """The country as a dimension of one category, unless the file says more of it, or there is no room."""
        if self.country is None or _NAME in others or len(others) >= MOST_DIMENSIONS:
            return {}
        values = {self.country: 100}
        return {_NAME: {"type": "categorical", "unit": "percent", "values": values, "source": FILE_SOURCE}}


def home_of(title: str, description: str, draft: Draft, *, country: str | None, locale: str | None) -> Home:
    """The country and the locale as asked for, else as the file's own words say; what cannot be known is a warning."""
    if country is not None and not country.strip():
        raise FixTheInput("--country is empty; write the name of a country, or leave it out")
    texts = (draft.universe.get(_NAME, ""), title, description)
    found = (country_named(country) or country.strip(),) if country is not None else _first_found(texts)
    home = found[0] if len(found) == 1 else None
    tongue = locale if locale is not None else locale_of(home) if home is not None else None
    # A locale that was asked for and has no names is a mistake, told where the file is read.
    named = locale if locale is not None else _with_names(tongue)
    if home is None:
        said = f"names several countries ({', '.join(found)})" if found else "names no country that is known here"
        draft.warn("dimensions", f"the file {said}, so none is a fact of its people", "give it with --country")
    if named is None:
        problem = "people have no names: " + (
            f"none are known for {home}" if home is not None else "the country decides them"
        )
        draft.warn("names", problem, "choose word lists with --locale, such as --locale pt_BR")
    return Home(home, tongue, named)


def _with_names(locale: str | None) -> str | None:
    names = None if locale is None else names_of(locale)
    return names if names is not None and has_locale(names) else None


def _first_found(texts: Collection[str]) -> tuple[str, ...]:
    """The countries in the first text that names any."""
    return next((found for text in texts if (found := countries_in(text))), ())
