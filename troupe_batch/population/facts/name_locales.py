"""Locale of each person's name: one for all, or by the category of a dimension such as country."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from troupe_batch.arrays import Ints
from troupe_batch.population.factors import Places
from troupe_batch.population.facts.names import has_locale, lists_off_record, locales, names_of
from troupe_batch.population.model import Codes, Model
from troupe_batch.population.spec import NameProvider, PopulationSpec
from troupe_batch.spec_files import did_you_mean


class NameLocales:
    """Locales of names by category: the word lists people are named from; categories not listed use the default."""

    def __init__(self, spec: PopulationSpec, model: Model, places: Places) -> None:
        """A dimension without categories, an unknown category and a locale without names are mistakes at `names`."""
        wanted = spec.names
        self._spec = spec
        self._default = wanted.locale or spec.locale
        self._column: int | None = None
        self._of_code: list[str] = []
        if wanted.by is None:
            if wanted.locales:
                cure = "add `by: country`, the dimension whose categories these are"
                places.add(("names", "locales"), "nothing says whose categories these are", cure)
            return
        names = [factor.name for factor in model.factors]
        if wanted.by not in names:
            problem = f"{wanted.by!r} is no dimension with categories"
            places.add(("names", "by"), problem, did_you_mean(wanted.by, names))
            return
        self._column = names.index(wanted.by)
        labels = model.factors[self._column].labels
        self._of_code = [wanted.locales.get(label, self._default) for label in labels]
        _check_locales(spec, labels, places)

    def names(self, indices: Ints, genders: list[str | None], codes: Codes) -> list[str | None]:
        """A name for each person, shape (n,); `codes` are those of all factors of the model."""
        wanted = self._spec.names
        if self._column is None:
            return names_of(indices, genders, locale=self._default, seed=self._spec.seed, provider=wanted.provider)
        found: npt.NDArray[Any] = np.full(len(indices), None, dtype=object)
        known = np.array(genders, dtype=object)
        locale = np.array(self._of_code, dtype=object)[codes[:, self._column]]
        for one in dict.fromkeys(self._of_code):
            mine = np.flatnonzero(locale == one)
            found[mine] = names_of(
                indices[mine],
                known[mine].tolist(),
                locale=one,
                seed=self._spec.seed,
                provider=wanted.provider,
            )
        return list(found.tolist())


def name_digests(spec: PopulationSpec) -> Mapping[str, str]:
    """The word lists that name these people and are not on record, mostly none: `names/locale` -> SHA-256 (hex)."""
    if spec.names.provider == NameProvider.NONE:
        return {}
    wanted = {spec.names.locale or spec.locale, *spec.names.locales.values()}
    return {f"names/{locale}": digest for locale, digest in lists_off_record(sorted(wanted)).items()}


def _check_locales(spec: PopulationSpec, labels: tuple[str, ...], places: Places) -> None:
    if not spec.names.locales:
        places.add(("names", "by"), "no category has a locale", "add `locales: {<category>: <locale>}`")
    for label, locale in spec.names.locales.items():
        place = ("names", "locales", label)
        if label not in labels:
            places.add(place, f"{spec.names.by} has no category {label!r}", did_you_mean(label, list(labels)))
        elif spec.names.provider != NameProvider.NONE and not has_locale(locale):
            places.add(place, f"there are no names for the locale {locale!r}", did_you_mean(locale, list(locales())))
