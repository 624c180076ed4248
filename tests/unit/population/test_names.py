"""Names: from each locale, by gender, the same for the same person."""

from __future__ import annotations

import importlib.metadata
import tomllib
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from faker.providers.person.en_US import Provider

from troupe_batch.population.facts import names as name_lists
from troupe_batch.population.facts.names import (
    gender_of,
    has_locale,
    list_digest,
    lists_off_record,
    locales,
    name_form,
    names_of,
)
from troupe_batch.population.spec import NameProvider


def draw(
    count: int, gender: str | None, locale: str = "en_US", seed: int = 1, provider: NameProvider = NameProvider.FAKER
) -> list[str | None]:
    return names_of(np.arange(count), [gender] * count, locale=locale, seed=seed, provider=provider)


@pytest.mark.parametrize("locale", [locale for locale in locales() if has_locale(locale)])
def test_every_locale_gives_full_names(locale: str) -> None:
    names = draw(20, "female", locale) + draw(20, "male", locale) + draw(20, None, locale)

    assert all(name and name == name.strip() and "{" not in name for name in names)
    assert not any("Doe" in str(name) for name in names)
    assert len(set(names)) > 10


def test_names_follow_gender() -> None:
    women = {str(name).split()[0] for name in draw(500, "female")}
    men = {str(name).split()[0] for name in draw(500, "male")}

    assert women <= set(Provider.first_names_female)
    assert men <= set(Provider.first_names_male)


def test_frequent_names_are_frequent() -> None:
    count = 50_000
    last = Counter(str(name).split()[-1] for name in draw(count, "male"))
    total = sum(Provider.last_names.values())

    for surname in ("Smith", "Johnson", "Nguyen"):
        share = Provider.last_names[surname] / total
        assert abs(last[surname] / count - share) < 5 * np.sqrt(share / count)


def test_a_person_has_the_same_name_in_any_stretch_and_another_with_another_seed() -> None:
    alone = names_of(np.array([17]), ["female"], locale="fr_FR", seed=3, provider=NameProvider.FAKER)
    everyone = draw(30, "female", "fr_FR", seed=3)

    assert alone == [everyone[17]]
    assert everyone != draw(30, "female", "fr_FR", seed=4)


def test_initials_and_no_names() -> None:
    assert draw(3, "male", provider=NameProvider.NONE) == [None, None, None]
    for full, initials in zip(draw(20, "male"), draw(20, "male", provider=NameProvider.INITIALS), strict=True):
        first, last = str(full).split()
        assert initials == f"{first[0]}. {last[0]}."


@pytest.mark.parametrize(
    ("label", "gender"),
    [("female", "female"), ("Woman", "female"), ("M", "male"), ("men", "male"), ("non-binary", None), ("34", None)],
)
def test_labels_of_gender(label: str, gender: str | None) -> None:
    assert gender_of(label) == gender


def test_a_locale_without_word_lists_is_known_to_have_none() -> None:
    assert not has_locale("xx_XX")
    assert not has_locale("es")


def test_the_word_lists_that_people_are_named_from_are_those_on_record() -> None:
    """Where Faker has changed some, the record stays: plans name those lists, and runs of before are refused."""
    named = [locale for locale in locales() if has_locale(locale)]
    record = tomllib.loads(Path(name_lists.__file__).with_name("name_lists.toml").read_text(encoding="utf-8"))

    assert {locale: list_digest(locale) for locale in named} == record["lists"]


def test_lists_of_another_faker_are_told_by_what_they_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.metadata, "version", lambda _: "99.0.0")
    same = lists_off_record(["en_US", "ja_JP", "xx_XX"])
    monkeypatch.setattr(Provider, "first_names_female", {"Ada": 1.0, "Bea": 2.0})
    name_form.cache_clear()

    try:
        assert same == {}
        assert set(lists_off_record(["en_US", "ja_JP"])) == {"en_US"}
    finally:
        name_form.cache_clear()
