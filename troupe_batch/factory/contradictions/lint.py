"""All contradictions between the facts of a person and what was written about them."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from troupe_batch.factory.contradictions.age import age, is_age
from troupe_batch.factory.contradictions.clauses import Story, read_story
from troupe_batch.factory.contradictions.finding import Contradiction, Fact, plain
from troupe_batch.factory.contradictions.gender import gender, is_gender
from troupe_batch.factory.contradictions.household import (
    children,
    household,
    is_children,
    is_household,
    is_marital,
    marital,
    relationship_field,
)
from troupe_batch.factory.contradictions.money import is_money, money
from troupe_batch.factory.contradictions.naming import other_name
from troupe_batch.factory.contradictions.numbers import range_of
from troupe_batch.factory.contradictions.place import is_place, place, residence_field
from troupe_batch.factory.contradictions.schooling import is_schooling, schooling, schooling_field
from troupe_batch.factory.contradictions.work import is_work, occupation_field, work
from troupe_batch.persona.persona import Scalar

_RULES: tuple[tuple[Callable[[Fact], bool], Callable[[Fact, Story], Iterator[str]]], ...] = (
    (is_age, age),
    (is_gender, gender),
    (is_work, work),
    (is_household, household),
    (is_marital, marital),
    (is_children, children),
    (is_schooling, schooling),
    (is_place, place),
    (is_money, money),
)
# The rehearsal marks its made-up texts so: a placeholder states nothing, and contradicts nothing.
_PLACEHOLDER = "[rehearsal]"
# The parts of a full persona that tell of the person as they are; goals, likes and other people are not among them.
_TOLD = ("bio", "health", "other_facts", "style", "description")


@dataclass(frozen=True)
class Person:
    """Whom a text is about: their facts, and for facts with a fixed list of values, that list.

    `locale` is the language of the text. Prose is read in English only; in others only the number behind the name.
    """

    name: str | None
    facts: Mapping[str, Scalar]
    locale: str = "en_US"
    labels: Mapping[str, Sequence[str]] | None = None


def contradictions(written: Mapping[str, Any], person: Person) -> tuple[Contradiction, ...]:
    """What in the written parts of a persona cannot be true of the person, each once.

    It would rather miss a contradiction than invent one: silence is no proof that there is none.
    """
    is_english = person.locale.casefold().startswith("en")
    facts = [
        Fact(name, value, (person.labels or {}).get(name, ()))
        for name, value in person.facts.items()
        if value is not None and value != ""
    ]
    found = list(_in_names(written, person))
    if is_english:
        for text in _told(written):
            found += _in_prose(text, person, facts)
        found += _in_fields(written, facts)
    else:
        found += _behind_the_name(written, person, facts)
    return tuple(dict.fromkeys(found))


def _in_names(written: Mapping[str, Any], person: Person) -> Iterator[Contradiction]:
    if person.name:
        for said in other_name(person.name, _text(written.get("bio"))):
            yield Contradiction("name", person.name, said)


def _behind_the_name(written: Mapping[str, Any], person: Person, facts: Sequence[Fact]) -> Iterator[Contradiction]:
    """Another age behind the name: "Ana Ruiz, 54, ..." reads alike in many languages."""
    name, text = plain(person.name or "").strip(), plain(_text(written.get("bio"))).lstrip()
    stated = re.match(rf"{re.escape(name)}(?:, (\d{{2,3}}),| \((\d{{2,3}})\))", text) if name else None
    if stated is None:
        return
    years = int(stated[1] or stated[2])
    for fact in facts:
        ages = range_of(fact) if is_age(fact) else None
        if ages and not math.floor(ages[0]) <= years <= ages[1]:
            yield Contradiction(fact.name, fact.value, stated[0])


def _in_prose(text: str, person: Person, facts: Sequence[Fact]) -> Iterator[Contradiction]:
    story = read_story(text, person.name)
    for fact in facts:
        for is_about, rule in _RULES:
            if is_about(fact):
                yield from (Contradiction(fact.name, fact.value, said) for said in rule(fact, story))


def _in_fields(written: Mapping[str, Any], facts: Sequence[Fact]) -> Iterator[Contradiction]:
    """Parts that state one thing each: schooling, occupation, residence, relationships."""
    for fact in facts:
        for said in _wrong_fields(fact, written):
            yield Contradiction(fact.name, fact.value, said)


def _wrong_fields(fact: Fact, written: Mapping[str, Any]) -> Iterator[str]:
    if is_schooling(fact) and schooling_field(fact, schooled := _stated(written.get("education"))):
        yield schooled
    if is_place(fact) and residence_field(fact, home := _stated(written.get("residence"))):
        yield home
    occupation = written.get("occupation")
    if is_work(fact) and isinstance(occupation, Mapping):
        title, *details = (_stated(occupation.get(key)) for key in ("title", "organization", "description"))
        if occupation_field(fact, title, details):
            yield ", ".join(part for part in (title, details[0]) if part)
    for one in written.get("relationships") or ():
        described = _stated(one.get("description")) if isinstance(one, Mapping) else ""
        if relationship_field(fact, plain(described)):
            yield described


def _told(parts: Mapping[str, Any]) -> Iterator[str]:
    """The texts that tell of the person, each entry of a list by itself."""
    for key in _TOLD:
        value = parts.get(key)
        if isinstance(value, str):
            yield value
        elif isinstance(value, list):
            yield from (one for one in value if isinstance(one, str))
    occupation = parts.get("occupation")
    if isinstance(occupation, Mapping):
        yield _text(occupation.get("description"))


def _stated(value: Any) -> str:
    """What a field of one thing says; nothing where it is a placeholder."""
    text = _text(value)
    return "" if text.startswith(_PLACEHOLDER) else text


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
